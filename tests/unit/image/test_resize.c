/* Resizing against hand-computed sums and properties; tests/cli/test_pixels.py compares many sizes with Pillow. */
#include "common/core/rng.h"
#include "common/image/resize.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static guint8 *noise(int width, int height, guint64 seed)
{
    Rng rng = rng_new(seed, 0);
    guint8 *pixels = g_malloc((gsize)width * height * 3);
    for (gsize i = 0; i < (gsize)width * height * 3; i++)
        pixels[i] = (guint8)rng_below(&rng, 256);
    return pixels;
}

static void bilinear(const guint8 *source, const int size[2], const int to[2], guint8 *target)
{
    resize_bilinear(source, resize_stretch(size[0], to[0]), resize_stretch(size[1], to[1]), target);
}

static void test_same_size_is_a_copy(void)
{
    enum { SIDE = 13 };
    g_autofree guint8 *source = noise(SIDE, SIDE, 1);
    guint8 target[SIDE * SIDE * 3];
    ResizeAxis axis = resize_stretch(SIDE, SIDE);
    resize_nearest(source, axis, axis, target);
    g_assert_cmpmem(target, sizeof target, source, sizeof target);
    memset(target, 0, sizeof target);
    resize_bilinear(source, axis, axis, target);
    g_assert_cmpmem(target, sizeof target, source, sizeof target);
}

/* 320 to 224: pixel 3 is at 3.5 * 320 / 224 = 5 exactly, but Pillow's running sum is just below. */
static void test_nearest_sums_its_places_as_pillow_does(void)
{
    enum { IN = 320, OUT = 224 };
    g_autofree guint8 *source = g_malloc0((gsize)IN * IN * 3);
    g_autofree guint8 *target = g_malloc((gsize)OUT * OUT * 3);
    for (int x = 0; x < IN; x++)
        source[x * 3] = (guint8)x, source[x * 3 + 1] = (guint8)(x >> 8);
    resize_nearest(source, resize_stretch(IN, OUT), resize_stretch(IN, OUT), target);
    double place = (double)IN / OUT * 0.5;
    int off_the_closed_formula = 0;
    for (int i = 0; i < OUT; i++, place += (double)IN / OUT) {
        int chosen = target[i * 3] | target[i * 3 + 1] << 8;
        g_assert_cmpint(chosen, ==, (int)place);
        off_the_closed_formula += chosen != (int)((i + 0.5) * IN / OUT);
    }
    g_assert_cmpint(off_the_closed_formula, >, 0);
}

/* Halving weights four pixels per direction by 1 3 3 1, without the outer ones at the border. */
static void test_bilinear_weighs_by_a_triangle(void)
{
    static const guint8 source[4 * 3] = {10, 0, 255, 50, 0, 255, 90, 80, 255, 210, 240, 255};
    guint8 target[2 * 3];
    bilinear(source, (int[]){4, 1}, (int[]){2, 1}, target);
    for (int c = 0; c < 3; c++) {
        const guint8 *p = source + c;
        g_assert_cmpuint(target[c], ==, (guint8)floor((3 * p[0] + 3 * p[3] + p[6]) / 7.0 + 0.5));
        g_assert_cmpuint(target[3 + c], ==, (guint8)floor((p[3] + 3 * p[6] + 3 * p[9]) / 7.0 + 0.5));
    }
}

static void test_a_window_is_cut_from_the_whole(void)
{
    static const int sizes[][4] = {{37, 29, 50, 41}, {90, 61, 33, 30}, {3, 200, 31, 30}};
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        const int *s = sizes[i];
        g_autofree guint8 *source = noise(s[0], s[1], i);
        g_autofree guint8 *all = g_malloc((gsize)s[2] * s[3] * 3);
        bilinear(source, s, s + 2, all);
        ResizeAxis across = resize_stretch(s[0], s[2]), down = resize_stretch(s[1], s[3]);
        across.start = 5, across.n = 20, down.start = 7, down.n = 11;
        guint8 part[20 * 11 * 3];
        resize_bilinear(source, across, down, part);
        for (int y = 0; y < 11; y++)
            g_assert_cmpmem(part + y * 60, 60, all + ((gsize)(y + 7) * s[2] + 5) * 3, 60);
    }
}

static void assert_window(int width, int height, gint64 full_width, gint64 full_height, gint64 left,
                          gint64 top)
{
    ResizeAxis across = resize_center(width, height, 256, 224), down = resize_center(height, width, 256, 224);
    g_assert_true(across.scale == (double)width / (double)full_width);
    g_assert_true(down.scale == (double)height / (double)full_height);
    g_assert_cmpint(across.start, ==, left);
    g_assert_cmpint(down.start, ==, top);
    g_assert_cmpint(across.n, ==, 224);
    g_assert_cmpint(down.n, ==, 224);
}

/* The same pixels as of an image that has been padded. */
static void test_padding_is_black(void)
{
    enum { WIDTH = 31, HEIGHT = 12, PAD = (WIDTH - HEIGHT) / 2, SQUARE = HEIGHT + 2 * PAD, SIDE = 17 };
    g_autofree guint8 *source = noise(WIDTH, HEIGHT, 3), *padded = g_malloc0((gsize)WIDTH * SQUARE * 3);
    memcpy(padded + PAD * WIDTH * 3, source, (gsize)WIDTH * HEIGHT * 3);
    ResizeAxis across = resize_pad(WIDTH, WIDTH, SIDE), down = resize_pad(HEIGHT, WIDTH, SIDE);
    ResizeAxis all = resize_stretch(SQUARE, SIDE);
    g_assert_cmpint(down.pad, ==, PAD);
    guint8 found[SIDE * SIDE * 3], wanted[sizeof found];
    resize_bilinear(source, across, down, found);
    resize_bilinear(padded, across, all, wanted);
    g_assert_cmpmem(found, sizeof found, wanted, sizeof wanted);
    resize_nearest(source, across, down, found);
    resize_nearest(padded, across, all, wanted);
    g_assert_cmpmem(found, sizeof found, wanted, sizeof wanted);
}

/* Values of torchvision's Resize(256) and CenterCrop(224): (341 - 224) / 2 = 58.5 goes to 58, 59.5 to 60. */
static void test_the_centre_is_torchvisions(void)
{
    assert_window(500, 375, 341, 256, 58, 16);
    assert_window(375, 500, 256, 341, 16, 58);
    assert_window(343, 256, 343, 256, 60, 16);
    assert_window(1, 1, 256, 256, 16, 16);
    assert_window(2000, 3, 170666, 256, 85221, 16);
    assert_window(10000000, 1, G_GINT64_CONSTANT(2560000000), 256, 1279999888, 16);
}

/* ---- tests/golden/make_keras_files.py ---- */
static int integer(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

static void assert_loaded_as_keras(const json_t *expected)
{
    int width = integer(expected, "width"), height = integer(expected, "height");
    int to_width = integer(expected, "to_width"), to_height = integer(expected, "to_height");
    gsize size = (gsize)to_width * to_height * 3;
    g_autofree guint8 *source = g_malloc((gsize)width * height * 3), *target = g_malloc(size);
    for (gsize i = 0; i < (gsize)width * height * 3; i++)
        source[i] = (guint8)((guint32)i * 2654435761u >> 24);
    ResizeAxis across = resize_stretch(width, to_width), down = resize_stretch(height, to_height);
    if (json_is_true(json_object_get(expected, "keep"))) {
        across = resize_crop(width, MIN(width, height * to_width / to_height), to_width);
        down = resize_crop(height, MIN(height, width * to_height / to_width), to_height);
    }
    const char *interpolation = json_string_value(json_object_get(expected, "interpolation"));
    (g_str_equal(interpolation, "nearest") ? resize_nearest : resize_bilinear)(source, across, down, target);
    g_autofree char *sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, target, size);
    g_assert_cmpstr(sha256, ==, json_string_value(json_object_get(expected, "sha256")));
}

/* To the last bit. */
static void test_images_are_those_that_keras_loads(void)
{
    json_t *golden = json_load_file("tests/golden/keras_files.json", JSON_REJECT_DUPLICATES, NULL), *expected;
    const json_t *pictures = json_object_get(golden, "pictures");
    size_t i;
    g_assert_cmpuint(json_array_size(pictures), ==, 32);
    json_array_foreach(pictures, i, expected)
    {
        assert_loaded_as_keras(expected);
    }
    json_decref(golden);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/resize/to the same size is a copy", test_same_size_is_a_copy);
    g_test_add_func("/resize/nearest sums its places as Pillow does",
                    test_nearest_sums_its_places_as_pillow_does);
    g_test_add_func("/resize/images are those that Keras's load_img gives",
                    test_images_are_those_that_keras_loads);
    g_test_add_func("/resize/bilinear weighs by a triangle", test_bilinear_weighs_by_a_triangle);
    g_test_add_func("/resize/a window is cut from the whole", test_a_window_is_cut_from_the_whole);
    g_test_add_func("/resize/padding is black", test_padding_is_black);
    g_test_add_func("/resize/the centre is torchvision's", test_the_centre_is_torchvisions);
    return g_test_run();
}
