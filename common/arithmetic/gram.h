/* gram: inner products of N rows of D features, and linear combinations of the rows, in double precision. Features
 * are processed in chunks, so that memory does not grow with D. Results are the same to the bit for any number of
 * threads. */
#pragma once
#include "common/arithmetic/rows.h"
#include "common/core/floats.h"
#include "common/core/thread_pool.h"

/* What both functions below work in: a shared array of the arena, for n rows of this width. */
double *gram_scratch(Arena *arena, guint n, gsize width);

/* Adds X Xᵀ to the lower triangle of matrix (N, N); the elements above the diagonal become undefined. Incomplete if
 * interrupted(). */
void gram_add(const Rows *rows, ThreadPool *thread_pool, double *scratch, double *matrix);

/* kernel (D, K) = Xᵀ wᵀ with w (K, N): K linear combinations of the rows. Incomplete if interrupted(). */
void gram_combine(const Rows *rows, ThreadPool *thread_pool, double *scratch, const double *w, guint outputs,
                  float *kernel);
