/* row_kernels: picks the table of the current instruction set. */
#include "common/arithmetic/row_kernels.h"

#include "common/arithmetic/isa.h"

extern const RowKernels row_kernels_baseline;
#ifdef __x86_64__
extern const RowKernels row_kernels_avx2, row_kernels_avx512;
#endif

const RowKernels *row_kernels_current(void)
{
#ifdef __x86_64__
    if (isa_current() == ISA_AVX512)
        return &row_kernels_avx512;
    if (isa_current() == ISA_AVX2)
        return &row_kernels_avx2;
#endif
    return &row_kernels_baseline;
}
