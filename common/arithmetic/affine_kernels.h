/* affine_kernels: interpolation of an affinely mapped image, part of each instruction set's table (kernels.h). */
#pragma once
#include <glib.h>

typedef struct {
    /* Row y of an affine map of rgb (side, side, 3), side >= 2: for i = 0 … side-1 and x = first + i * step, pixel i of
     * out (side, 3), 0 … 255, is the image at row m[0] . (y, x, 1) and column m[1] . (y, x, 1), bilinear, edges
     * repeated: scipy.ndimage.affine_transform with order 1 and mode 'nearest'. Computed in double, rounded to float at
     * the end, without fused multiply-adds: all instruction sets give the same bits. */
    void (*row)(const guint8 *rgb, int side, const double (*m)[3], int y, int first, int step, float *out);
} AffineKernels;
