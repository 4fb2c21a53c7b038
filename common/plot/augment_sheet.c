/* augment_sheet: see augment_sheet.h. */
#include "common/plot/augment_sheet.h"

#include "common/plot/canvas.h"

gboolean augment_sheet_write(const char *path, const AugmentOptions *options, guint64 seed,
                             const char *const *keys, const guint8 *const *rgb, guint n, guint copies,
                             int side, GError **error)
{
    enum { CELL = 112, GAP = 8, HEAD = 22, LABEL = 16 };
    double width = GAP + (copies + 1.0) * (CELL + GAP), height = HEAD + GAP + n * (CELL + LABEL + GAP);
    Canvas *canvas = canvas_new(path, width, height, error);
    if (!canvas)
        return FALSE;
    g_autofree guint8 *changed = g_malloc((gsize)side * (gsize)side * 3);
    for (guint copy = 0; copy <= copies; copy++) {
        double x = GAP + copy * (double)(CELL + GAP);
        g_autofree char *title = copy ? g_strdup_printf("copy %u", copy) : g_strdup("original");
        canvas_text(canvas, x + CELL / 2.0, GAP + HEAD / 2.0,
                    (CanvasFont){11, canvas_theme(canvas)->ink, TRUE}, ALIGN_CENTER, 0, title);
        for (guint i = 0; i < n; i++) {
            double y = HEAD + GAP + i * (double)(CELL + LABEL + GAP);
            Augmentation a = augment_draw(options, seed, keys[i], copy, side);
            augment_pixels(rgb[i], side, &a, changed);
            canvas_image(canvas, x, y, CELL, changed, side);
            if (copy == 0)
                canvas_text(canvas, x, y + CELL + LABEL / 2.0,
                            (CanvasFont){9, canvas_theme(canvas)->soft, FALSE}, ALIGN_LEFT, 0, keys[i]);
        }
    }
    return canvas_finish(canvas, error);
}
