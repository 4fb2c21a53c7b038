/* vector: the widest float vector of the instruction set a file of common/arithmetic/simd is compiled for.
 *
 * Arithmetic is written with GCC's vector extensions, so that the baseline compiles to SSE2 or NEON; a * b + c
 * becomes one fused instruction if the set has one. */
#pragma once

#if defined(__AVX512F__)
enum { WIDTH = 16 }; /* floats in a vector */
#elif defined(__AVX2__)
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef float Vector __attribute__((vector_size(WIDTH * sizeof(float))));
typedef float VectorAnywhere __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4), may_alias));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE Vector load(const float *from)
{
    return *(const VectorAnywhere *)from;
}

ALWAYS_INLINE void store(float *to, Vector x)
{
    *(VectorAnywhere *)to = x;
}

ALWAYS_INLINE Vector splat(float x)
{
    return x - (Vector){0};
}

ALWAYS_INLINE Vector square_root(Vector x)
{
#if defined(__AVX512F__)
    return (Vector)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
    return (Vector)_mm256_sqrt_ps((__m256)x);
#else
    for (int i = 0; i < WIDTH; i++)
        x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

/* The larger of each; b where they are equal or one is NaN. */
ALWAYS_INLINE Vector larger(Vector a, Vector b)
{
#if defined(__AVX512F__)
    return (Vector)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (Vector)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__x86_64__)
    return (Vector)_mm_max_ps((__m128)a, (__m128)b);
#else
    typedef int Mask __attribute__((vector_size(WIDTH * sizeof(int))));
    Mask first = a > b;
    return (Vector)(((Mask)a & first) | ((Mask)b & ~first));
#endif
}
