/* Pictures: files that others can read, axes with the ticks one expects, shades that stay apart, failures in
 * sentences. */
#include "common/cli/cli.h"
#include "common/plot/axes.h"
#include "common/plot/colormap.h"
#include "evaluate/report/confusion.h"
#include "evaluate/report/reliability.h"
#include <cairo.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static char *folder;

static char *inside(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static void draw_something(Canvas *canvas)
{
    const double line[] = {0, 0, 30, 30, 60, 0}, odd[] = {1, NAN, 2, -1, 3, INFINITY};
    const double x[] = {1, 10, 100}, low[] = {0.1, 0.2, NAN}, high[] = {0.5, 0.6, 0.7};
    canvas_rectangle(canvas, 10, 20, 30, 40, 0x0072B2);
    canvas_line(canvas, line, 3, 1, 0xFF0000, TRUE);
    canvas_disc(canvas, 80, 80, 4, 0x009E73);
    canvas_polygon(canvas, line, 3, 0x00FF00, 0.5);
    canvas_text(canvas, 50, 50, 12, 0, ALIGN_CENTER, TRUE, 45, "crème \xff <&>");
    canvas_text(canvas, 50, 90, 12, 0, ALIGN_RIGHT, FALSE, 0, "");
    g_autoptr(Axes) axes = axes_new(canvas, 100, 0, 200, 150,
                                    &(AxesOptions){.title = "t",
                                                   .x_label = "x",
                                                   .y_label = "y",
                                                   .x_from = 1,
                                                   .x_to = 100,
                                                   .x_log = TRUE,
                                                   .y_from = 0,
                                                   .y_to = 0.9,
                                                   .y_percent = TRUE});
    axes_line(axes, x, odd, 3, 0xFF, FALSE, "odd");
    axes_line(axes, odd, odd, 6, 0xFF, TRUE, NULL);
    axes_line(axes, NULL, NULL, 0, 0xFF, TRUE, "none");
    axes_band(axes, x, low, high, 3, 0xFF, "band");
    axes_discs(axes, x, high, 3, 2, 0xFF, "discs");
    axes_bar(axes, 1, 10, 0, 0.4, 0xFF, 0.3);
    axes_mark(axes, 5, 0xFF, "mark");
}

static GBytes *picture(const char *ending, const CanvasTheme *theme)
{
    GError *error = NULL;
    Canvas *canvas = canvas_new_memory(ending, 300, 150.5, theme, &error);
    g_assert_no_error(error);
    draw_something(canvas);
    GBytes *bytes = canvas_finish_memory(canvas, &error);
    g_assert_no_error(error);
    return bytes;
}

static guint32 pixel(cairo_surface_t *surface, int x, int y)
{
    const guint8 *row =
        cairo_image_surface_get_data(surface) + (gsize)y * cairo_image_surface_get_stride(surface);
    return ((const guint32 *)(gconstpointer)row)[x] & 0xFFFFFF;
}

static void test_png(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = inside("picture.png");
    Canvas *canvas = canvas_new(path, 300, 150.5, &error);
    const guint8 rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0};
    canvas_rectangle(canvas, 10, 20, 30, 40, 0x0072B2);
    canvas_image(canvas, 100, 100, 40, 40, rgb, 2, 2);
    g_assert_true(canvas_finish(canvas, &error));
    cairo_surface_t *read = cairo_image_surface_create_from_png(path);
    g_assert_cmpint(cairo_surface_status(read), ==, CAIRO_STATUS_SUCCESS);
    g_assert_cmpint(cairo_image_surface_get_width(read), ==, 600);
    g_assert_cmpint(cairo_image_surface_get_height(read), ==, 301);
    g_assert_cmphex(pixel(read, 0, 0), ==, 0xFFFFFF);
    g_assert_cmphex(pixel(read, 599, 300), ==, 0xFFFFFF);
    g_assert_cmphex(pixel(read, 2 * 10, 2 * 20), ==, 0x0072B2);
    g_assert_cmphex(pixel(read, 2 * 40 - 1, 2 * 60 - 1), ==, 0x0072B2);
    g_assert_cmphex(pixel(read, 2 * 40, 2 * 60), ==, 0xFFFFFF);
    g_assert_cmphex(pixel(read, 205, 205), ==, 0xFF0000);
    g_assert_cmphex(pixel(read, 275, 205), ==, 0x00FF00);
    g_assert_cmphex(pixel(read, 205, 275), ==, 0x0000FF);
    cairo_surface_destroy(read);
    g_unlink(path);
}

static void test_svg(void)
{
    const GMarkupParser parser = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = picture("svg", &canvas_dark);
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);
    GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, NULL, NULL);
    g_markup_parse_context_parse(context, text, (gssize)size, &error);
    g_assert_no_error(error);
    g_markup_parse_context_end_parse(context, &error);
    g_assert_no_error(error);
    g_markup_parse_context_free(context);
    g_assert_nonnull(g_strstr_len(text, (gssize)size, "viewBox=\"0 0 300 150.5\""));
}

static void test_pdf(void)
{
    g_autoptr(GBytes) bytes = picture("pdf", &canvas_light);
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);
    g_assert_cmpuint(size, >, 1000);
    g_assert_true(memcmp(text, "%PDF-", 5) == 0);
    g_assert_nonnull(memmem(text + size - 16, 16, "%%EOF", 5));
}

static void test_same(void)
{
    g_autoptr(GBytes) first = picture("png", &canvas_light), second = picture("png", &canvas_light);
    g_autoptr(GBytes) dark = picture("png", &canvas_dark);
    g_assert_true(g_bytes_equal(first, second));
    g_assert_false(g_bytes_equal(first, dark));
}

static void test_refusals(void)
{
    const char *const endings[] = {"picture.gif", "picture", "a.png/picture", ".png/", ""};
    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(canvas_path_ok(endings[i], &error));
        g_assert_true(g_str_has_prefix(error->message, endings[i]));
        g_assert_nonnull(strstr(error->message, ".png, .svg or .pdf"));
        g_assert_null(canvas_new(endings[i], 10, 10, NULL));
    }
    g_assert_true(canvas_path_ok("a.b/c.PnG", NULL));
    g_autoptr(GError) error = NULL;
    g_assert_null(canvas_new("large.png", CANVAS_MAX_SIDE + 1, 10, &error));
    g_assert_true(g_str_has_prefix(error->message, "large.png: "));
    g_assert_null(canvas_new("none.png", NAN, 10, NULL));
}

static void test_failing_writes(void)
{
    for (int i = 0; i < 3; i++) {
        const char *const names[] = {"missing/picture.png", "missing/picture.svg", "missing/picture.pdf"};
        g_autoptr(GError) error = NULL;
        g_autofree char *path = inside(names[i]);
        Canvas *canvas = canvas_new(path, 300, 150, &error);
        g_assert_no_error(error);
        draw_something(canvas);
        g_assert_false(canvas_finish(canvas, &error));
        g_assert_nonnull(strstr(error->message, path));
    }
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_assert_null(g_dir_read_name(dir)); /* nothing is left behind */
}

static void test_text_width(void)
{
    double narrow = canvas_text_width(NULL, 10, FALSE, "class"),
           wide = canvas_text_width(NULL, 20, FALSE, "class");
    g_assert_cmpfloat(narrow, >, 15);
    g_assert_cmpfloat_with_epsilon(wide, 2 * narrow, 0.1);
    g_assert_cmpfloat(canvas_text_width(NULL, 10, TRUE, "class"), >, narrow);
    g_assert_cmpfloat(canvas_text_width(NULL, 10, FALSE, ""), ==, 0);
    g_autoptr(Canvas) canvas = canvas_new_memory("svg", 10, 10, &canvas_light, NULL);
    g_assert_cmpfloat_with_epsilon(canvas_text_width(canvas, 10, FALSE, "class"), narrow, 1e-9);
}

static void check_ticks(double from, double to, gboolean log, gboolean whole, guint max,
                        const double *expected, guint n)
{
    double ticks[16];
    g_assert_cmpuint(axes_ticks(from, to, log, whole, ticks, max), ==, n);
    for (guint i = 0; i < n; i++)
        g_assert_cmpfloat_with_epsilon(ticks[i], expected[i], 1e-9 * fabs(expected[i]) + 1e-15);
}

static void test_ticks(void)
{
    check_ticks(0, 1, FALSE, FALSE, 6, (double[]){0, .2, .4, .6, .8, 1}, 6);
    check_ticks(0.31, 2.3, FALSE, FALSE, 6, (double[]){.5, 1, 1.5, 2}, 4);
    check_ticks(1, 50, FALSE, TRUE, 6, (double[]){10, 20, 30, 40, 50}, 5);
    check_ticks(1, 3, FALSE, TRUE, 9, (double[]){1, 2, 3}, 3);
    check_ticks(-0.1, 0.1, FALSE, FALSE, 5, (double[]){-.1, -.05, 0, .05, .1}, 5);
    check_ticks(1e-3, 1, TRUE, FALSE, 6, (double[]){1e-3, 1e-2, 1e-1, 1}, 4);
    check_ticks(0.02, 5, TRUE, FALSE, 16, (double[]){.02, .05, .1, .2, .5, 1, 2, 5}, 8);
    double ticks[16];
    for (int e = -20; e < 20; e++) { /* never more than there is room for */
        guint n = axes_ticks(pow(10, -e), pow(10, -e) * 1e15, TRUE, FALSE, ticks, 5);
        g_assert_true(n >= 2 && n <= 5);
    }
}

/* WCAG 2.1's relative luminance, from its definition. */
static double luminance(guint32 color)
{
    const double weights[] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int c = 0; c < 3; c++) {
        double value = (color >> (16 - 8 * c) & 255) / 255.0;
        sum += weights[c] * (value <= 0.03928 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static void test_colormap(void)
{
    const CanvasTheme *const themes[] = {&canvas_light, &canvas_dark};
    for (int t = 0; t < 2; t++) {
        double direction = t == 0 ? -1 : 1, before = luminance(colormap(themes[t], 0));
        for (int i = 1; i <= 64; i++) {
            guint32 color = colormap(themes[t], i / 64.0);
            double now = luminance(color), ink = luminance(colormap_ink(color));
            g_assert_cmpfloat(direction * (now - before), >,
                              0); /* shades in grey keep the order of the values */
            g_assert_cmpfloat((MAX(now, ink) + 0.05) / (MIN(now, ink) + 0.05), >=,
                              4.5); /* WCAG AA for text */
            before = now;
        }
        g_assert_cmphex(colormap(themes[t], -1), ==, colormap(themes[t], 0));
        g_assert_cmphex(colormap(themes[t], 2), ==, colormap(themes[t], 1));
    }
}

static void test_confusion_values(void)
{
    const guint matrix[] = {3, 1, 0, 0, 6, 0, 0, 2, 0}; /* the third class is never predicted */
    double values[9];
    confusion_values(matrix, 3, CONFUSION_COUNTS, values);
    g_assert_cmpfloat(values[4], ==, 6);
    confusion_values(matrix, 3, CONFUSION_TRUE, values);
    g_assert_cmpfloat(values[0], ==, 0.75);
    g_assert_cmpfloat(values[7], ==, 1);
    confusion_values(matrix, 3, CONFUSION_PREDICTED, values);
    g_assert_cmpfloat_with_epsilon(values[4], 6.0 / 9, 1e-15);
    g_assert_cmpfloat(values[8], ==, 0);
    confusion_values(matrix, 3, CONFUSION_ALL, values);
    g_assert_cmpfloat_with_epsilon(values[4], 6.0 / 12, 1e-15);
}

static void test_confusion_sizes(void)
{
    const guint sizes[] = {1, 2, 10, 40, 41, 101};
    for (guint s = 0; s < G_N_ELEMENTS(sizes); s++) {
        guint classes = sizes[s];
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autofree guint *matrix = g_new0(guint, classes * classes);
        for (guint c = 0; c < classes; c++) {
            g_ptr_array_add(names, g_strdup_printf("a class with a long name %u", c));
            matrix[c * classes + c] = s == 1 ? 0 : 5; /* a matrix of nothing, too */
        }
        const ConfusionPanel panels[] = {
            {"first", matrix}, {"second", matrix}, {"third", matrix}, {"fourth", matrix}};
        const Confusion confusion = {"title",           panels,
                                     s < 4 ? 1 + s : 1, (const char *const *)names->pdata,
                                     classes,           (ConfusionCells)(s % 4)};
        g_autoptr(GBytes) bytes =
            confusion_render(&confusion, "png", s % 2 ? &canvas_dark : &canvas_light, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(g_bytes_get_size(bytes), >, 1000);
    }
}

static void test_reliability(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = inside("reliability.svg");
    ReliabilityPanel panels[5] = {{.title = "empty"}};
    for (int p = 0; p < 5; p++)
        panels[p] = (ReliabilityPanel){.title = "model", .bins = {[14] = {p, 0.97, 0.5}}};
    g_assert_true(reliability_write(panels, 5, path, &error));
    g_assert_no_error(error);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("vggcache-canvas-XXXXXX", NULL);
    g_test_add_func("/canvas/a PNG has twice the size and the colours drawn", test_png);
    g_test_add_func("/canvas/an SVG is well-formed whatever the text", test_svg);
    g_test_add_func("/canvas/a PDF has a head and an end", test_pdf);
    g_test_add_func("/canvas/the same drawing gives the same bytes", test_same);
    g_test_add_func("/canvas/unknown endings and sizes are refused in a sentence", test_refusals);
    g_test_add_func("/canvas/a failing write gives a sentence and leaves nothing", test_failing_writes);
    g_test_add_func("/canvas/texts are as wide on every canvas", test_text_width);
    g_test_add_func("/axes/ticks are nice numbers", test_ticks);
    g_test_add_func("/colormap/shades keep their order in grey and figures on them can be read",
                    test_colormap);
    g_test_add_func("/confusion/cells are normalised as scikit-learn does", test_confusion_values);
    g_test_add_func("/confusion/any number of classes can be drawn", test_confusion_sizes);
    g_test_add_func("/reliability/bins may be empty", test_reliability);
    int status = g_test_run();
    g_rmdir(folder);
    g_free(folder);
    return status;
}
