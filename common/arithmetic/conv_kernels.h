/* conv_kernels: the inner loops of convolution, part of each instruction set's table (kernels.h).
 *
 * Winograd's minimal filtering F(m x m, r x r): a tile of P = (m+r-1)^2 input pixels is transformed into P positions;
 * at each position, the matrix tiles x channels is multiplied by the transformed kernels, channels x outputs; the
 * inverse transform gives m x m output pixels. This takes P / (m^2 r^2) of the multiplications of the direct
 * computation. Sources: Lavin & Gray 2015, "Fast Algorithms for Convolutional Neural Networks"; Barabasz et al. 2018,
 * "Error Analysis and Improving the Accuracy of Winograd Convolution for DNNs", for the choice of points. */
#pragma once
#include <glib.h>

enum {
    WINOGRAD_MAX_OUT = 7,                                           /* m of the largest tile */
    WINOGRAD_MAX = (WINOGRAD_MAX_OUT + 2) * (WINOGRAD_MAX_OUT + 2), /* P of the largest tile */
    WINOGRAD_TILES = 6,                                             /* number of tile sizes */
};

typedef struct {
    int out;  /* m */
    int taps; /* r: 3 or 5 */
    int in;   /* m + r - 1 */

    /* Transforms the kernels of one input channel for `channels` output channels: G g G^T, in double. Tap t is at
     * taps + t * tap_stride; position p goes to u + p * position_stride. */
    void (*kernel)(const float *taps, gsize tap_stride, int channels, float *u, gsize position_stride);

    /* Transforms the input of one tile. pixels: P pointers to C channels each, row by row. Position p's channels
     * c … c + width-1 go to v + p * position_stride + c / width * step. */
    void (*input)(const float *const *pixels, int channels, float *v, gsize position_stride, gsize step);

    /* The inverse transform of one tile. m: position p's channels at m + p * position_stride. Adds bias and takes the
     * maximum with `min` (0 for ReLU, -INFINITY for none). pixels: m*m pointers; (m/2)^2 for output_pooled, which keeps
     * the largest of each 2x2 and requires even m. */
    void (*output)(const float *m, gsize position_stride, int channels, const float *bias, float min,
                   float *const *pixels);
    void (*output_pooled)(const float *m, gsize position_stride, int channels, const float *bias, float min,
                          float *const *pixels);

    /* The transpose of `output`: from the gradient with respect to a tile's m*m output pixels to that with respect to
     * its products, A dY A^T. Position p's channels c … c + width-1 go to dm + p * position_stride + c / width *
     * step. */
    void (*output_gradient)(const float *const *pixels, int channels, float *dm, gsize position_stride,
                            gsize step);
    /* The transpose of `kernel`: from the gradient with respect to transformed kernels, position p at du + p *
     * position_stride, to that with respect to the r x r kernels, G^T dU G, tap t at kernel + t * tap_stride. */
    void (*kernel_gradient)(const float *du, gsize position_stride, int channels, float *kernel,
                            gsize tap_stride);
} WinogradKernels;

/* Channels are summed in runs of this length, and the runs' sums are then added up, which halves the rounding error
 * at 512 channels. Results depend on this number, but not on any other division of the products. */
enum { CONV_RUN = 128 };

typedef struct {
    int width; /* floats in a vector */
    int rows;  /* maximum number of tiles per call of multiply */
    int panel; /* output channels per call of multiply */
    int later_step;

    /* m (rows, panel) with the given row stride = V U for a run of C <= CONV_RUN channels, or += V U with add. v:
     * (C/width, rows, width), aligned to vectors; u: (C, panel). Meanwhile prefetches `next`, the v of the following
     * call, into the L1 cache, and from `later` on one cache line per later_step channels into L2. */
    void (*multiply)(const float *v, const float *next, const float *u, const float *later, int channels,
                     int rows, float *m, gsize stride, gboolean add);

    /* `rows` output pixels side by side, computed directly. x: the upper left input pixel of the first one, with C
     * channels per pixel and image rows row_stride apart; u: (taps, taps C, panel); y: pixels y_stride apart. */
    void (*direct)(const float *x, gsize row_stride, int taps, int channels, const float *u,
                   const float *bias, float min, int rows, float *y, gsize y_stride);

    /* du (rows, width) with the given row stride = V^T dM, or += V^T dM with add. v: the first `rows` <= width floats
     * of each of `count` vectors, v_step apart; dm: whole vectors, dm_step apart. */
    void (*correlate)(const float *v, gsize v_step, const float *dm, gsize dm_step, int count, int rows,
                      float *du, gsize stride, gboolean add);

    const WinogradKernels *winograd; /* (WINOGRAD_TILES), for each r the smallest tile first */
} ConvKernels;
