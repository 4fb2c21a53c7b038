/* isa: which of the instruction sets that common/arithmetic/simd is compiled for runs here.
 *
 * The files of common/arithmetic/simd are compiled once per set (see the Makefile) and reached through tables, one a
 * set; a table is picked at run time by isa_current(). Sets differ in the last bits of sums (fused
 * multiply-add, order). */
#pragma once
#include <glib.h>

typedef enum {
    ISA_BASELINE, /* what the compiler assumes of every machine: SSE2 on x86-64, NEON on aarch64 */
    ISA_AVX2,     /* with FMA and F16C */
    ISA_AVX512,   /* F, DQ, BW, VL */
    ISA_COUNT,
} IsaSet;

gboolean isa_available(IsaSet isa); /* compiled in and supported by this processor and kernel */
const char *isa_name(IsaSet isa);

/* The best one available, or the one forced. */
IsaSet isa_current(void);

/* For tests and benchmarks: from now on isa_current() is this one, which must be available. Not thread-safe;
 * what was made before keeps its set. */
void isa_force(IsaSet isa);
