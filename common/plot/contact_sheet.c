/* contact_sheet: see contact_sheet.h. */
#include "common/plot/contact_sheet.h"

#include "common/cli/cli.h"
#include "common/image/image.h"
#include "common/image/image_file.h"

#include <math.h>

enum { COLUMNS = 6, CELL = 132, GAP = 14, HEAD = 34, CAPTION = 16, PIXELS = 2 * CELL };

typedef struct {
    char *file; /* NULL: the place stays empty */
    char *caption, *note;
    guint32 color;
} Image;

struct ContactSheet {
    char *title, *folder;
    guint columns;
    GArray *images; /* Image */
    guint missing;
};

static void image_clear(gpointer data)
{
    Image *image = data;
    g_free(image->file);
    g_free(image->caption);
    g_free(image->note);
}

ContactSheet *contact_sheet_new(const char *title, const char *folder, guint columns)
{
    ContactSheet *sheet = g_new(ContactSheet, 1);
    *sheet = (ContactSheet){.title = g_strdup(title),
                            .folder = g_strdup(folder),
                            .columns = columns,
                            .images = g_array_new(FALSE, TRUE, sizeof(Image))};
    g_array_set_clear_func(sheet->images, image_clear);
    return sheet;
}

void contact_sheet_free(ContactSheet *sheet)
{
    if (!sheet)
        return;
    g_free(sheet->title);
    g_free(sheet->folder);
    g_array_unref(sheet->images);
    g_free(sheet);
}

void contact_sheet_add(ContactSheet *sheet, const char *path, const char *caption, const char *note,
                       guint32 color)
{
    Image image = {.file = note ? g_strdup(path) : g_build_filename(sheet->folder, path, NULL),
                   .caption = g_strdup(caption),
                   .note = g_strdup(note ? note : path),
                   .color = color};
    g_array_append_val(sheet->images, image);
}

void contact_sheet_end_row(ContactSheet *sheet)
{
    guint columns = sheet->columns;
    g_array_set_size(sheet->images, (sheet->images->len + columns - 1) / columns * columns);
}

/* ---- Drawing ---- */

static gboolean load(const char *path, guint8 *rgb)
{
    const Decoding upright = {PRESET_VIPS, FIT_STRETCH, TRUE, PIXELS};
    return image_file_decode(path, &upright, rgb, NULL, NULL);
}

/* text shortened in its middle, so that beginning and end stay, to the width of a cell. */
static char *fitting(Canvas *canvas, const char *text, double size, gboolean bold)
{
    char *valid = g_utf8_make_valid(text, -1);
    glong length = g_utf8_strlen(valid, -1);
    for (glong keep = length - 1; keep > 4 && canvas_text_width(canvas, size, bold, valid) > CELL; keep--) {
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
    g_autofree char *cut = fitting(canvas, text, 9, bold);
    canvas_text(canvas, x, y, (CanvasFont){9, color, bold}, ALIGN_LEFT, 0, cut);
}

/* FALSE if the image could not be read. */
static gboolean draw_image(Canvas *canvas, double x, double y, const Image *image, guint8 *rgb)
{
    const CanvasTheme *theme = canvas_theme(canvas);
    gboolean loaded = load(image->file, rgb);
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

static guint shown(const ContactSheet *sheet)
{
    return MIN(sheet->images->len, CONTACT_SHEET_MAX);
}

static guint columns_of(const ContactSheet *sheet)
{
    return MAX(sheet->columns ? sheet->columns : MIN(shown(sheet), COLUMNS), 3);
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    ContactSheet *sheet = (gpointer)figure->of;
    guint n = sheet->images->len, columns = columns_of(sheet);
    const CanvasTheme *theme = canvas_theme(canvas);
    g_autofree char *head = shown(sheet) < n
                                ? g_strdup_printf("%s (the first %u of %u)", sheet->title, shown(sheet), n)
                                : g_strdup(sheet->title);
    canvas_text(canvas, GAP, GAP + HEAD / 2.0 - 4, (CanvasFont){13, theme->ink, TRUE}, ALIGN_LEFT, 0, head);
    if (!n)
        canvas_text(canvas, GAP, HEAD + GAP + CELL / 2.0, (CanvasFont){11, theme->soft, FALSE}, ALIGN_LEFT, 0,
                    "none");
    g_autofree guint8 *rgb = g_malloc((gsize)PIXELS * PIXELS * 3);
    for (guint i = 0; i < shown(sheet); i++) {
        const Image *image = &g_array_index(sheet->images, Image, i);
        double x = GAP + (i % columns) * (double)(CELL + GAP),
               y = HEAD + GAP + (i / columns) * (double)(CELL + 2 * CAPTION + GAP);
        sheet->missing += image->file && !draw_image(canvas, x, y, image, rgb);
    }
}

gboolean contact_sheet_write(ContactSheet *sheet, const char *path, guint *missing, GError **error)
{
    guint columns = columns_of(sheet), rows = MAX(1, (shown(sheet) + columns - 1) / columns);
    const CanvasFigure figure = {.width = GAP + columns * (double)(CELL + GAP),
                                 .height = HEAD + GAP + rows * (double)(CELL + 2 * CAPTION + GAP),
                                 .draw = draw,
                                 .of = sheet};
    sheet->missing = 0;
    if (!canvas_write(figure, path, error))
        return FALSE;
    if (missing)
        *missing = sheet->missing;
    if (sheet->missing)
        cli_warn("%u of the images could not be read below %s and are left blank in %s", sheet->missing,
                 sheet->folder, path);
    return TRUE;
}
