/* cosines: cosine similarity between given feature vectors and those of all images of one or several caches. Exact:
 * every vector is compared with every image, without an approximate index.
 *
 * The images are numbered 0 … N-1 through the caches in order; augmented copies are left out. A zero vector has cosine
 * 0 with every other. */
#pragma once
#include "common/cache/cache.h"
#include "common/core/thread_pool.h"

enum { COSINES_BLOCK = 256 /* images compared at a time, and maximum number of vectors */ };

/* Default threshold of near-duplicates: 0.7 for block5_pool of trained weights, 0.9 if it is pooled, 0.99 for all other
 * features, which differ less from image to image. Of 2,153 photographs of food and insects (published base, presets vips
 * and keras), those of different things have a cosine of 0.61 at most, one dish from two sides 0.64, and shots of one scene
 * more than 0.7; 100 that were saved again at JPEG quality 20 or scaled to three quarters 0.81 at least, and of those with a
 * twentieth cut off each side nine in ten 0.77. Pooled by avg (max), different dishes among 1,500 have 0.89 (0.84) at most,
 * and of 600 such copies of 200 all but 1 (10) in a hundred 0.94 (0.93) at least. */
double cosines_alike(const FeatureSpec *spec);

typedef struct Cosines Cosines;

/* caches: n_caches >= 1, borrowed until cosines_free, all with the same number of features. */
Cosines *cosines_new(Cache *const *caches, guint n_caches, ThreadPool *thread_pool);
void cosines_free(Cosines *cosines);

/* The cache that contains an image of these; *index: its item there. */
Cache *cosines_cache(Cache *const *caches, guint image, guint *index);
const CacheItem *cosines_item(const Cosines *cosines, guint image);

/* out (D) = in (D) scaled to length 1; in and out may be the same. A zero vector stays zero. */
void cosines_normalize(const float *in, gsize features, float *out);

/* vectors (count, D): the features of images first … first+count-1, scaled to length 1. FALSE and error if one cannot
 * be read. */
gboolean cosines_vectors(const Cosines *cosines, guint first, guint count, float *vectors, GError **error);

/* Receives the results for images first … first+count-1: cosines (n, COSINES_BLOCK); the first `count` elements of row
 * i are the cosines of vector i with these images. Called by one thread at a time, in no particular order. */
typedef void (*CosinesTake)(guint first, guint count, const float *cosines, gpointer user);

/* Compares vectors (n, D) of length 1, n <= COSINES_BLOCK, with images first … N-1; first: a multiple of COSINES_BLOCK.
 * Results are the same on every run and for any number of threads. FALSE and error if an image cannot be read or the
 * user interrupted. */
gboolean cosines_scan(Cosines *cosines, const float *vectors, guint n, guint first, CosinesTake take,
                      gpointer user, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cosines, cosines_free)
