/* Augmentation against Keras's numbers (tests/golden/make_keras_augment.py), and what is drawn. */
#include "common/image/augment.h"

#include "tests/unit/fixture.h"

#include <math.h>
#include <string.h>

enum { SIDE = 17, VALUES = SIDE * SIDE * 3, CASES = 14, PARAMETERS = 10 };

static AugmentOptions everything(void)
{
    AugmentOptions options = {.rotation_range = 90,
                              .width_shift_range = 0.5,
                              .height_shift_range = 12.5,
                              .shear_range = 20,
                              .zoom_range = 0.25,
                              .horizontal_flip = TRUE,
                              .vertical_flip = TRUE,
                              .channel_shift_range = 30,
                              .brightness_range = "0.1,0.7"};
    g_assert_true(augment_check(&options, NULL));
    return options;
}

/* ---- Golden numbers ---- */

static void read_golden(guint8 *rgb, double parameters[CASES][PARAMETERS], float values[CASES][VALUES])
{
    g_autofree char *bytes = NULL;
    gsize size;
    g_assert_true(g_file_get_contents("tests/golden/augment.bin", &bytes, &size, NULL));
    g_assert_cmpuint(size, ==, VALUES + CASES * (PARAMETERS * sizeof(double) + VALUES * sizeof(float)));
    const char *p = bytes;
    memcpy(rgb, p, VALUES), p += VALUES;
    for (int i = 0; i < CASES; i++) {
        memcpy(parameters[i], p, sizeof parameters[i]), p += sizeof parameters[i];
        memcpy(values[i], p, sizeof values[i]), p += sizeof values[i];
    }
}

static Augmentation augmentation_of(const double *p)
{
    return (Augmentation){.theta = p[0],
                          .shear = p[1],
                          .tx = p[2],
                          .ty = p[3],
                          .zx = p[4],
                          .zy = p[5],
                          .flip_horizontal = p[6] != 0,
                          .flip_vertical = p[7] != 0,
                          .channel_shift = p[8],
                          .brightness = p[9]};
}

static void check_golden(void)
{
    static guint8 rgb[VALUES];
    static double parameters[CASES][PARAMETERS];
    static float golden[CASES][VALUES], tensor[VALUES];
    read_golden(rgb, parameters, golden);
    for (int i = 0; i < CASES; i++) {
        Augmentation a = augmentation_of(parameters[i]);
        augment_tensor(rgb, SIDE, &a, NORMALIZE_UNIT, tensor);
        double tolerance =
            a.brightness >= 0 ? 1e-6 : 1e-4; /* bytes must be the same; else rounding to float */
        for (int v = 0; v < VALUES; v++)
            if (!(fabs(tensor[v] * 255.0 - golden[i][v]) <= MAX(tolerance, 255 * 1e-7)))
                g_error("case %d, value %d: %g, Keras has %g", i, v, tensor[v] * 255.0, golden[i][v]);
    }
}

static void test_images_change_as_keras_changes_them(void)
{
    with_every_isa(check_golden);
}

/* Sides of a vector and less, of several, and between. */
static void test_every_instruction_set_gives_the_same_bits(void)
{
    static guint8 rgb[40 * 40 * 3];
    static float first[40 * 40 * 3], tensor[40 * 40 * 3];
    AugmentOptions options = everything();
    Rng rng = rng_new(8, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(rgb); i++)
        rgb[i] = (guint8)rng_below(&rng, 256);
    for (int side = 2; side <= 40; side++)
        for (guint copy = 1; copy <= 8; copy++) {
            Augmentation a = augment_draw(&options, 42, "a/b.jpg", copy, side);
            isa_force(ISA_BASELINE);
            augment_tensor(rgb, side, &a, NORMALIZE_CAFFE, first);
            for (int isa = 0; isa < ISA_COUNT; isa++)
                if (isa_available((IsaSet)isa)) {
                    isa_force((IsaSet)isa);
                    augment_tensor(rgb, side, &a, NORMALIZE_CAFFE, tensor);
                    g_assert_cmpmem(tensor, (gsize)side * side * 3 * sizeof(float), first,
                                    (gsize)side * side * 3 * sizeof(float));
                }
        }
}

static void test_pixels_are_the_values_truncated(void)
{
    static guint8 rgb[VALUES], changed[VALUES];
    static double parameters[CASES][PARAMETERS];
    static float golden[CASES][VALUES];
    read_golden(rgb, parameters, golden);
    Augmentation a = augmentation_of(parameters[CASES - 1]);
    augment_pixels(rgb, SIDE, &a, changed);
    for (int v = 0; v < VALUES; v++)
        g_assert_cmpuint(changed[v], ==, (guint8)golden[CASES - 1][v]);
}

/* ---- What is drawn ---- */

/* Checks that many draws are all within [low, high] and come near both ends. */
static void assert_spread(const double *draws, int n, double low, double high)
{
    double min = draws[0], max = draws[0], near = (high - low) * 0.02;
    for (int i = 1; i < n; i++) {
        min = MIN(min, draws[i]);
        max = MAX(max, draws[i]);
    }
    g_assert_cmpfloat(min, >=, low);
    g_assert_cmpfloat(max, <=, high);
    g_assert_cmpfloat(min, <, low + near);
    g_assert_cmpfloat(max, >, high - near);
}

static void test_draws_fill_their_ranges(void)
{
    enum { N = 2000 };
    static double draws[9][N];
    AugmentOptions options = everything();
    int across = 0, down = 0;
    for (int i = 0; i < N; i++) {
        g_autofree char *key = g_strdup_printf("class/%d.jpg", i);
        Augmentation a = augment_draw(&options, 42, key, 1, 200);
        double drawn[] = {a.theta, a.ty, a.tx, a.shear, a.zx, a.zy, a.channel_shift, a.brightness};
        for (gsize d = 0; d < G_N_ELEMENTS(drawn); d++)
            draws[d][i] = drawn[d];
        across += a.flip_horizontal;
        down += a.flip_vertical;
    }
    static const double bounds[][2] = {{-90, 90},    {-100, 100},  {-12.5, 12.5}, {-20, 20},
                                       {0.75, 1.25}, {0.75, 1.25}, {-30, 30},     {0.1, 0.7}};
    for (gsize d = 0; d < G_N_ELEMENTS(bounds); d++)
        assert_spread(draws[d], N, bounds[d][0], bounds[d][1]);
    g_assert_cmpint(ABS(across - N / 2), <, 100);
    g_assert_cmpint(ABS(down - N / 2), <, 100);
}

/* numpy.random.choice(5) times choice([-1, 1]), as Keras draws for the integer 5: 0 in a fifth, each other in a tenth. */
static void test_whole_shifts_are_whole_pixels(void)
{
    enum { N = 5000, S = 5 };
    AugmentOptions options = {.width_shift_range = S};
    int counts[2 * S - 1] = {0};
    for (int i = 0; i < N; i++) {
        g_autofree char *key = g_strdup_printf("class/%d.jpg", i);
        double shift = augment_draw(&options, 42, key, 1, 200).ty;
        g_assert_cmpfloat(shift, ==, floor(shift));
        g_assert_cmpfloat(fabs(shift), <, S);
        counts[(int)shift + S - 1]++;
    }
    for (int i = 0; i < 2 * S - 1; i++)
        g_assert_cmpint(ABS(counts[i] - (i == S - 1 ? N / 5 : N / 10)), <, 100);
}

static gboolean same(Augmentation a, Augmentation b)
{
    return a.theta == b.theta && a.tx == b.tx && a.ty == b.ty && a.zx == b.zx && a.brightness == b.brightness;
}

static void test_a_draw_depends_on_seed_key_and_copy_alone(void)
{
    AugmentOptions options = everything();
    Augmentation first = augment_draw(&options, 42, "ants/1.jpg", 3, 224);
    g_assert_false(same(first, augment_draw(&options, 42, "ants/1.jpg", 4, 224)));
    g_assert_false(same(first, augment_draw(&options, 42, "ants/2.jpg", 3, 224)));
    g_assert_false(same(first, augment_draw(&options, 43, "ants/1.jpg", 3, 224)));
    g_assert_true(same(first, augment_draw(&options, 42, "ants/1.jpg", 3, 224)));
}

static void test_copy_0_is_the_image_itself(void)
{
    static guint8 rgb[VALUES];
    static float changed[VALUES], plain[VALUES];
    AugmentOptions options = everything();
    for (int v = 0; v < VALUES; v++)
        rgb[v] = (guint8)(v * 7);
    Augmentation a = augment_draw(&options, 42, "ants/1.jpg", 0, SIDE);
    for (Normalization n = NORMALIZE_CAFFE; n <= NORMALIZE_UNIT; n++) {
        augment_tensor(rgb, SIDE, &a, n, changed);
        image_normalize(rgb, SIDE, n, plain);
        g_assert_cmpmem(changed, sizeof changed, plain, sizeof plain);
    }
}

/* ---- Options ---- */

static void test_options_are_described(void)
{
    AugmentOptions none = {0}, study = {.rotation_range = 90,
                                        .width_shift_range = 0.5,
                                        .height_shift_range = 0.5,
                                        .horizontal_flip = TRUE,
                                        .vertical_flip = TRUE,
                                        .brightness_range = "0.1,0.7"};
    g_assert_true(augment_check(&none, NULL));
    g_assert_true(augment_check(&study, NULL));
    g_assert_false(augment_active(&none));
    g_assert_true(augment_active(&study));
    g_autofree char *nothing = augment_describe(&none), *text = augment_describe(&study);
    g_assert_cmpstr(nothing, ==, "");
    g_assert_cmpstr(
        text, ==,
        "rotation_range=90 width_shift_range=0.5 height_shift_range=0.5 horizontal_flip vertical_flip "
        "brightness_range=0.1,0.7");
}

/* The other ranges are checked by the option table. */
static void assert_refused(AugmentOptions options, const char *sentence)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(augment_check(&options, &error));
    g_assert_nonnull(strstr(error->message, sentence));
}

static void test_senseless_options_are_refused(void)
{
    static const char *const wrong[] = {"",       "0.5",    "0.5,",  ",1",      "0.7,0.1",
                                        "-0.1,1", "0.1,1x", "nan,1", "0.1;0.7", "0,1e9"};
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
        assert_refused((AugmentOptions){.brightness_range = wrong[i]}, "--brightness-range is '");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/augment/images change as Keras changes them", test_images_change_as_keras_changes_them);
    g_test_add_func("/augment/every instruction set gives the same bits",
                    test_every_instruction_set_gives_the_same_bits);
    g_test_add_func("/augment/pixels are the values truncated", test_pixels_are_the_values_truncated);
    g_test_add_func("/augment/draws fill their ranges", test_draws_fill_their_ranges);
    g_test_add_func("/augment/whole shifts are whole pixels", test_whole_shifts_are_whole_pixels);
    g_test_add_func("/augment/a draw depends only on seed, key and copy",
                    test_a_draw_depends_on_seed_key_and_copy_alone);
    g_test_add_func("/augment/copy 0 is the image itself", test_copy_0_is_the_image_itself);
    g_test_add_func("/augment/options are described", test_options_are_described);
    g_test_add_func("/augment/senseless options are refused", test_senseless_options_are_refused);
    return g_test_run();
}
