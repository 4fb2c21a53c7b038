/* contact_sheet: images as thumbnails in a grid, each with a caption of two lines. */
#pragma once
#include "common/plot/canvas.h"

enum { CONTACT_SHEET_MAX = 120 }; /* images on a sheet; the rest is left out, and the title says so */

typedef struct {
    const char *path;           /* of the image file */
    const char *caption, *note; /* beneath it; UTF-8 or bytes of a file system; NULL for none */
    guint32 color;              /* of a frame around it and of the caption; 0: none, and ink */
} ContactImage;

/* Writes PNG, SVG or PDF by the ending of path, so many columns wide (0: up to six). A place whose image has no path
 * stays empty. An image that cannot be read becomes an empty frame that says so; missing (may be NULL) gets how many. n
 * may be 0: then the sheet says that there is none. */
gboolean contact_sheet_write(const char *path, const char *title, const ContactImage *images, guint n,
                             guint columns, guint *missing, GError **error);
