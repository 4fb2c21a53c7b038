/* kernels: see kernels.h. */
#include "common/arithmetic/kernels.h"

#include "common/arithmetic/isa.h"

/* common/arithmetic/simd/kernels.c and multiply.c, compiled once per set. */
extern const Kernels kernels_baseline;
extern const ConvKernels conv_kernels_baseline_unfused;
#ifdef __x86_64__
extern const Kernels kernels_avx2, kernels_avx512;
extern const ConvKernels conv_kernels_avx2_unfused, conv_kernels_avx512_unfused;
#endif

static const struct {
    const Kernels *fused;
    const ConvKernels *unfused;
} tables[ISA_COUNT] = {
    [ISA_BASELINE] = {&kernels_baseline, &conv_kernels_baseline_unfused},
#ifdef __x86_64__
    [ISA_AVX2] = {&kernels_avx2, &conv_kernels_avx2_unfused},
    [ISA_AVX512] = {&kernels_avx512, &conv_kernels_avx512_unfused},
#endif
};

const Kernels *kernels_current(void)
{
    return tables[isa_current()].fused;
}

const ConvKernels *kernels_unfused(void)
{
    return tables[isa_current()].unfused;
}
