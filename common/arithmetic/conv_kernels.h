/* conv_kernels: the inner loops of convolution, a part of each instruction set's table (kernels.h).
 *
 * Winograd's minimal filtering F(m x m, r x r): a tile of (m+r-1)^2 input pixels is transformed into as many
 * positions P; at each position, tiles x channels is multiplied by the transformed kernels, channels x
 * outputs; the inverse transform gives m x m output pixels. m^2 * r^2 / P times fewer multiplications than
 * directly. Sources: Lavin & Gray 2015, "Fast Algorithms for Convolutional Neural Networks"; Barabasz et al.
 * 2018, "Error Analysis and Improving the Accuracy of Winograd Convolution for DNNs", for the choice of
 * points. */
#pragma once
#include "common/arithmetic/precision.h"

enum {
    WINOGRAD_MAX_OUT = 7,                                           /* m of the largest tile */
    WINOGRAD_MAX = (WINOGRAD_MAX_OUT + 2) * (WINOGRAD_MAX_OUT + 2), /* P of the largest tile */
    WINOGRAD_TILES = 6,                                             /* how many there are */
};

typedef struct {
    int out;  /* m */
    int taps; /* r: 3 or 5 */
    int in;   /* m + r - 1 */

    /* The kernels of one input channel for `channels` output channels, G g G^T in double. Tap t at taps + t *
     * tap_stride; position p goes to u + p * position_stride. */
    void (*kernel)(const float *taps, gsize tap_stride, int channels, float *u, gsize position_stride);

    /* One tile. pixels: P pointers to C channels each, row by row. Position p's channels c … c + width-1 go
     * to v + p * position_stride + c / width * step. precision: of the pixels, which are rounded to it first. */
    void (*input)(const float *const *pixels, int channels, Precision precision, float *v,
                  gsize position_stride, gsize step);

    /* One tile. m: position p's channels at m + p * position_stride. Adds bias, raises to `min` (0 for
     * ReLU, -INFINITY for none). pixels: m*m pointers for output, (m/2)^2 for pooled, which keeps the largest
     * of 2x2 and is for even m only. */
    void (*output)(const float *m, gsize position_stride, int channels, const float *bias, float min,
                   float *const *pixels);
    void (*output_pooled)(const float *m, gsize position_stride, int channels, const float *bias, float min,
                          float *const *pixels);

    /* The transposes of `output` and of the kernels' transform, for gradients. From the gradient by a tile's
     * m*m output pixels, the one by its products, A dY A^T: position p's channels c … c + width-1 go to dm + p *
     * position_stride + c / width * step. */
    void (*output_gradient)(const float *const *pixels, int channels, float *dm, gsize position_stride,
                            gsize step);
    /* From the gradient by transformed kernels, position p at du + p * position_stride, the one by the r x r
     * kernels, G^T dU G: tap t at kernel + t * tap_stride. */
    void (*kernel_gradient)(const float *du, gsize position_stride, int channels, float *kernel,
                            gsize tap_stride);
} WinogradKernels;

/* Channels whose products are summed in a row, and then added to the sum of those before. Adding up sums of runs halves the
 * rounding error at 512 channels; results depend on this number, not on how products are cut otherwise. */
enum { CONV_RUN = 128 };

typedef struct {
    int width; /* floats in a vector */
    int rows;  /* the most tiles multiply takes at once */
    int panel; /* output channels multiply makes at once */
    int later_step;

    /* m (rows, panel), row stride given, = V U of a run of C <= CONV_RUN channels, or += that. v: (C/width, rows, width);
     * u: (C, panel). Meanwhile fetches the v of the call to follow, `next`, into the L1 cache, and from `later` on a cache
     * line for every later_step channels into L2. */
    void (*multiply)(const float *v, const float *next, const float *u, const float *later, int channels,
                     int rows, float *m, gsize stride, gboolean add);

    /* `rows` output pixels side by side, directly. x: the upper left input pixel of the first one, rows of
     * the image row_stride apart, C channels a pixel; u: (taps, taps C, panel); y: pixels y_stride apart. */
    void (*direct)(const float *x, gsize row_stride, int taps, int channels, const float *u,
                   const float *bias, float min, int rows, float *y, gsize y_stride);

    /* du (rows, width), row stride given, = V^T dM, or += that. v: the first `rows` <= width floats of each of
     * `count` vectors v_step apart; dm: whole vectors, dm_step apart. */
    void (*correlate)(const float *v, gsize v_step, const float *dm, gsize dm_step, int count, int rows,
                      float *du, gsize stride, gboolean add);

    const WinogradKernels *winograd; /* (WINOGRAD_TILES), of each r the smallest tiles first */
} ConvKernels;
