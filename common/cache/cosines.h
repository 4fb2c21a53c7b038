/* cosines: of the angles between given feature vectors and those of all images of a cache, or of several: how alike
 * images are. Exact: each vector is compared with each image, none is passed over by an index.
 *
 * The images are numbered 0 … N-1, those of one cache after those of the one before it; augmented copies are left out.
 * A vector of zeros has the cosine 0 with every other. */
#pragma once
#include "common/cache/cache.h"
#include "common/core/thread_pool.h"

enum { COSINES_BLOCK = 256 /* images compared at a time, and the most vectors compared with them at once */ };

/* The cosine of block5_pool's features from which two photographs are taken for nearly the same, where the user names no
 * other: a picture saved again or scaled keeps it, different ones of a like kind stay below. */
#define COSINES_ALIKE 0.99

typedef struct Cosines Cosines;

/* caches: n_caches >= 1, borrowed until cosines_free, all with the same number of features. */
Cosines *cosines_new(Cache *const *caches, guint n_caches, ThreadPool *thread_pool);
void cosines_free(Cosines *cosines);

/* The cache that an image is in, and its item there. */
Cache *cosines_cache(const Cosines *cosines, guint image, guint *index);
const CacheItem *cosines_item(const Cosines *cosines, guint image);

/* in (D) at length 1 into out (D), which may be the same; zeros stay zeros. */
void cosines_normalize(const float *in, gsize features, float *out);

/* vectors (count, D): the features of `count` images from this one on, at length 1. FALSE and error where one cannot be
 * read. */
gboolean cosines_vectors(const Cosines *cosines, guint first, guint count, float *vectors, GError **error);

/* What a scan has found out about `count` images from `first` on: cosines (n, COSINES_BLOCK), of which a row's first
 * `count` elements are those of vector n with these images. Called by one thread at a time, in no order. */
typedef void (*CosinesTake)(guint first, guint count, const float *cosines, gpointer user);

/* Compares vectors (n, D) of length 1, n <= COSINES_BLOCK, with the images first … N-1; first is a multiple of
 * COSINES_BLOCK. The same on every run, whatever the number of threads. FALSE and error where an image cannot be read or
 * the user interrupted. */
gboolean cosines_scan(Cosines *cosines, const float *vectors, guint n, guint first, CosinesTake take,
                      gpointer user, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cosines, cosines_free)
