/* contact_sheet: images as thumbnails in a grid, each with a caption of two lines. */
#pragma once
#include "common/plot/canvas.h"

enum { CONTACT_SHEET_MAX = 120 }; /* images on a sheet; further ones are left out, and the title says so */

typedef struct {
    const char *path;           /* of the image file */
    const char *caption, *note; /* below it; UTF-8 or any file name; NULL for none */
    guint32 color;              /* of a frame around it and of the caption; 0: no frame, caption in ink */
} ContactImage;

/* Writes PNG, SVG or PDF by the ending of path, with this many columns (0: up to six). Where an image's path is NULL,
 * its place stays empty. An image that cannot be read becomes a frame that says so; *missing (may be NULL): how many.
 * n may be 0: then the sheet says that there are no images. */
gboolean contact_sheet_write(const char *path, const char *title, const ContactImage *images, guint n,
                             guint columns, guint *missing, GError **error);
