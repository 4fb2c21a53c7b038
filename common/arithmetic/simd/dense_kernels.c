/* dense_kernels: see common/arithmetic/dense_kernels.h. */
#include "common/arithmetic/simd/block.h"
#include "common/arithmetic/simd/tables.h"

#if defined(__AVX512F__)
enum { ROWS = 8 }; /* 16 sums, 2 columns and a broadcast in 32 registers */
#elif defined(SSE2)
enum { ROWS = 3 }; /* 12 sums, a vector of the strip, a product and a broadcast in 16 registers */
#else
enum { ROWS = 6 }; /* 12 sums, 2 columns and a broadcast in 16 registers */
#endif

/* Two vectors of the strip at a time. Callers pass a constant for rows, so that the sums stay in registers. */
ALWAYS_INLINE void multiply_rows(const int rows, int depth, const float *a, gsize row, gsize column,
                                 const float *b, float *c, gsize ldc, gboolean add)
{
    for (int k = 0; k < STRIP; k += VECTORS * WIDTH) {
        Vector sum[ROWS][VECTORS];
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
            for (int j = 0; j < VECTORS; j++)
                sum[i][j] = add ? load(c + i * ldc + k + j * WIDTH) : (Vector){0};
        for (int p = 0; p < depth; p++)
            accumulate(rows, sum, a + p * column, row, b + (gsize)p * STRIP + k);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
            for (int j = 0; j < VECTORS; j++)
                store(c + i * ldc + k + j * WIDTH, sum[i][j]);
    }
}

static void multiply(int rows, int depth, const float *a, gsize row, gsize column, const float *b, float *c,
                     gsize ldc, gboolean add)
{
    for (; rows >= ROWS; rows -= ROWS, a += ROWS * row, c += ROWS * ldc)
        multiply_rows(ROWS, depth, a, row, column, b, c, ldc, add);
    for (; rows >= 2; rows -= 2, a += 2 * row, c += 2 * ldc)
        multiply_rows(2, depth, a, row, column, b, c, ldc, add);
    if (rows)
        multiply_rows(1, depth, a, row, column, b, c, ldc, add);
}

/* keras/src/optimizers/adam.py: epsilon outside the root, the bias corrections in the rate. */
ALWAYS_INLINE Vector adam(const OptimizerStep *s, Vector g, Vector w, Vector *m, Vector *v)
{
    *m += (g - *m) * s->one_minus_beta1;
    *v += (g * g - *v) * s->one_minus_beta2;
    return w - *m * s->rate / (square_root(*v) + s->epsilon);
}

/* keras/src/optimizers/rmsprop.py: epsilon inside the root. */
ALWAYS_INLINE Vector rmsprop(const OptimizerStep *s, Vector g, Vector w, Vector *m, Vector *v)
{
    *v = s->beta2 * *v + s->one_minus_beta2 * (g * g);
    *m = s->momentum * *m + s->rate * g / square_root(*v + s->epsilon);
    return w - *m;
}

/* keras/src/optimizers/sgd.py, without Nesterov's variant. */
ALWAYS_INLINE Vector sgd(const OptimizerStep *s, Vector g, Vector w, Vector *m)
{
    *m = s->momentum * *m - s->rate * g;
    return w + *m;
}

/* Callers pass a constant for kind, so that the branches are resolved at compile time. */
ALWAYS_INLINE void update_vector(OptimizerKind kind, const OptimizerStep *s, const float *g, Parameters p)
{
    float *w = p.w, *m = p.m, *v = p.v;
    Vector weight = load(w), first = m ? load(m) : (Vector){0}, second = v ? load(v) : (Vector){0};
    Vector gradient = load(g) + s->decay * weight;
    if (kind == OPTIMIZER_ADAM)
        weight = adam(s, gradient, weight, &first, &second);
    else if (kind == OPTIMIZER_RMSPROP)
        weight = rmsprop(s, gradient, weight, &first, &second);
    else
        weight = sgd(s, gradient, weight, &first);
    store(w, weight);
    if (m)
        store(m, first);
    if (v)
        store(v, second);
}

static void copy(float *to, const float *from, int n)
{
    for (int i = 0; from && i < n; i++)
        to[i] = from[i];
}

ALWAYS_INLINE void update_all(OptimizerKind kind, const OptimizerStep *s, int n, const float *g,
                              const Parameters *p)
{
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        update_vector(kind, s, g + i, parameters_from(p, (gsize)i));
    if (i == n)
        return;
    /* The rest is padded to a vector, so that every weight is computed by the same instructions. */
    const Parameters last = parameters_from(p, (gsize)i);
    float rest[4][WIDTH] = {{0}}, *slots[] = {NULL, last.w, last.m, last.v};
    copy(rest[0], g + i, n - i);
    for (int k = 1; k < 4; k++)
        copy(rest[k], slots[k], n - i);
    update_vector(kind, s, rest[0], (Parameters){rest[1], p->m ? rest[2] : NULL, p->v ? rest[3] : NULL});
    for (int k = 1; k < 4; k++)
        if (slots[k])
            copy(slots[k], rest[k], n - i);
}

static void update(const OptimizerStep *step, int n, const float *g, Parameters weights)
{
    if (step->kind == OPTIMIZER_ADAM)
        update_all(OPTIMIZER_ADAM, step, n, g, &weights);
    else if (step->kind == OPTIMIZER_RMSPROP)
        update_all(OPTIMIZER_RMSPROP, step, n, g, &weights);
    else
        update_all(OPTIMIZER_SGD, step, n, g, &weights);
}

const DenseKernels ISA_SYMBOL(dense_kernels) = {ROWS, multiply, update};
