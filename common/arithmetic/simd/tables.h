/* tables: the tables that the files of common/arithmetic/simd define for the instruction set they are compiled for,
 * -DISA=baseline|avx2|avx512; those of convolution also without fused multiply-adds, …_unfused. */
#pragma once
#include "common/arithmetic/kernels.h"

/* kernels, avx512 -> kernels_avx512 */
#define ISA_SYMBOL__(name, isa) name##_##isa
#define ISA_SYMBOL_(name, isa)  ISA_SYMBOL__(name, isa)
#define ISA_SYMBOL(name)        ISA_SYMBOL_(name, ISA)

extern const WinogradKernels ISA_SYMBOL(winograd)[WINOGRAD_TILES]; /* winograd.c */
extern const AffineKernels ISA_SYMBOL(affine_kernels);             /* affine_kernels.c */
extern const ConvKernels ISA_SYMBOL(conv_kernels);                 /* multiply.c */
extern const DenseKernels ISA_SYMBOL(dense_kernels);               /* dense_kernels.c */
extern const PackingKernels ISA_SYMBOL(packing_kernels);           /* packing.c */
extern const PoolingKernels ISA_SYMBOL(pooling_kernels);           /* pooling.c */
extern const RowKernels ISA_SYMBOL(row_kernels);                   /* row_kernels.c */
extern const SparseKernels ISA_SYMBOL(sparse_kernels);             /* sparse_kernels.c */
extern const Kernels ISA_SYMBOL(kernels);                          /* kernels.c: all of these */
