/* Figures: files that other programs can read, and errors. */
#include "common/cli/cli.h"
#include "common/plot/axes.h"
#include "tests/unit/fixture.h"

#include <cairo.h>
#include <math.h>
#include <string.h>

static void draw_something(Canvas *canvas, const CanvasFigure *figure)
{
    const double line[] = {0, 0, 30, 30, 60, 0};
    const AxesPoint odd[] = {
        {1, 1, 0, 0}, {NAN, 1, 0, 0}, {10, NAN, 0, 0}, {-1, -1, 0, 0}, {3, INFINITY, 0, 0}};
    const AxesPoint points[] = {{1, 0.5, 0.1, 0.5}, {10, 0.6, 0.2, 0.6}, {100, 0.7, NAN, 0.7}};
    canvas_rectangle(canvas, 10, 20, 30, 40, 0x0072B2, 1);
    canvas_line(canvas, line, 3, 1, 0xFF0000, TRUE);
    canvas_disc(canvas, 80, 80, 4, 0x009E73);
    canvas_polygon(canvas, line, 3, 0x00FF00, 0.5);
    canvas_text(canvas, 50, 50, (CanvasFont){12, 0, TRUE}, ALIGN_CENTER, 45, "crème \xff <&>");
    canvas_text(canvas, 50, 90, (CanvasFont){12, 0, FALSE}, ALIGN_RIGHT, 0, "");
    g_autoptr(Axes) axes = axes_new(
        canvas, 100, 0, 200, 150,
        &(AxesOptions){.title = "t", .x = {"x", 1, 100, .log = TRUE}, .y = {"y", 0, 0.9, .percent = TRUE}});
    axes_line(axes, odd, 3, 0xFF, FALSE, "odd");
    axes_line(axes, odd, G_N_ELEMENTS(odd), 0xFF, TRUE, NULL);
    axes_line(axes, NULL, 0, 0xFF, TRUE, "none");
    axes_band(axes, points, 3, 0xFF, "band");
    axes_marks(axes, (AxesMark){AXES_DISC, 2, 0xFF}, points, 3, "discs");
    axes_bar(axes, 1, 10, 0, 0.4, 0xFF, 0.3);
    axes_mark(axes, 5, 0xFF, "mark");
}

static GBytes *figure(CanvasFormat format, const CanvasTheme *theme)
{
    GError *error = NULL;
    const CanvasFigure figure = {.width = 300, .height = 150.5, .draw = draw_something};
    GBytes *bytes = canvas_render(figure, format, theme, &error);
    g_assert_no_error(error);
    return bytes;
}

static guint32 pixel(cairo_surface_t *surface, int x, int y)
{
    const guint8 *row =
        cairo_image_surface_get_data(surface) + (gsize)y * cairo_image_surface_get_stride(surface);
    return ((const guint32 *)(gconstpointer)row)[x] & 0xFFFFFF;
}

static void draw_pixels(Canvas *canvas, const CanvasFigure *figure)
{
    const guint8 rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0};
    canvas_rectangle(canvas, 10, 20, 30, 40, 0x0072B2, 1);
    canvas_image(canvas, 100, 100, 40, rgb, 2);
}

static void test_png(void)
{
    g_autofree char *path = in_folder("figure.png");
    const CanvasFigure figure = {.width = 300, .height = 150.5, .draw = draw_pixels};
    g_assert_true(canvas_write(figure, path, NULL));
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
    g_autoptr(GBytes) bytes = figure(CANVAS_SVG, &canvas_dark);
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
    g_autoptr(GBytes) bytes = figure(CANVAS_PDF, &canvas_light);
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);
    g_assert_cmpuint(size, >, 1000);
    g_assert_true(memcmp(text, "%PDF-", 5) == 0);
    g_assert_nonnull(memmem(text + size - 16, 16, "%%EOF", 5));
}

static void test_same(void)
{
    g_autoptr(GBytes) first = figure(CANVAS_PNG, &canvas_light), second = figure(CANVAS_PNG, &canvas_light);
    g_autoptr(GBytes) dark = figure(CANVAS_PNG, &canvas_dark);
    g_assert_true(g_bytes_equal(first, second));
    g_assert_false(g_bytes_equal(first, dark));
}

static void test_refusals(void)
{
    CanvasFigure figure = {.width = CANVAS_MAX_SIDE + 1, .height = 10, .draw = draw_something};
    const char *const endings[] = {"figure.gif", "figure", "a.png/figure", ".png/", ""};
    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(output_plan_figure(endings[i], &error), <, 0);
        g_assert_true(g_str_has_prefix(error->message, endings[i]));
        g_assert_nonnull(strstr(error->message, ".png, .svg or .pdf"));
        g_assert_false(canvas_write(figure, endings[i], NULL));
    }
    g_assert_cmpint(output_plan_figure("a.b/c.PnG", NULL), ==, 0);
    g_autoptr(GError) error = NULL;
    g_assert_false(canvas_write(figure, "large.png", &error));
    g_assert_true(g_str_has_prefix(error->message, "large.png: a figure of 16001 x 10 points"));
    figure.width = NAN;
    g_assert_false(canvas_write(figure, "none.png", NULL));
    g_autoptr(GError) refused = NULL;
    figure = (CanvasFigure){.width = 10, .height = 10, .refusal = "there is nothing to draw"};
    g_assert_false(canvas_write(figure, "nothing.png", &refused));
    g_assert_cmpstr(refused->message, ==, "nothing.png: there is nothing to draw");
    g_assert_null(canvas_render(figure, CANVAS_SVG, &canvas_light, NULL));
}

static void test_failing_writes(void)
{
    for (int i = 0; i < 3; i++) {
        const char *const names[] = {"missing/figure.png", "missing/figure.svg", "missing/figure.pdf"};
        g_autoptr(GError) error = NULL;
        g_autofree char *path = in_folder(names[i]);
        const CanvasFigure figure = {.width = 300, .height = 150, .draw = draw_something};
        g_assert_false(canvas_write(figure, path, &error));
        g_assert_nonnull(strstr(error->message, path));
    }
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_assert_null(g_dir_read_name(dir)); /* nothing is left behind */
}

static void measure(Canvas *canvas, const CanvasFigure *figure)
{
    const double *narrow = figure->of;
    g_assert_cmpfloat_with_epsilon(canvas_text_width(canvas, 10, FALSE, "class"), *narrow, 1e-9);
}

static void test_text_width(void)
{
    double narrow = canvas_text_width(NULL, 10, FALSE, "class"),
           wide = canvas_text_width(NULL, 20, FALSE, "class");
    g_assert_cmpfloat(narrow, >, 15);
    g_assert_cmpfloat_with_epsilon(wide, 2 * narrow, 0.1);
    g_assert_cmpfloat(canvas_text_width(NULL, 10, TRUE, "class"), >, narrow);
    g_assert_cmpfloat(canvas_text_width(NULL, 10, FALSE, ""), ==, 0);
    const CanvasFigure figure = {.width = 10, .height = 10, .draw = measure, .of = &narrow};
    g_autoptr(GBytes) bytes = canvas_render(figure, CANVAS_SVG, &canvas_light, NULL);
    g_assert_nonnull(bytes);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/canvas/a PNG has twice the size and the colours drawn", test_png);
    g_test_add_func("/canvas/an SVG is well-formed whatever the text", test_svg);
    g_test_add_func("/canvas/a PDF has a head and an end", test_pdf);
    g_test_add_func("/canvas/the same drawing gives the same bytes", test_same);
    g_test_add_func("/canvas/unknown endings and sizes are refused", test_refusals);
    g_test_add_func("/canvas/a failing write gives an error and leaves nothing", test_failing_writes);
    g_test_add_func("/canvas/texts are as wide on every canvas", test_text_width);
    int status = g_test_run();
    scratch_remove();
    return status;
}
