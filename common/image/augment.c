/* augment: see augment.h. */
#include "common/image/augment.h"

#include "common/arithmetic/kernels.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/rng.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

/* ---- Options ---- */

typedef struct {
    const char *name;
    gsize offset;
} Range;

/* clang-format off */
#define RANGE(field) {#field, G_STRUCT_OFFSET(AugmentOptions, field)}
/* clang-format on */
static const Range ranges[] = {
    RANGE(rotation_range), RANGE(width_shift_range), RANGE(height_shift_range),
    RANGE(shear_range),    RANGE(zoom_range),        RANGE(channel_shift_range),
};

static double range_value(const AugmentOptions *options, const Range *range)
{
    return G_STRUCT_MEMBER(double, options, range->offset);
}

gboolean augment_check(AugmentOptions *options, GError **error)
{
    const char *text = options->brightness_range;
    double *low = &options->brightness_low, *high = &options->brightness_high;
    if (!text)
        return TRUE;
    g_auto(GStrv) factors = g_strsplit(text, ",", -1);
    if (g_strv_length(factors) == 2 && cli_parse_real(factors[0], low) && cli_parse_real(factors[1], high) &&
        *low >= 0 && *low <= *high && *high <= 100)
        return TRUE;
    return error_set(
        error,
        "--brightness-range is '%s'; give two factors LOW,HIGH with 0 <= LOW <= HIGH <= 100, such as 0.5,1.5",
        text);
}

gboolean augment_active(const AugmentOptions *options)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ranges); i++)
        if (range_value(options, &ranges[i]) != 0)
            return TRUE;
    return options->horizontal_flip || options->vertical_flip || options->brightness_range;
}

char *augment_describe(const AugmentOptions *options)
{
    GString *text = g_string_new(NULL);
    char number[2][G_ASCII_DTOSTR_BUF_SIZE];
    for (gsize i = 0; i < G_N_ELEMENTS(ranges); i++) {
        double value = range_value(options, &ranges[i]);
        if (value != 0)
            g_string_append_printf(text, " %s=%s", ranges[i].name,
                                   g_ascii_formatd(number[0], sizeof number[0], "%.9g", value));
    }
    if (options->horizontal_flip)
        g_string_append(text, " horizontal_flip");
    if (options->vertical_flip)
        g_string_append(text, " vertical_flip");
    if (options->brightness_range)
        g_string_append_printf(
            text, " brightness_range=%s,%s",
            g_ascii_formatd(number[0], sizeof number[0], "%.9g", options->brightness_low),
            g_ascii_formatd(number[1], sizeof number[1], "%.9g", options->brightness_high));
    g_strchug(text->str);
    return g_string_free(text, FALSE);
}

/* ---- Drawing the parameters ---- */

static double uniform(Rng *rng, double low, double high)
{
    return low + (high - low) * rng_uniform(rng);
}

static double draw_symmetric(Rng *rng, double range)
{
    return range != 0 ? uniform(rng, -range, range) : 0;
}

/* A whole number S stands for 0 … S - 1 pixels, either way, as in Keras: S = 1 shifts nothing. */
static double draw_shift(Rng *rng, double range, int side)
{
    if (range >= 1 && range == floor(range)) {
        double pixels = rng_below(rng, (guint32)range);
        return rng_uniform(rng) < 0.5 ? -pixels : pixels;
    }
    double shift = draw_symmetric(rng, range);
    return range < 1 ? shift * side : shift;
}

Augmentation augment_draw(const AugmentOptions *options, guint64 seed, const char *key, guint copy, int side)
{
    Augmentation a = {.zx = 1, .zy = 1, .brightness = -1};
    if (copy == 0)
        return a;
    Rng rng = rng_new(seed, XXH3_64bits_withSeed(key, strlen(key), copy));
    /* In Keras's order. As in Keras, nothing is drawn for disabled options, except flips. */
    a.theta = draw_symmetric(&rng, options->rotation_range);
    a.tx = draw_shift(&rng, options->height_shift_range, side);
    a.ty = draw_shift(&rng, options->width_shift_range, side);
    a.shear = draw_symmetric(&rng, options->shear_range);
    if (options->zoom_range != 0) {
        a.zx = uniform(&rng, 1 - options->zoom_range, 1 + options->zoom_range);
        a.zy = uniform(&rng, 1 - options->zoom_range, 1 + options->zoom_range);
    }
    a.flip_horizontal = (rng_uniform(&rng) < 0.5) & options->horizontal_flip;
    a.flip_vertical = (rng_uniform(&rng) < 0.5) & options->vertical_flip;
    a.channel_shift = draw_symmetric(&rng, options->channel_shift_range);
    if (options->brightness_range)
        a.brightness = uniform(&rng, options->brightness_low, options->brightness_high);
    return a;
}

/* ---- Changing an image ---- */

/* Row and column in the source of each row and column in the result: (row, column) = m[.][0..1] · (y, x) +
 * m[.][2]. */
typedef struct {
    double m[3][3];
} Affine;

static Affine multiply(Affine a, Affine b)
{
    Affine product = {{{0}}};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++)
                product.m[i][j] += a.m[i][k] * b.m[k][j];
    return product;
}

static Affine translation(double down, double right)
{
    return (Affine){{{1, 0, down}, {0, 1, right}, {0, 0, 1}}};
}

/* apply_affine_transform's matrix, about the centre of the image. */
static Affine affine_of(const Augmentation *a, int side)
{
    double theta = a->theta * G_PI / 180, shear = a->shear * G_PI / 180, middle = side / 2.0 - 0.5;
    Affine rotation = {{{cos(theta), -sin(theta), 0}, {sin(theta), cos(theta), 0}, {0, 0, 1}}};
    Affine shearing = {{{1, -sin(shear), 0}, {0, cos(shear), 0}, {0, 0, 1}}};
    Affine zoom = {{{a->zx, 0, 0}, {0, a->zy, 0}, {0, 0, 1}}};
    Affine change = multiply(multiply(multiply(rotation, translation(a->tx, a->ty)), shearing), zoom);
    return multiply(multiply(translation(middle, middle), change), translation(-middle, -middle));
}

/* Pixel (y, x) of the result goes to (y, x) of pixels, mirrored by the flips. */
static gsize destination(const Augmentation *a, int side, int y, int x)
{
    return ((gsize)(a->flip_vertical ? side - 1 - y : y) * (gsize)side +
            (gsize)(a->flip_horizontal ? side - 1 - x : x)) *
           3;
}

/* A mirrored row is filled from its last column on. */
static void sample_row(const guint8 *rgb, int side, const Augmentation *a, const Affine *affine, int y,
                       float *pixels)
{
    int first = a->flip_horizontal ? side - 1 : 0;
    kernels_current()->affine->row(rgb, side, affine->m, y, first, a->flip_horizontal ? -1 : 1,
                                   pixels + destination(a, side, y, first));
}

static void shift_channels(float *values, gsize n, float shift)
{
    float min = values[0], max = values[0];
    for (gsize i = 1; i < n; i++) {
        min = MIN(min, values[i]);
        max = MAX(max, values[i]);
    }
    for (gsize i = 0; i < n; i++)
        values[i] = CLAMP(values[i] + shift, min, max);
}

/* Pillow's ImageEnhance.Brightness, a blend with black: bytes to bytes, clipped at 255. */
static void apply_brightness(float *values, gsize n, float factor)
{
    float scaled[256];
    for (int byte = 0; byte < 256; byte++)
        scaled[byte] = (float)(guint8)MIN(factor * (float)byte, 255.0f);
    for (gsize i = 0; i < n; i++)
        values[i] = scaled[(guint8)values[i]];
}

/* rgb -> values (side, side, 3), still red, green, blue in 0 … 255. */
static void change(const guint8 *rgb, int side, const Augmentation *a, float *values)
{
    const Affine affine = affine_of(a, side);
    gsize n = (gsize)side * (gsize)side * 3;
    for (int y = 0; y < side; y++)
        sample_row(rgb, side, a, &affine, y, values);
    if (a->channel_shift != 0)
        shift_channels(values, n, (float)a->channel_shift);
    if (a->brightness >= 0)
        apply_brightness(values, n, (float)a->brightness);
}

void augment_tensor(const guint8 *rgb, int side, const Augmentation *augmentation,
                    Normalization normalization, float *tensor)
{
    change(rgb, side, augmentation, tensor);
    image_normalize_values(tensor, side, normalization);
}

void augment_pixels(const guint8 *rgb, int side, const Augmentation *augmentation, guint8 *changed)
{
    gsize n = (gsize)side * (gsize)side * 3;
    g_autofree float *values = g_new(float, n);
    change(rgb, side, augmentation, values);
    for (gsize i = 0; i < n; i++)
        changed[i] = (guint8)values[i];
}
