/* isa: see isa.h. */
#include "common/arithmetic/isa.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

static int forced = -1;

#ifdef __x86_64__
/* clang 14's __builtin_cpu_supports lacks F16C. Called only with AVX2, which implies that the kernel saves the
 * registers. */
static gboolean has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

gboolean isa_available(IsaSet isa)
{
    switch (isa) {
    case ISA_BASELINE:
        return TRUE;
#ifdef __x86_64__
    case ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    case ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
    default:
        return FALSE;
    }
}

const char *isa_name(IsaSet isa)
{
    static const char *const names[ISA_COUNT] = {"baseline", "avx2", "avx512"};
    return names[isa];
}

/* Called once: CPUID takes microseconds in a virtual machine, where it traps to the hypervisor. */
static gpointer find_best(gpointer unused)
{
    IsaSet best = ISA_BASELINE;
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (isa_available((IsaSet)isa))
            best = (IsaSet)isa;
    return GINT_TO_POINTER(best);
}

IsaSet isa_current(void)
{
    static GOnce found = G_ONCE_INIT;
    return forced >= 0 ? (IsaSet)forced : (IsaSet)GPOINTER_TO_INT(g_once(&found, find_best, NULL));
}

void isa_force(IsaSet isa)
{
    g_return_if_fail(isa_available(isa));
    forced = isa;
}
