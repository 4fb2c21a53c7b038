/* kernels: see kernels.h. */
#include "common/arithmetic/kernels.h"

#include "common/arithmetic/isa.h"

/* common/arithmetic/simd/kernels.c, compiled once per set. */
extern const Kernels kernels_baseline, kernels_unfused;
#ifdef __x86_64__
extern const Kernels kernels_avx2, kernels_avx512;
#endif

const Kernels *kernels_current(void)
{
    switch (isa_current()) {
#ifdef __x86_64__
    case ISA_AVX512:
        return &kernels_avx512;
    case ISA_AVX2:
        return &kernels_avx2;
#endif
    default:
        return &kernels_baseline;
    }
}

const Kernels *kernels_portable(void)
{
    return &kernels_unfused;
}
