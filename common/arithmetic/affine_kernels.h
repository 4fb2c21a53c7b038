/* affine_kernels: pixels of an image between its own, a part of each instruction set's table (kernels.h). */
#pragma once
#include <glib.h>

typedef struct {
    /* Row y of an affine map of rgb (side, side, 3), side >= 2: for i = 0 … side-1 and x = first + i * step, pixel i of
     * out (side, 3) is the image at the row m[0] . (y, x, 1) and the column m[1] . (y, x, 1), bilinear, edges repeated,
     * on the scale 0 … 255: as scipy.ndimage.affine_transform has it with order 1 and mode 'nearest', in doubles,
     * rounded to float at the end. No multiply-add is fused: the same bits from every instruction set. */
    void (*row)(const guint8 *rgb, int side, const double (*m)[3], int y, int first, int step, float *out);
} AffineKernels;
