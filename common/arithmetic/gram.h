/* gram: inner products of N rows of D features, and combinations of the rows, in double precision. The features are taken
 * in chunks, so that memory does not grow with D. Results are the same to the bit for any number of threads. */
#pragma once
#include "common/core/thread_pool.h"

/* What the rows are: take puts features first … first+count-1 of a row into out (count), first a multiple of 64. Threads
 * call it at once. */
typedef struct {
    guint n;        /* N */
    gsize features; /* D */
    void (*take)(gconstpointer user, guint row, gsize first, gsize count, float *out);
    gconstpointer user;
} GramRows;

/* Bytes that gram_add needs at most, its matrix included. */
gsize gram_memory(guint n);

/* Adds X Xᵀ to the lower triangle of matrix (N, N); what is above the diagonal is undefined then. Incomplete if
 * interrupted(). */
void gram_add(const GramRows *rows, ThreadPool *thread_pool, double *matrix);

/* kernel (D, K) = Xᵀ wᵀ, w (K, N): K combinations of the rows. Incomplete if interrupted(). */
void gram_combine(const GramRows *rows, ThreadPool *thread_pool, const double *w, guint outputs,
                  float *kernel);
