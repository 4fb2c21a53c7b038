/* peak: the maximum rates of one thread of this processor: multiply-adds in registers, and reading. */
#pragma once
#include "common/arithmetic/isa.h"

#include <time.h>

/* Processor seconds of this thread. */
static inline double thread_seconds(clockid_t thread)
{
    struct timespec t;
    clock_gettime(thread, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Makes the compiler assume that the register changes here, so that it cannot reuse results computed from it. */
#if defined(__x86_64__)
#define CHANGED(vector) __asm__ volatile("" : "+v"(vector))
#elif defined(__aarch64__)
#define CHANGED(vector) __asm__ volatile("" : "+w"(vector))
#else
#define CHANGED(vector) __asm__ volatile("" : "+m"(vector))
#endif

/* More than latency (4 or 5 cycles) times instructions per cycle (2); with the factors they fit into 16 registers. */
enum { CHAINS = 12, CHAIN_LENGTH = 1 << 20 };

/* FLOP/s of CHAINS sums of products with different initial values, so that the compiler cannot merge them. Without a
 * fused instruction, a multiply-add is a multiplication and an addition, as in the kernels. */
#define PEAK_OF(isa, target, width)                                                                          \
    target static double peak_##isa(void)                                                                    \
    {                                                                                                        \
        typedef float Vector __attribute__((vector_size((width) * sizeof(float))));                          \
        Vector sum[CHAINS], x = {0}, factor = {0};                                                           \
        double start = thread_seconds(CLOCK_THREAD_CPUTIME_ID);                                              \
        x += 1e-3f;                                                                                          \
        factor += 0.5f;                                                                                      \
        for (int i = 0; i < CHAINS; i++)                                                                     \
            sum[i] = factor * (float)i;                                                                      \
        for (int n = 0; n < CHAIN_LENGTH; n++) {                                                             \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)                                        \
            {                                                                                                \
                CHANGED(x);                                                                                  \
                sum[i] += x * factor;                                                                        \
            }                                                                                                \
        }                                                                                                    \
        for (int i = 0; i < CHAINS; i++)                                                                     \
            CHANGED(sum[i]);                                                                                 \
        return 2.0 * CHAINS * CHAIN_LENGTH * (width) / (thread_seconds(CLOCK_THREAD_CPUTIME_ID) - start);    \
    }

PEAK_OF(baseline, , 4)
#if defined(__x86_64__)
PEAK_OF(avx2, __attribute__((target("avx2,fma"))), 8)
PEAK_OF(avx512, __attribute__((target("avx512f,fma"))), 16)
#endif

/* FLOP/s per thread of the instruction set in use; takes about 10 ms. */
static inline double peak_flops(void)
{
    switch (isa_current()) {
#if defined(__x86_64__)
    case ISA_AVX512:
        return peak_avx512();
    case ISA_AVX2:
        return peak_avx2();
#endif
    default:
        return peak_baseline();
    }
}

/* Bytes per second that a thread reads from a block of this size that it has read before, one number per cache line. */
static inline double read_rate(const float *from, gsize bytes)
{
    enum { LINE = 64 };
    const gsize passes = MAX((gsize)1, ((gsize)128 << 20) / bytes);
    guint64 sum = 0;
    double start = 0;
    for (gsize pass = 0; pass <= passes; pass++) {
        if (pass == 1)
            start = thread_seconds(CLOCK_THREAD_CPUTIME_ID);
        for (gsize i = 0; i < bytes; i += LINE)
            sum += *(const guint64 *)((const char *)from + i);
        __asm__ volatile("" : "+r"(sum) : : "memory");
    }
    return (double)bytes * (double)passes / (thread_seconds(CLOCK_THREAD_CPUTIME_ID) - start);
}
