/* contact_sheet: images as thumbnails in a grid, each with a caption of two lines. */
#pragma once
#include "common/plot/canvas.h"

enum { CONTACT_SHEET_MAX = 120 }; /* images on a sheet; further ones are left out, and the title says so */

typedef struct ContactSheet ContactSheet;

/* folder: of images that are added by their paths below it. columns: at least three, which hold the title; 0: up to six. */
ContactSheet *contact_sheet_new(const char *title, const char *folder, guint columns);
void contact_sheet_free(ContactSheet *sheet);

/* Copies all of it. path: below the folder, and the second line of the caption; or of a file elsewhere, where `note` (not
 * NULL) is that. Texts: UTF-8 or any file name. color: of a frame around the image and of the caption; 0: no frame,
 * caption in ink. */
void contact_sheet_add(ContactSheet *sheet, const char *path, const char *caption, const char *note,
                       guint32 color);
void contact_sheet_end_row(ContactSheet *sheet); /* of a sheet with columns: leaves its other places empty */

/* Writes PNG, SVG or PDF by the ending of path. An image that cannot be read becomes a frame that says so, and a warning
 * says how many did; *missing (may be NULL): the same number. Without images the sheet says that there are none. */
gboolean contact_sheet_write(ContactSheet *sheet, const char *path, guint *missing, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContactSheet, contact_sheet_free)
