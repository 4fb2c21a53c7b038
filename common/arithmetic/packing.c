/* packing: the tables of common/arithmetic/simd/packing.c, one an instruction set; see packing.h. */
#include "common/arithmetic/packing.h"

#include "common/arithmetic/isa.h"

extern const PackingKernels packing_kernels_baseline;
#ifdef __x86_64__
extern const PackingKernels packing_kernels_avx2, packing_kernels_avx512;
#endif

const PackingKernels *packing_kernels_current(void)
{
    switch (isa_current()) {
#ifdef __x86_64__
    case ISA_AVX2:
        return &packing_kernels_avx2;
    case ISA_AVX512:
        return &packing_kernels_avx512;
#endif
    default:
        return &packing_kernels_baseline;
    }
}
