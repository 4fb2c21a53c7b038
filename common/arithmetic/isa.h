/* isa: selects one of the instruction sets that common/arithmetic/simd is compiled for.
 *
 * The files of common/arithmetic/simd are compiled once per set (see the Makefile) and called through one table per
 * set, which isa_current() selects at run time. Sets differ in the last bits of sums (fused multiply-add, order). */
#pragma once
#include <glib.h>

typedef enum {
    ISA_BASELINE, /* the compiler's default for the architecture: SSE2 on x86-64, NEON on aarch64 */
    ISA_AVX2,     /* with FMA and F16C */
    ISA_AVX512,   /* F, DQ, BW, VL */
    ISA_COUNT,
} IsaSet;

gboolean isa_available(IsaSet isa); /* compiled in and supported by this processor and kernel */
const char *isa_name(IsaSet isa);

/* The best set available, or the one forced. */
IsaSet isa_current(void);

/* For tests and benchmarks: overrides isa_current() from now on; the set must be available. Not thread-safe; existing
 * plans keep their set. */
void isa_force(IsaSet isa);
