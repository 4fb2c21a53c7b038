/* kernels: all inner loops that are compiled once per instruction set (common/arithmetic/simd/), one table per set, and
 * the only place that selects a table. */
#pragma once
#include "common/arithmetic/affine_kernels.h"
#include "common/arithmetic/conv_kernels.h"
#include "common/arithmetic/dense_kernels.h"
#include "common/arithmetic/packing.h"
#include "common/arithmetic/pooling.h"
#include "common/arithmetic/row_kernels.h"
#include "common/arithmetic/sparse_kernels.h"

typedef struct {
    const AffineKernels *affine;
    const ConvKernels *conv;
    const DenseKernels *dense;
    const PackingKernels *packing;
    const PoolingKernels *pooling;
    const RowKernels *row;
    const SparseKernels *sparse;
} Kernels;

/* The table of isa_current() (isa.h); static, never NULL. */
const Kernels *kernels_current(void);

/* Convolution without fused multiply-adds: all sets, machines and compilers give the same bits, as the lanes of a
 * vector are independent. */
const ConvKernels *kernels_unfused(void);
