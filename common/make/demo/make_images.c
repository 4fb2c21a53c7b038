/* make_images: draws a small labelled image set for the demo and for tests that need varied images. Five classes that a
 * person can distinguish; colour, angle, scale, position, background, clutter, noise and JPEG quality vary.
 *
 *   demo-images DIR [TRAIN_PER_CLASS [TEST_PER_CLASS [SEED]]]      (40 20 1)
 *
 * writes DIR/train/CLASS/NNN.jpg and DIR/test/CLASS/NNN.jpg. An image depends only on the seed, its class, part and
 * number. */
#include "common/core/rng.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <vips/vips.h>

enum { WIDTH = 240, HEIGHT = 200 };

typedef struct {
    double r, g, b;
} Color;

static double between(Rng *rng, double low, double high)
{
    return low + (high - low) * rng_uniform(rng);
}

/* A random hue; low … high: range of its channels. */
static Color any_color(Rng *rng, double low, double high)
{
    return (Color){between(rng, low, high), between(rng, low, high), between(rng, low, high)};
}

static void set_color(cairo_t *cairo, Color c, double opacity)
{
    cairo_set_source_rgba(cairo, c.r, c.g, c.b, opacity);
}

/* ---- The classes: each draws its figure around the origin, about 100 units wide ---- */

typedef void (*Figure)(cairo_t *cairo, Rng *rng);

static void draw_checks(cairo_t *cairo, Rng *rng)
{
    double cell = between(rng, 10, 16);
    for (int row = -12; row < 12; row++)
        for (int column = -12; column < 12; column++)
            if ((row + column) % 2 == 0)
                cairo_rectangle(cairo, column * cell, row * cell, cell, cell);
    cairo_fill(cairo);
}

static void draw_stripes(cairo_t *cairo, Rng *rng)
{
    double period = between(rng, 12, 22), bar = period * between(rng, 0.4, 0.6);
    for (double x = -140; x < 140; x += period)
        cairo_rectangle(cairo, x, -140, bar, 280);
    cairo_fill(cairo);
}

static void draw_spots(cairo_t *cairo, Rng *rng)
{
    double step = between(rng, 18, 26), radius = step * between(rng, 0.25, 0.38);
    for (double y = -140; y <= 140; y += step)
        for (double x = -140; x <= 140; x += step) {
            cairo_new_sub_path(cairo);
            cairo_arc(cairo, x + between(rng, -3, 3), y + between(rng, -3, 3),
                      radius * between(rng, 0.7, 1.2), 0, 2 * G_PI);
        }
    cairo_fill(cairo);
}

static void draw_star(cairo_t *cairo, Rng *rng)
{
    int points = 5 + (int)rng_below(rng, 3);
    double inner = between(rng, 0.35, 0.5);
    for (int i = 0; i < 2 * points; i++) {
        double radius = i % 2 ? 60 * inner : 60, angle = i * G_PI / points;
        cairo_line_to(cairo, radius * sin(angle), -radius * cos(angle));
    }
    cairo_close_path(cairo);
    cairo_fill(cairo);
}

static void draw_ring(cairo_t *cairo, Rng *rng)
{
    cairo_save(cairo);
    cairo_scale(cairo, 1, between(rng, 0.7, 1));
    cairo_arc(cairo, 0, 0, 45, 0, 2 * G_PI);
    cairo_restore(cairo);
    cairo_set_line_width(cairo, between(rng, 9, 22));
    cairo_stroke(cairo);
}

static const struct {
    const char *name;
    Figure draw;
} classes[] = {{"checks", draw_checks},
               {"ring", draw_ring},
               {"spots", draw_spots},
               {"star", draw_star},
               {"stripes", draw_stripes}};

/* ---- An image ---- */

static void draw_background(cairo_t *cairo, Rng *rng, Color color)
{
    Color second = {color.r + between(rng, -0.2, 0.2), color.g + between(rng, -0.2, 0.2),
                    color.b + between(rng, -0.2, 0.2)};
    double angle = between(rng, 0, 2 * G_PI), x = WIDTH * cos(angle) / 2, y = HEIGHT * sin(angle) / 2;
    cairo_pattern_t *gradient =
        cairo_pattern_create_linear(WIDTH / 2.0 - x, HEIGHT / 2.0 - y, WIDTH / 2.0 + x, HEIGHT / 2.0 + y);
    cairo_pattern_add_color_stop_rgb(gradient, 0, color.r, color.g, color.b);
    cairo_pattern_add_color_stop_rgb(gradient, 1, second.r, second.g, second.b);
    cairo_set_source(cairo, gradient);
    cairo_paint(cairo);
    cairo_pattern_destroy(gradient);
}

/* Random strokes and blots, the same for all classes. */
static void draw_clutter(cairo_t *cairo, Rng *rng)
{
    for (guint32 n = rng_below(rng, 4); n; n--) {
        set_color(cairo, any_color(rng, 0, 1), between(rng, 0.3, 0.8));
        double x = between(rng, 0, WIDTH), y = between(rng, 0, HEIGHT);
        if (rng_below(rng, 2))
            cairo_arc(cairo, x, y, between(rng, 3, 14), 0, 2 * G_PI);
        else
            cairo_rectangle(cairo, x, y, between(rng, 5, 45), between(rng, 3, 12));
        cairo_fill(cairo);
        cairo_move_to(cairo, between(rng, 0, WIDTH), between(rng, 0, HEIGHT));
        cairo_line_to(cairo, between(rng, 0, WIDTH), between(rng, 0, HEIGHT));
        cairo_set_line_width(cairo, between(rng, 1, 4));
        cairo_stroke(cairo);
    }
}

static void draw_image(cairo_t *cairo, Figure draw, Rng *rng)
{
    Color background = any_color(rng, 0.55, 1);
    draw_background(cairo, rng, background);
    draw_clutter(cairo, rng);
    cairo_save(cairo);
    cairo_translate(cairo, WIDTH * between(rng, 0.35, 0.65), HEIGHT * between(rng, 0.38, 0.62));
    cairo_rotate(cairo, between(rng, -0.5, 0.5));
    double scale = between(rng, 1.1, 1.7);
    cairo_scale(cairo, scale, scale * between(rng, 0.8, 1));
    set_color(cairo, any_color(rng, 0, 0.4), between(rng, 0.8, 1));
    draw(cairo, rng);
    cairo_restore(cairo);
}

/* Cairo's pixels to RGB, with noise. */
static void add_noise(cairo_surface_t *surface, Rng *rng, guint8 *rgb)
{
    double deviation = between(rng, 2, 14);
    cairo_surface_flush(surface);
    for (int y = 0; y < HEIGHT; y++) {
        const guint32 *row = (const guint32 *)(cairo_image_surface_get_data(surface) +
                                               y * cairo_image_surface_get_stride(surface));
        for (int x = 0; x < WIDTH; x++)
            for (int shift = 16; shift >= 0; shift -= 8) {
                double value = (row[x] >> shift & 255) + deviation * rng_normal(rng);
                *rgb++ = (guint8)CLAMP(value, 0, 255);
            }
    }
}

static void write_image(const char *path, Figure draw, Rng *rng)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    cairo_t *cairo = cairo_create(surface);
    draw_image(cairo, draw, rng);
    g_autofree guint8 *rgb = g_malloc(WIDTH * HEIGHT * 3);
    add_noise(surface, rng, rgb);
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);

    VipsImage *image =
        vips_image_new_from_memory(rgb, WIDTH * HEIGHT * 3, WIDTH, HEIGHT, 3, VIPS_FORMAT_UCHAR);
    if (!image || vips_jpegsave(image, path, "Q", 60 + (int)rng_below(rng, 35), NULL) != 0) {
        fprintf(stderr, "demo-images: cannot write %s: %s\n", path, vips_error_buffer());
        exit(1);
    }
    g_object_unref(image);
}

/* Of "train" or "test" below dir. */
static void write_part(const char *dir, guint64 part, int per_class, guint64 seed)
{
    for (guint64 c = 0; c < G_N_ELEMENTS(classes); c++) {
        g_autofree char *class_folder = g_build_filename(dir, part ? "test" : "train", classes[c].name, NULL);
        if (g_mkdir_with_parents(class_folder, 0777) != 0) {
            fprintf(stderr, "demo-images: cannot make the folder %s\n", class_folder);
            exit(1);
        }
        for (guint64 i = 0; i < (guint64)per_class; i++) {
            g_autofree char *path = g_strdup_printf("%s/%03d.jpg", class_folder, (int)i + 1);
            Rng rng = rng_new(seed, (part << 40) + (c << 32) + i);
            write_image(path, classes[c].draw, &rng);
        }
    }
}

int main(int argc, char **argv)
{
    int train = argc > 2 ? atoi(argv[2]) : 40, test = argc > 3 ? atoi(argv[3]) : 20;
    guint64 seed = argc > 4 ? g_ascii_strtoull(argv[4], NULL, 10) : 1;
    if (argc < 2 || argc > 5 || train < 0 || test < 0) {
        fprintf(stderr, "usage: demo-images DIR [TRAIN_PER_CLASS [TEST_PER_CLASS [SEED]]]\n");
        return 2;
    }
    if (vips_init(argv[0]) != 0)
        return 1;
    write_part(argv[1], 0, train, seed);
    write_part(argv[1], 1, test, seed);
    printf("%d images for training and %d for testing in %s, %d classes\n",
           train * (int)G_N_ELEMENTS(classes), test * (int)G_N_ELEMENTS(classes), argv[1],
           (int)G_N_ELEMENTS(classes));
    vips_shutdown();
    return 0;
}
