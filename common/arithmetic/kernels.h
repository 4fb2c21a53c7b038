/* kernels: all inner loops that are compiled once per instruction set (common/arithmetic/simd/), in one table a set, and
 * the one place where a set's table is picked. */
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

/* Of the instruction set that isa_current() (isa.h) tells; never NULL, lives as long as the program. */
const Kernels *kernels_current(void);

/* The same for convolution without fused multiply-adds: the same bits from every set, machine and compiler, as every lane of
 * a vector goes its own way. */
const ConvKernels *kernels_unfused(void);
