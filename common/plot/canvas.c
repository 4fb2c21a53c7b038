/* canvas: see canvas.h. */
#include "common/plot/canvas.h"

#include "common/cli/fatal.h"
#include "common/cli/output_plan.h"
#include "common/core/error.h"
#include "common/core/output_file.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <fontconfig/fontconfig.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PNG_SCALE = 2 };

const CanvasTheme canvas_light = {
    0xFFFFFF, 0x1B1F24, 0x57606A, 0xD0D7DE, {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9}};
const CanvasTheme canvas_dark = {
    0x16191D, 0xE6EAEE, 0xA3ADB8, 0x3A424B, {0x5BB8F0, 0xF28E4B, 0x35C79F, 0xE3A3C8, 0xF2C14E, 0xA9D8F5}};

struct Canvas {
    CanvasFormat format;
    const CanvasTheme *theme;
    GByteArray *bytes; /* what Cairo has written so far */
    cairo_surface_t *surface;
    cairo_t *cairo;
    PangoLayout *layout;
    gboolean textless; /* plain letters were drawn as boxes: there is no font */
};

/* ---- Formats ---- */

static cairo_status_t append(void *bytes, const unsigned char *data, unsigned int length)
{
    g_byte_array_append(bytes, data, length);
    return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *surface_new(CanvasFormat format, double width, double height, GByteArray *bytes)
{
    if (format == CANVAS_PNG)
        return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(width * PNG_SCALE),
                                          (int)ceil(height * PNG_SCALE));
    return (format == CANVAS_SVG ? cairo_svg_surface_create_for_stream
                                 : cairo_pdf_surface_create_for_stream)(append, bytes, width, height);
}

/* ---- Fonts ---- */

#ifdef __SANITIZE_ADDRESS__
/* Fontconfig keeps its memory until the process ends, which LeakSanitizer would report. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

/* Fontconfig's lines become debug messages, lines before them go to stderr. A line after one continues it: the text of an
 * error number, which Fontconfig takes from a buffer that it has not filled, may contain a newline. */
static void pass_on(char *said)
{
    g_auto(GStrv) lines = g_strsplit(said, "\n", -1);
    gboolean fontconfig = FALSE;
    for (char **line = lines; *line; line++) {
        fontconfig = fontconfig || g_str_has_prefix(*line, "Fontconfig");
        if (fontconfig)
            g_log("vggcache", G_LOG_LEVEL_DEBUG, "%s", *line);
        else if (**line)
            fprintf(stderr, "%s\n", *line);
    }
}

/* Fontconfig prints warnings, such as that it has no writable cache folder, and has no setting to disable them. They do
 * not matter if text can be drawn; if not, canvas_render reports it. So stderr, a variable in glibc, is redirected to
 * memory while Fontconfig looks for fonts. */
static void find_fonts(void)
{
    static gboolean found;
    char *said = NULL;
    gsize size;
    if (found)
        return;
    FILE *real = stderr, *memory = open_memstream(&said, &size);
    if (memory)
        stderr = memory;
    found = FcInit();
    stderr = real;
    if (memory && fclose(memory) == 0)
        pass_on(said);
    free(said);
}

/* Pango warned ("expect ugly output") of a font that it could not read. It does not retry, so this is never reset. */
static gint font_failed;

static PangoLayout *layout_new(cairo_t *cairo)
{
    PangoLayout *layout = pango_cairo_create_layout(cairo);
    cairo_font_options_t *options = cairo_font_options_create();
    /* Without hinting, text is as wide at every scale and in every format. */
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    pango_cairo_context_set_font_options(pango_layout_get_context(layout), options);
    cairo_font_options_destroy(options);
    pango_context_set_round_glyph_positions(pango_layout_get_context(layout), FALSE);
    return layout;
}

/* ---- Opening and encoding ---- */

static void set_color(cairo_t *cairo, guint32 color, double opacity)
{
    cairo_set_source_rgba(cairo, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0,
                          (color & 255) / 255.0, opacity);
}

static Canvas *canvas_open(CanvasFormat format, double width, double height, const CanvasTheme *theme)
{
    fatal_watch("Pango", &font_failed);
    find_fonts();
    Canvas *canvas = g_new0(Canvas, 1);
    canvas->format = format;
    canvas->theme = theme;
    canvas->bytes = g_byte_array_new();
    canvas->surface = surface_new(format, width, height, canvas->bytes);
    canvas->cairo = cairo_create(canvas->surface);
    if (format == CANVAS_PNG)
        cairo_scale(canvas->cairo, PNG_SCALE, PNG_SCALE);
    canvas->layout = layout_new(canvas->cairo);
    set_color(canvas->cairo, theme->paper, 1);
    cairo_paint(canvas->cairo);
    return canvas;
}

static void canvas_free(Canvas *canvas)
{
    g_object_unref(canvas->layout);
    cairo_destroy(canvas->cairo);
    cairo_surface_destroy(canvas->surface); /* before bytes, to which it may still write */
    if (canvas->bytes)
        g_byte_array_unref(canvas->bytes);
    g_free(canvas);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Canvas, canvas_free)

const CanvasTheme *canvas_theme(const Canvas *canvas)
{
    return canvas->theme;
}

/* Completes the figure in canvas->bytes. */
static gboolean encode(Canvas *canvas, GError **error)
{
    cairo_status_t status = cairo_status(canvas->cairo);
    if (status == CAIRO_STATUS_SUCCESS && canvas->format == CANVAS_PNG)
        status = cairo_surface_write_to_png_stream(canvas->surface, append, canvas->bytes);
    cairo_surface_finish(canvas->surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(canvas->surface);
    if (status != CAIRO_STATUS_SUCCESS)
        return error_set(error, "it could not be drawn: %s", cairo_status_to_string(status));
    return (!canvas->textless && !g_atomic_int_get(&font_failed)) ||
           error_set(error,
                     "its text could not be drawn: no font could be read; install DejaVu Sans (on Debian, "
                     "fonts-dejavu-core)");
}

/* ---- Figures ---- */

gboolean canvas_write(CanvasFigure figure, const char *path, GError **error)
{
    int format = output_plan_figure(path, error);
    if (format < 0)
        return FALSE;
    g_autoptr(GBytes) bytes = canvas_render(figure, (CanvasFormat)format, &canvas_light, error);
    if (bytes)
        return output_file_write(path, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), error);
    g_prefix_error(error, "%s: ", path);
    return FALSE;
}

GBytes *canvas_render(CanvasFigure figure, CanvasFormat format, const CanvasTheme *theme, GError **error)
{
    double width = figure.width, height = figure.height;
    if (figure.refusal)
        return error_null(error, "%s", figure.refusal);
    if (!(width >= 1 && height >= 1 && width <= CANVAS_MAX_SIDE && height <= CANVAS_MAX_SIDE))
        return error_null(
            error, "a figure of %.0f x %.0f points cannot be drawn (limit: %d on each side); show less in it",
            width, height, CANVAS_MAX_SIDE);
    g_autoptr(Canvas) canvas = canvas_open(format, width, height, theme);
    figure.draw(canvas, &figure);
    return encode(canvas, error) ? g_byte_array_free_to_bytes(g_steal_pointer(&canvas->bytes)) : NULL;
}

/* ---- Drawing ---- */

void canvas_frame(Canvas *canvas, double x, double y, double width, double height, double line, guint32 color)
{
    set_color(canvas->cairo, color, 1);
    cairo_set_line_width(canvas->cairo, line);
    cairo_rectangle(canvas->cairo, x, y, width, height);
    cairo_stroke(canvas->cairo);
}

static void trace(cairo_t *cairo, const double *xy, guint points)
{
    cairo_new_path(cairo);
    for (guint i = 0; i < points; i++)
        cairo_line_to(cairo, xy[2 * i], xy[2 * i + 1]);
}

void canvas_line(Canvas *canvas, const double *xy, guint points, double line, guint32 color, gboolean dashed)
{
    const double dashes[] = {3 * line, 2.5 * line};
    set_color(canvas->cairo, color, 1);
    cairo_set_line_width(canvas->cairo, line);
    cairo_set_line_join(canvas->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_dash(canvas->cairo, dashes, dashed ? 2 : 0, 0);
    trace(canvas->cairo, xy, points);
    cairo_stroke(canvas->cairo);
    cairo_set_dash(canvas->cairo, NULL, 0, 0);
}

void canvas_polygon(Canvas *canvas, const double *xy, guint points, guint32 fill, double opacity)
{
    set_color(canvas->cairo, fill, opacity);
    trace(canvas->cairo, xy, points);
    cairo_close_path(canvas->cairo);
    cairo_fill(canvas->cairo);
}

void canvas_rectangle(Canvas *canvas, double x, double y, double width, double height, guint32 fill,
                      double opacity)
{
    const double right = x + width, bottom = y + height;
    canvas_polygon(canvas, (double[]){x, y, right, y, right, bottom, x, bottom}, 4, fill, opacity);
}

void canvas_disc(Canvas *canvas, double x, double y, double radius, guint32 color)
{
    set_color(canvas->cairo, color, 1);
    cairo_new_path(canvas->cairo);
    cairo_arc(canvas->cairo, x, y, radius, 0, 2 * G_PI);
    cairo_fill(canvas->cairo);
}

static void layout_set(PangoLayout *layout, double size, gboolean bold, const char *text)
{
    PangoFontDescription *font =
        pango_font_description_from_string(bold ? "DejaVu Sans Bold" : "DejaVu Sans");
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    g_autofree char *valid = g_utf8_make_valid(text, -1); /* names of files and classes may hold any bytes */
    pango_layout_set_single_paragraph_mode(layout, TRUE);
    pango_layout_set_text(layout, valid, -1);
}

static double layout_width(PangoLayout *layout)
{
    PangoRectangle logical;
    pango_layout_get_extents(layout, NULL, &logical);
    return (double)logical.width / PANGO_SCALE;
}

double canvas_text_width(Canvas *canvas, double size, gboolean bold, const char *text)
{
    if (canvas) {
        layout_set(canvas->layout, size, bold, text);
        return layout_width(canvas->layout);
    }
    g_autoptr(Canvas) ruler = canvas_open(CANVAS_PNG, 1, 1, &canvas_light);
    return canvas_text_width(ruler, size, bold, text);
}

/* TRUE if the text has only letters that every font has. */
static gboolean is_plain(const char *text)
{
    while (g_ascii_isprint(*text))
        text++;
    return !*text;
}

void canvas_text(Canvas *canvas, double x, double y, CanvasFont font, Align align, double degrees,
                 const char *text)
{
    /* The middle of lower-case letters and digits is about 0.36 em above the baseline. */
    const double middle = 0.36;
    cairo_t *cairo = canvas->cairo;
    layout_set(canvas->layout, font.size, font.bold, text);
    const double shift = align == ALIGN_LEFT ? 0 : align == ALIGN_CENTER ? 0.5 : 1;
    double width = layout_width(canvas->layout);
    double baseline = (double)pango_layout_get_baseline(canvas->layout) / PANGO_SCALE;
    cairo_save(cairo);
    cairo_translate(cairo, x, y);
    cairo_rotate(cairo, -degrees * G_PI / 180);
    cairo_move_to(cairo, -shift * width, middle * font.size - baseline);
    set_color(cairo, font.color, 1);
    pango_cairo_update_layout(cairo, canvas->layout);
    pango_cairo_show_layout(cairo, canvas->layout);
    canvas->textless |= is_plain(text) && pango_layout_get_unknown_glyphs_count(canvas->layout) > 0;
    cairo_restore(cairo);
    cairo_new_path(cairo);
}

void canvas_image(Canvas *canvas, double x, double y, double size, const guint8 *rgb, int side)
{
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, side, side);
    guint8 *pixels = cairo_image_surface_get_data(image);
    for (int row = 0; pixels && row < side; row++) {
        guint32 *out = (guint32 *)(pixels + (gsize)row * cairo_image_surface_get_stride(image));
        const guint8 *in = rgb + (gsize)row * side * 3;
        for (int column = 0; column < side; column++, in += 3)
            out[column] = (guint32)in[0] << 16 | (guint32)in[1] << 8 | in[2];
    }
    cairo_surface_mark_dirty(image);
    cairo_save(canvas->cairo);
    cairo_translate(canvas->cairo, x, y);
    cairo_scale(canvas->cairo, size / side, size / side);
    cairo_set_source_surface(canvas->cairo, image, 0, 0);
    cairo_pattern_set_extend(cairo_get_source(canvas->cairo),
                             CAIRO_EXTEND_PAD); /* no blurred edge when it is scaled */
    cairo_rectangle(canvas->cairo, 0, 0, side, side);
    cairo_fill(canvas->cairo);
    cairo_restore(canvas->cairo);
    cairo_surface_destroy(image);
}

void canvas_clip(Canvas *canvas, double x, double y, double width, double height)
{
    cairo_save(canvas->cairo);
    cairo_rectangle(canvas->cairo, x, y, width, height);
    cairo_clip(canvas->cairo);
}

void canvas_unclip(Canvas *canvas)
{
    cairo_restore(canvas->cairo);
}
