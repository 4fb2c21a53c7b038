/* contact_sheet: see contact_sheet.h. */
#include "common/plot/contact_sheet.h"

#include "common/image/image.h"
#include "common/image/image_file.h"

#include <math.h>

enum { COLUMNS = 6, CELL = 132, GAP = 14, HEAD = 34, CAPTION = 16, PIXELS = 2 * CELL };

static gboolean load(const char *path, guint8 *rgb)
{
    const Decoding upright = {PRESET_VIPS, FIT_STRETCH, TRUE, PIXELS};
    return image_file_decode(path, &upright, rgb, NULL, NULL);
}

/* text shortened in its middle, so that beginning and end stay, to the width of a cell. */
static char *fitting(const char *text, double size, gboolean bold)
{
    char *valid = g_utf8_make_valid(text, -1);
    glong length = g_utf8_strlen(valid, -1);
    for (glong keep = length - 1; keep > 4 && canvas_text_width(NULL, size, bold, valid) > CELL; keep--) {
        g_autofree char *whole = g_utf8_make_valid(text, -1);
        g_autofree char *start = g_utf8_substring(whole, 0, keep / 2);
        g_autofree char *end = g_utf8_substring(whole, length - (keep - keep / 2), length);
        g_free(valid);
        valid = g_strdup_printf("%s…%s", start, end);
    }
    return valid;
}

static void draw_text(Canvas *canvas, double x, double y, guint32 color, gboolean bold, const char *text)
{
    if (!text)
        return;
    g_autofree char *cut = fitting(text, 9, bold);
    canvas_text(canvas, x, y, (CanvasFont){9, color, bold}, ALIGN_LEFT, 0, cut);
}

/* FALSE if the image could not be read. */
static gboolean draw_image(Canvas *canvas, double x, double y, const ContactImage *image, guint8 *rgb)
{
    const CanvasTheme *theme = canvas_theme(canvas);
    gboolean loaded = load(image->path, rgb);
    if (loaded)
        canvas_image(canvas, x, y, CELL, rgb, PIXELS);
    else
        canvas_text(canvas, x + CELL / 2.0, y + CELL / 2.0, (CanvasFont){9, theme->soft, FALSE}, ALIGN_CENTER,
                    0, "cannot be read");
    if (image->color || !loaded)
        canvas_frame(canvas, x, y, CELL, CELL, image->color ? 2 : 1,
                     image->color ? image->color : theme->faint);
    draw_text(canvas, x, y + CELL + CAPTION * 0.6, image->color ? image->color : theme->ink, TRUE,
              image->caption);
    draw_text(canvas, x, y + CELL + CAPTION * 1.5, theme->soft, FALSE, image->note);
    return loaded;
}

gboolean contact_sheet_write(const char *path, const char *title, const ContactImage *images, guint n,
                             guint columns, guint *missing, GError **error)
{
    guint shown = MIN(n, CONTACT_SHEET_MAX), absent = 0;
    columns = MAX(columns ? columns : MIN(shown, COLUMNS), 3);
    guint rows = MAX(1, (shown + columns - 1) / columns);
    double width = GAP + columns * (double)(CELL + GAP);
    double height = HEAD + GAP + rows * (double)(CELL + 2 * CAPTION + GAP);
    Canvas *canvas = canvas_new(path, width, height, error);
    if (!canvas)
        return FALSE;
    const CanvasTheme *theme = canvas_theme(canvas);
    g_autofree char *head =
        shown < n ? g_strdup_printf("%s (the first %u of %u)", title, shown, n) : g_strdup(title);
    canvas_text(canvas, GAP, GAP + HEAD / 2.0 - 4, (CanvasFont){13, theme->ink, TRUE}, ALIGN_LEFT, 0, head);
    if (!n)
        canvas_text(canvas, GAP, HEAD + GAP + CELL / 2.0, (CanvasFont){11, theme->soft, FALSE}, ALIGN_LEFT, 0,
                    "none");
    g_autofree guint8 *rgb = g_malloc((gsize)PIXELS * PIXELS * 3);
    for (guint i = 0; i < shown; i++)
        absent +=
            images[i].path &&
            !draw_image(canvas, GAP + (i % columns) * (double)(CELL + GAP),
                        HEAD + GAP + (i / columns) * (double)(CELL + 2 * CAPTION + GAP), images + i, rgb);
    if (missing)
        *missing = absent;
    return canvas_finish(canvas, error);
}
