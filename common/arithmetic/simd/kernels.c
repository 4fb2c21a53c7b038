/* kernels: the table of one instruction set, see common/arithmetic/kernels.h. */
#include "common/arithmetic/simd/tables.h"

const Kernels ISA_SYMBOL(kernels) = {
    .affine = &ISA_SYMBOL(affine_kernels),
    .conv = &ISA_SYMBOL(conv_kernels),
    .dense = &ISA_SYMBOL(dense_kernels),
    .packing = &ISA_SYMBOL(packing_kernels),
    .pooling = &ISA_SYMBOL(pooling_kernels),
    .row = &ISA_SYMBOL(row_kernels),
    .sparse = &ISA_SYMBOL(sparse_kernels),
};
