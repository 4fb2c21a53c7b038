/* resize: see resize.h. */
#include "common/image/resize.h"

#include <math.h>
#include <string.h>

static int padded(ResizeAxis axis)
{
    return axis.pixels + 2 * axis.pad;
}

/* The source pixel of each target pixel, -1 in the padding. Pillow adds up the step instead of multiplying, so that for
 * positions near a whole number the rounding errors of the sum decide: the sum must be computed in the same way. */
static int *nearest_places(ResizeAxis axis)
{
    int *places = g_new(int, axis.n);
    double place = axis.first + axis.scale * 0.5;
    for (int i = 0; i < axis.n; i++, place += axis.scale) {
        int at = MIN((int)place, padded(axis) - 1) - axis.pad;
        places[i] = at < 0 || at >= axis.pixels ? -1 : at;
    }
    return places;
}

void resize_nearest(const guint8 *source, ResizeAxis across, ResizeAxis down, guint8 *target)
{
    static const guint8 black[3];
    g_autofree int *columns = nearest_places(across), *rows = nearest_places(down);
    for (int y = 0; y < down.n; y++)
        for (int x = 0; x < across.n; x++, target += 3) {
            gsize at = ((gsize)rows[y] * (gsize)across.pixels + (gsize)columns[x]) * 3;
            memcpy(target, rows[y] < 0 || columns[x] < 0 ? black : source + at, 3);
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

/* Drops the taps in the padding, which is black: they add nothing. */
static void filter_clip(Filter *filter, int i, ResizeAxis axis)
{
    gint32 *weights = filter->weights + (gsize)i * filter->taps;
    int first = filter->first[i] - axis.pad, end = first + filter->count[i];
    filter->first[i] = CLAMP(first, 0, axis.pixels);
    filter->count[i] = CLAMP(end, 0, axis.pixels) - filter->first[i];
    memmove(weights, weights + (filter->first[i] - first), (gsize)filter->count[i] * sizeof *weights);
}

static Filter filter_new(ResizeAxis axis)
{
    double shrink = MAX(axis.scale, 1.0);
    Filter filter = {.taps = (int)ceil(shrink) * 2 + 1};
    filter.first = g_new(int, axis.n);
    filter.count = g_new(int, axis.n);
    filter.weights = g_new0(gint32, (gsize)axis.n * filter.taps);
    g_autofree double *doubles = g_new(double, filter.taps);
    for (int i = 0; i < axis.n; i++) {
        double center = axis.first + (axis.start + i + 0.5) * axis.scale;
        filter_pixel(&filter, i, center, shrink, padded(axis), doubles);
        filter_clip(&filter, i, axis);
    }
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

void resize_bilinear(const guint8 *source, ResizeAxis across, ResizeAxis down, guint8 *target)
{
    g_auto(Filter) columns = filter_new(across);
    g_auto(Filter) rows = filter_new(down);

    /* Horizontally first, rounded to bytes between the passes, and only the rows that the second pass reads. */
    int last = down.n - 1, bytes = across.n * 3;
    int top = rows.first[0], height = rows.first[last] + rows.count[last] - top;
    g_autofree guint8 *between = g_malloc((gsize)MAX(height, 1) * (gsize)bytes);
    for (int y = 0; y < height; y++)
        resample_row(source + (gsize)(top + y) * (gsize)across.pixels * 3, &columns, across.n,
                     between + (gsize)y * (gsize)bytes);

    g_autofree gint32 *sums = g_new(gint32, bytes);
    for (int y = 0; y < down.n; y++)
        resample_column(between + (gsize)(rows.first[y] - top) * (gsize)bytes,
                        rows.weights + (gsize)y * rows.taps, rows.count[y], bytes, sums,
                        target + (gsize)y * (gsize)bytes);
}

ResizeAxis resize_stretch(int pixels, int n)
{
    return (ResizeAxis){.pixels = pixels, .scale = (double)pixels / n, .n = n};
}

ResizeAxis resize_crop(int pixels, int kept, int n)
{
    kept = MIN(pixels, kept);
    return (ResizeAxis){.pixels = pixels, .first = (pixels - kept) / 2, .scale = (double)kept / n, .n = n};
}

ResizeAxis resize_pad(int pixels, int wanted, int n)
{
    ResizeAxis axis = {.pixels = pixels, .pad = (wanted - pixels) / 2, .n = n};
    axis.scale = (double)padded(axis) / n;
    return axis;
}

ResizeAxis resize_center(int pixels, int other, int short_side, int n)
{
    gint64 full = pixels <= other ? short_side : (gint64)((double)short_side * pixels / other);
    return (ResizeAxis){.pixels = pixels,
                        .scale = (double)pixels / full,
                        .start = (gint64)nearbyint((full - n) / 2.0),
                        .n = n};
}
