/* augment_sheet: images beside augmented copies of them, to show what the settings do. */
#pragma once
#include "common/image/augment.h"

/* Writes a contact sheet (PNG, SVG or PDF by the ending of path) with one row per image: the original, then `copies`
 * augmented copies. rgb: n pointers to (side, side, 3). */
gboolean augment_sheet_write(const char *path, const AugmentOptions *options, guint64 seed,
                             const char *const *keys, const guint8 *const *rgb, guint n, guint copies,
                             int side, GError **error);
