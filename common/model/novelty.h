/* novelty: how far an image is like those that a model was trained on, by the cosine with the most similar one of them:
 * novelty detection by the nearest neighbour (Sun et al. 2022).
 *
 * Features (H, W, C) are averaged over the places and scaled to length 1. Up to 1,024 of the images trained on are
 * kept (novelty_most), at even distances through all of them. On photographs (published base, 1,500 of food or 91 of insects
 * known, the other kind unknown) this told the unknown from the known at an area under the ROC curve of 0.996 and 0.920; the
 * probability of the class at 0.57 to 0.69 and 0.79 to 0.90, the energy of a linear head's decision values (Liu et al. 2020)
 * at 0.59 and 0.79 at best, Mahalanobis's distance with a shared covariance at 0.997 and 0.908, all 25,088 features instead
 * of the average at 0.982 and 0.926. */
#pragma once
#include "common/cache/cache.h"
#include "common/core/thread_pool.h"

typedef struct {
    int shape[3];  /* H W C */
    gsize width;   /* C */
    guint n;       /* images kept */
    float *images; /* (C, n) */
    float *held;   /* (n) ascending: the similarity of each to the others */
    double limit;  /* from this similarity on an image is known; -INFINITY: every one is */
} Novelty;

/* out (C): x (H, W, C) averaged over the places and scaled to length 1; zero where that has no length. */
void novelty_summary(const int shape[3], const float *x, float *out);

/* How many images of this shape (H, W, C) are kept at most: what takes 2 MB, but 64 at least. */
guint novelty_most(const int shape[3]);

/* What a model file takes for it, of so many images trained on. */
gsize novelty_bytes(const int shape[3], guint images);

/* For images of this shape, n of them kept, yet to be filled. */
Novelty *novelty_new(const int shape[3], guint n);
void novelty_free(Novelty *novelty);

/* From the images trained on, count items of a cache; items NULL: the first ones. Each is held against those of other
 * groups. *novelty stays NULL where there are none. FALSE and error where an image cannot be read. */
gboolean novelty_fit(Cache *cache, const guint32 *items, guint count, ThreadPool *thread_pool,
                     Novelty **novelty, GError **error);

/* x: n rows of features; out (n): cosines. The same to the bit for any number of threads. */
void novelty_similarities(const Novelty *novelty, ThreadPool *thread_pool, const float *const *x, int n,
                          float *out);

/* Of values in ascending order, the highest that at least this share of them reach: of `held`, the limit that keeps a share
 * of the images trained on. */
double novelty_limit(const float *ascending, guint n, double share);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Novelty, novelty_free)
