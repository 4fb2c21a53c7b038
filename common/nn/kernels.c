/* kernels: which instruction set this processor has; see kernels.h. */
#include "common/nn/kernels.h"

extern const Kernels kernels_baseline;
#if defined(__x86_64__)
extern const Kernels kernels_avx2, kernels_avx512;
#endif

const Kernels *kernels_nth(guint i)
{
    const Kernels *usable[4] = {&kernels_baseline};
    guint n = 1;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        usable[n++] = &kernels_avx2;
    if (n == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        usable[n++] = &kernels_avx512;
#endif
    return i < n ? usable[i] : NULL;
}

const Kernels *kernels_best(void)
{
    static gsize best = 0;
    if (g_once_init_enter(&best)) {
        guint n = 1;
        while (kernels_nth(n))
            n++;
        g_once_init_leave(&best, (gsize)kernels_nth(n - 1));
    }
    return (const Kernels *)best;
}
