/* resize: see resize.h. */
#include "common/image/resize.h"

#include <math.h>
#include <string.h>

/* Pillow adds up the step instead of multiplying, so that for positions near a whole number the rounding errors of
 * the sum decide: the sum must be computed in the same way. */
static int *nearest_places(int in, int out)
{
    int *places = g_new(int, out);
    double step = (double)in / out, place = step * 0.5;
    for (int i = 0; i < out; i++, place += step)
        places[i] = MIN((int)place, in - 1);
    return places;
}

void resize_nearest(const guint8 *source, int width, int height, int side, guint8 *target)
{
    g_autofree int *columns = nearest_places(width, side);
    g_autofree int *rows = nearest_places(height, side);
    for (int y = 0; y < side; y++) {
        const guint8 *row = source + (gsize)rows[y] * width * 3;
        for (int x = 0; x < side; x++, target += 3)
            memcpy(target, row + (gsize)columns[x] * 3, 3);
    }
}

enum {
    PRECISION_BITS =
        32 - 8 - 2, /* of the fixed-point weights: 8 bits of pixel and 2 of headroom in an int32 */
    HALF = 1 << (PRECISION_BITS - 1),
};

/* For each output pixel: the first input pixel, the number of input pixels, and their weights. */
typedef struct {
    int *first, *count;
    gint32 *weights; /* (outputs, taps) */
    int taps;
} Filter;

static void filter_clear(Filter *filter)
{
    g_free(filter->first);
    g_free(filter->count);
    g_free(filter->weights);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Filter, filter_clear)

/* Weights of one output pixel whose centre is at `center` in the input; first in double, then fixed-point, as in
 * Pillow. */
static void filter_pixel(Filter *filter, int i, double center, double shrink, int in, double *doubles)
{
    double sum = 0, support = shrink; /* the triangle's support is 1 */
    int first = MAX((int)(center - support + 0.5), 0);
    int count = MIN((int)(center + support + 0.5), in) - first;
    for (int t = 0; t < count; t++) {
        double distance = fabs((t + first - center + 0.5) * (1.0 / shrink));
        doubles[t] = distance < 1.0 ? 1.0 - distance : 0.0;
        sum += doubles[t];
    }
    for (int t = 0; t < count; t++) {
        double weight = sum != 0.0 ? doubles[t] / sum : doubles[t];
        filter->weights[(gsize)i * filter->taps + t] = (gint32)(0.5 + weight * (1 << PRECISION_BITS));
    }
    filter->first[i] = first;
    filter->count[i] = count;
}

/* The filter that resizes in pixels to out, for the n output pixels from `start` on. */
static Filter filter_new(int in, gint64 out, gint64 start, int n)
{
    double scale = (double)in / out, shrink = MAX(scale, 1.0);
    Filter filter = {.taps = (int)ceil(shrink) * 2 + 1};
    filter.first = g_new(int, n);
    filter.count = g_new(int, n);
    filter.weights = g_new0(gint32, (gsize)n * filter.taps);
    g_autofree double *doubles = g_new(double, filter.taps);
    for (int i = 0; i < n; i++)
        filter_pixel(&filter, i, (start + i + 0.5) * scale, shrink, in, doubles);
    return filter;
}

static guint8 clip8(gint32 fixed)
{
    return (guint8)CLAMP(fixed >> PRECISION_BITS, 0, 255);
}

/* One row: source (in, 3) -> target (n, 3). */
static void resample_row(const guint8 *source, const Filter *filter, int n, guint8 *target)
{
    for (int x = 0; x < n; x++) {
        const guint8 *pixel = source + (gsize)filter->first[x] * 3;
        const gint32 *weights = filter->weights + (gsize)x * filter->taps;
        gint32 r = HALF, g = HALF, b = HALF;
        for (int t = 0; t < filter->count[x]; t++, pixel += 3) {
            r += pixel[0] * weights[t];
            g += pixel[1] * weights[t];
            b += pixel[2] * weights[t];
        }
        *target++ = clip8(r);
        *target++ = clip8(g);
        *target++ = clip8(b);
    }
}

/* One output row of `bytes` values from `count` input rows. */
static void resample_column(const guint8 *source, const gint32 *weights, int count, int bytes, gint32 *sums,
                            guint8 *target)
{
    for (int x = 0; x < bytes; x++)
        sums[x] = HALF;
    for (int t = 0; t < count; t++, source += bytes)
        for (int x = 0; x < bytes; x++)
            sums[x] += source[x] * weights[t];
    for (int x = 0; x < bytes; x++)
        target[x] = clip8(sums[x]);
}

void resize_bilinear(const guint8 *source, int width, int height, ResizeWindow window, guint8 *target)
{
    g_auto(Filter) across = filter_new(width, window.full_width, window.left, window.width);
    g_auto(Filter) down = filter_new(height, window.full_height, window.top, window.height);

    /* Horizontally first, rounded to bytes between the passes, and only the rows that the second pass reads. */
    int last = window.height - 1, bytes = window.width * 3;
    int top = down.first[0], rows = down.first[last] + down.count[last] - top;
    g_autofree guint8 *between = g_malloc((gsize)rows * bytes);
    for (int y = 0; y < rows; y++)
        resample_row(source + (gsize)(top + y) * width * 3, &across, window.width,
                     between + (gsize)y * bytes);

    g_autofree gint32 *sums = g_new(gint32, bytes);
    for (int y = 0; y < window.height; y++)
        resample_column(between + (gsize)(down.first[y] - top) * bytes, down.weights + (gsize)y * down.taps,
                        down.count[y], bytes, sums, target + (gsize)y * bytes);
}

ResizeWindow resize_center_window(int width, int height, int short_side, int side)
{
    ResizeWindow window = {.width = side, .height = side};
    if (width <= height) {
        window.full_width = short_side;
        window.full_height = (gint64)((double)short_side * height / width);
    } else {
        window.full_height = short_side;
        window.full_width = (gint64)((double)short_side * width / height);
    }
    window.left = (gint64)nearbyint((window.full_width - side) / 2.0);
    window.top = (gint64)nearbyint((window.full_height - side) / 2.0);
    return window;
}
