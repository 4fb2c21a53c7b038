/* Decoding: damaged files, limits, order, normalisation. Pixels are compared with Pillow's in
 * tests/cli/test_pixels.py. */
#include "common/core/rng.h"
#include "common/image/image.h"

#include <string.h>

enum { SIDE = 24, BYTES = SIDE * SIDE * 3 };
static const char folder[] = "tests/golden/images";

typedef struct {
    char *name;
    guint8 *bytes;
    gsize size;
} File;

static GPtrArray *files; /* File*, all of folder */

static void read_files(void)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_assert_nonnull(dir);
    files = g_ptr_array_new();
    for (const char *name; (name = g_dir_read_name(dir));) {
        File *file = g_new0(File, 1);
        file->name = g_build_filename(folder, name, NULL);
        g_assert_true(g_file_get_contents(file->name, (char **)&file->bytes, &file->size, NULL));
        g_ptr_array_add(files, file);
    }
    g_assert_cmpuint(files->len, >=, 20);
}

static void free_files(void)
{
    for (guint i = 0; i < files->len; i++) {
        File *file = g_ptr_array_index(files, i);
        g_free(file->name);
        g_free(file->bytes);
        g_free(file);
    }
    g_ptr_array_unref(files);
}

static gboolean decode(const guint8 *bytes, gsize size, Preset preset, guint8 *rgb, GError **error)
{
    const Decoding how = {.preset = preset, .side = SIDE};
    ImageFacts facts;
    return image_decode(bytes, size, &how, IMAGE_MAX_PIXELS, rgb, &facts, error);
}

static void assert_refused(const guint8 *bytes, gsize size, gint64 max_pixels, const char *reason)
{
    guint8 rgb[BYTES];
    g_autoptr(GError) error = NULL;
    const Decoding how = {.side = SIDE};
    ImageFacts facts;
    g_assert_false(image_decode(bytes, size, &how, max_pixels, rgb, &facts, &error));
    g_assert_error(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE);
    if (!strstr(error->message, reason))
        g_error("'%s' does not say '%s'", error->message, reason);
}

static void test_whole_files_decode(void)
{
    guint8 rgb[BYTES];
    for (guint i = 0; i < files->len; i++)
        for (Preset preset = PRESET_KERAS; preset <= PRESET_VIPS; preset++) {
            const File *file = g_ptr_array_index(files, i);
            g_autoptr(GError) error = NULL;
            decode(file->bytes, file->size, preset, rgb, &error);
            g_assert_no_error(error);
        }
}

/* The bytes are copied to a block of exactly their size, so that a sanitizer detects any access beyond it. */
static void test_truncated_files_fail(void)
{
    guint8 whole[BYTES], part[BYTES];
    for (guint i = 0; i < files->len; i++) {
        const File *file = g_ptr_array_index(files, i);
        g_assert_true(decode(file->bytes, file->size, PRESET_KERAS, whole, NULL));
        guint refused = 0;
        for (gsize size = 0; size < file->size; size++) {
            g_autofree guint8 *bytes = g_memdup2(file->bytes, size);
            g_autoptr(GError) error = NULL;
            if (!decode(bytes, size, PRESET_KERAS, part, &error)) {
                g_assert_error(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE);
                refused++;
            } else if (memcmp(part, whole, BYTES) != 0)
                g_error("%s cut to %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes passes with other pixels",
                        file->name, size, file->size);
        }
        g_test_message("%s: %u of %" G_GSIZE_FORMAT " cuts refused", file->name, refused, file->size);
    }
}

static void test_damaged_files_do_no_harm(void)
{
    enum { ROUNDS = 150 };
    guint8 rgb[BYTES];
    for (guint i = 0; i < files->len; i++) {
        const File *file = g_ptr_array_index(files, i);
        Rng rng = rng_new(1, i);
        for (int round = 0; round < ROUNDS; round++) {
            g_autofree guint8 *bytes = g_memdup2(file->bytes, file->size);
            guint32 near = round % 2 ? 64 : G_MAXUINT32; /* every other time in the header */
            for (guint32 flips = 1 + rng_below(&rng, 4); flips; flips--)
                bytes[rng_below(&rng, (guint32)MIN(file->size, near))] ^= 1u << rng_below(&rng, 8);
            g_autoptr(GError) error = NULL;
            const Decoding how = {(Preset)(round % 3), (Fit)(round / 3 % 3), round & 1, SIDE};
            ImageFacts facts;
            if (!image_decode(bytes, file->size, &how, 1 << 20, rgb, &facts, &error))
                g_assert_error(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE);
        }
    }
}

static void test_what_is_no_image_is_named_so(void)
{
    static const guint8 svg[] = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'></svg>";
    assert_refused(NULL, 0, IMAGE_MAX_PIXELS, "empty");
    assert_refused(svg, sizeof svg - 1, IMAGE_MAX_PIXELS, "not an image");
    assert_refused((const guint8 *)"\xff", 1, IMAGE_MAX_PIXELS, "not an image");
}

static void test_size_is_checked_before_decoding(void)
{
    /* A header of 60000 x 60000 without pixels: decoding first would report a truncated file. */
    static const guint8 png[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0\x0f\xb0\xe2\x15"
        "\0\0\0\0IDAT\x35\xaf\x06\x1e";
    static const guint8 ppm[] = "P6 60000 60000 255\n";
    static const guint8 bmp[54] = {
        'B', 'M', [14] = 40, [18] = 0x60, 0xea, [22] = 0x60, 0xea, [26] = 1, [28] = 24};
    assert_refused(png, sizeof png - 1, IMAGE_MAX_PIXELS,
                   "60000 x 60000 pixels exceed the limit of 178956970");
    assert_refused(ppm, sizeof ppm - 1, IMAGE_MAX_PIXELS,
                   "60000 x 60000 pixels exceed the limit of 178956970");
    assert_refused(bmp, sizeof bmp, IMAGE_MAX_PIXELS, "60000 x 60000 pixels exceed the limit of 178956970");
    for (guint i = 0; i < files->len; i++) {
        const File *file = g_ptr_array_index(files, i);
        assert_refused(file->bytes, file->size, 23 * 17 - 1, "pixels exceed the limit of 390");
    }
}

/* ---- Order ---- */

typedef struct {
    guint8 rgb[BYTES];
    char *reason; /* NULL where it decoded */
} Outcome;

/* Every file, whole and cut in half, by the fast preset, from first to last or from last to first. */
static void decode_all(Outcome *outcomes, gboolean backwards)
{
    for (guint k = 0; k < 2 * files->len; k++) {
        guint i = backwards ? 2 * files->len - 1 - k : k;
        const File *file = g_ptr_array_index(files, i / 2);
        g_autoptr(GError) error = NULL;
        if (!decode(file->bytes, i % 2 ? file->size / 2 : file->size, PRESET_VIPS, outcomes[i].rgb, &error)) {
            memset(outcomes[i].rgb, 0, BYTES);
            outcomes[i].reason = g_strdup(error->message);
        }
    }
}

static void test_what_came_before_changes_neither_pixels_nor_reasons(void)
{
    enum { ORDERS = 2 };
    Outcome *outcomes[ORDERS];
    for (int t = 0; t < ORDERS; t++) {
        outcomes[t] = g_new0(Outcome, 2 * files->len);
        decode_all(outcomes[t], t == 1);
    }
    for (guint i = 0; i < 2 * files->len; i++) {
        g_assert_true((outcomes[0][i].reason != NULL) == (i % 2));
        for (int t = 1; t < ORDERS; t++) {
            g_assert_cmpmem(outcomes[t][i].rgb, BYTES, outcomes[0][i].rgb, BYTES);
            g_assert_cmpstr(outcomes[t][i].reason, ==, outcomes[0][i].reason);
        }
    }
    for (int t = 0; t < ORDERS; t++) {
        for (guint i = 0; i < 2 * files->len; i++)
            g_free(outcomes[t][i].reason);
        g_free(outcomes[t]);
    }
}

/* ---- Names and numbers ---- */

static void test_names_are_parsed_back(void)
{
    for (Preset preset = PRESET_KERAS, parsed; preset <= PRESET_VIPS; preset++) {
        g_assert_true(preset_parse(preset_name(preset), &parsed));
        g_assert_cmpint(parsed, ==, preset);
    }
    for (Normalization n = NORMALIZE_CAFFE, parsed; n <= NORMALIZE_UNIT; n++) {
        g_assert_true(normalization_parse(normalization_name(n), &parsed));
        g_assert_cmpint(parsed, ==, n);
    }
    Preset preset;
    Normalization normalization;
    g_assert_false(preset_parse("Keras", &preset));
    g_assert_false(normalization_parse("", &normalization));
}

static void assert_normalized(Normalization normalization, const double expected[3])
{
    const guint8 pixel[3] = {10, 128, 255};
    float tensor[3];
    image_normalize(pixel, 1, normalization, tensor);
    for (int c = 0; c < 3; c++)
        g_assert_cmpfloat_with_epsilon(tensor[c], expected[c], 1e-5);
}

/* Keras's preprocess_input and torchvision's ToTensor and Normalize of the pixel (10, 128, 255). */
static void test_normalisations_are_those_of_the_references(void)
{
    assert_normalized(NORMALIZE_CAFFE, (double[]){151.061, 11.221, -113.68});
    assert_normalized(NORMALIZE_TORCH, (double[]){-1.9466565, 0.2051822, 2.64});
    assert_normalized(NORMALIZE_UNIT, (double[]){0.0392157, 0.5019608, 1.0});
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK |
                           G_LOG_LEVEL_CRITICAL); /* libvips prints warnings about damaged files */
    image_startup(argv[0]);
    image_load_module();
    read_files();
    g_test_add_func("/image/whole files of every kind decode", test_whole_files_decode);
    g_test_add_func("/image/a file cut short fails, or has lost no pixel", test_truncated_files_fail);
    g_test_add_func("/image/damaged files do no harm", test_damaged_files_do_no_harm);
    g_test_add_func("/image/files that are not images are reported", test_what_is_no_image_is_named_so);
    g_test_add_func("/image/the size is checked before decoding", test_size_is_checked_before_decoding);
    g_test_add_func("/image/what came before changes neither pixels nor reasons",
                    test_what_came_before_changes_neither_pixels_nor_reasons);
    g_test_add_func("/image/names are parsed back", test_names_are_parsed_back);
    g_test_add_func("/image/normalisations are those of the references",
                    test_normalisations_are_those_of_the_references);
    int status = g_test_run();
    free_files();
    return status;
}
