/* cosines: see cosines.h. */
#include "common/cache/cosines.h"

#include "common/arithmetic/blas.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/vgg16/weights.h"

#include <math.h>
#include <string.h>

/* Up to this many vectors, reading the images is the bottleneck: each is compared in place, while it is in the
 * processor's cache. Beyond, arithmetic is: images are copied side by side for a matrix product. */
enum { FEW = 6 };

struct Cosines {
    Cache *const *caches;
    guint n_caches, n;
    gsize features;
    ThreadPool *thread_pool;
    float **rows;     /* per worker: (min(N, COSINES_BLOCK), D); its pages are allocated when first used */
    float **products; /* per worker: (COSINES_BLOCK, COSINES_BLOCK) */

    const float *vectors; /* this and the rest: of the current scan */
    guint n_vectors, first_block;
    CosinesTake take;
    gpointer user;
    GMutex lock; /* protects the calls of take, and error */
    GError *error;
};

Cosines *cosines_new(Cache *const *caches, guint n_caches, ThreadPool *thread_pool)
{
    guint threads = thread_pool_threads(thread_pool);
    Cosines *cosines = g_new0(Cosines, 1);
    blas_startup(threads);
    cosines->caches = caches;
    cosines->n_caches = n_caches;
    cosines->features = feature_spec_features(caches[0]->spec);
    cosines->thread_pool = thread_pool;
    cosines->rows = g_new0(float *, threads + 1);
    cosines->products = g_new0(float *, threads + 1);
    for (guint c = 0; c < n_caches; c++)
        cosines->n += caches[c]->images;
    for (guint t = 0; t < threads; t++) {
        cosines->rows[t] = g_new(float, MIN(COSINES_BLOCK, cosines->n) * cosines->features);
        cosines->products[t] = g_new(float, COSINES_BLOCK *COSINES_BLOCK);
    }
    g_mutex_init(&cosines->lock);
    return cosines;
}

void cosines_free(Cosines *cosines)
{
    if (!cosines)
        return;
    for (guint t = 0; cosines->rows[t]; t++) {
        g_free(cosines->rows[t]);
        g_free(cosines->products[t]);
    }
    g_free(cosines->rows);
    g_free(cosines->products);
    g_mutex_clear(&cosines->lock);
    g_free(cosines);
}

Cache *cosines_cache(Cache *const *caches, guint image, guint *index)
{
    for (; image >= (*caches)->images; caches++)
        image -= (*caches)->images;
    *index = image;
    return *caches;
}

const CacheItem *cosines_item(const Cosines *cosines, guint image)
{
    guint index;
    Cache *cache = cosines_cache(cosines->caches, image, &index);
    return cache_item(cache, index);
}

/* ---- One vector ---- */

/* Euclidean length of x (D), also where the squares overflow or underflow float. */
static double length_of(const float *x, gsize features)
{
    double squares = (double)blas()->cblas_sdot((int)features, x, 1, x, 1);
    if (!(squares > 1e-20 && squares < 1e30)) {
        squares = 0;
        for (gsize j = 0; j < features; j++)
            squares += (double)x[j] * x[j];
    }
    return sqrt(squares);
}

double cosines_alike(const FeatureSpec *spec)
{
    if (strcmp(spec->layer, "block5_pool") != 0 || weights_are_seeded(spec->weights_source))
        return 0.99;
    return spec->pool == POOL_NONE ? 0.7 : 0.9;
}

void cosines_normalize(const float *in, gsize features, float *out)
{
    double length = length_of(in, features);
    double scale = length > 0 ? 1 / length : 0;
    for (gsize j = 0; j < features; j++)
        out[j] = (float)(in[j] * scale);
}

gboolean cosines_vectors(const Cosines *cosines, guint first, guint count, float *vectors, GError **error)
{
    for (guint i = 0; i < count; i++, vectors += cosines->features) {
        guint index;
        Cache *cache = cosines_cache(cosines->caches, first + i, &index);
        const float *x = cache_features(cache, index, vectors, error);
        if (!x)
            return FALSE;
        cosines_normalize(x, cosines->features, vectors);
    }
    return TRUE;
}

/* ---- Many vectors ---- */

/* Length and products one image at a time, in place, so that each image is read from memory once. */
static gboolean compare_few(const Cosines *cosines, guint first, guint count, float *buffer, float *products,
                            GError **error)
{
    gsize d = cosines->features;
    for (guint i = 0; i < count; i++) {
        guint index;
        Cache *cache = cosines_cache(cosines->caches, first + i, &index);
        const float *x = cache_features(cache, index, buffer, error);
        if (!x)
            return FALSE;
        double length = length_of(x, d), scale = length > 0 ? 1 / length : 0;
        if (!(length > 1e-15 && length < 1e15)) { /* products could overflow or underflow float */
            cosines_normalize(x, d, buffer);
            x = buffer;
            scale = 1;
        }
        for (guint v = 0; v < cosines->n_vectors; v++)
            products[v * COSINES_BLOCK + i] =
                (float)(scale * (double)blas()->cblas_sdot((int)d, cosines->vectors + v * d, 1, x, 1));
    }
    return TRUE;
}

static gboolean compare_many(const Cosines *cosines, guint first, guint count, float *rows, float *products,
                             GError **error)
{
    int d = (int)cosines->features;
    if (!cosines_vectors(cosines, first, count, rows, error))
        return FALSE;
    blas()->cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)cosines->n_vectors, (int)count, d, 1,
                        cosines->vectors, d, rows, d, 0, products, COSINES_BLOCK);
    return TRUE;
}

static void compare_block(guint task, guint worker, gpointer data)
{
    Cosines *cosines = data;
    guint first = (cosines->first_block + task) * COSINES_BLOCK,
          count = MIN(COSINES_BLOCK, cosines->n - first);
    float *rows = cosines->rows[worker], *products = cosines->products[worker];
    GError *error = NULL;
    if (interrupted())
        return;
    gboolean compared = cosines->n_vectors <= FEW
                            ? compare_few(cosines, first, count, rows, products, &error)
                            : compare_many(cosines, first, count, rows, products, &error);
    g_mutex_lock(&cosines->lock);
    if (compared)
        cosines->take(first, count, products, cosines->user);
    else if (!cosines->error)
        cosines->error = g_steal_pointer(&error);
    g_mutex_unlock(&cosines->lock);
    g_clear_error(&error);
}

gboolean cosines_scan(Cosines *cosines, const float *vectors, guint n, guint first, CosinesTake take,
                      gpointer user, GError **error)
{
    guint blocks = (cosines->n - first + COSINES_BLOCK - 1) / COSINES_BLOCK;
    cosines->vectors = vectors;
    cosines->n_vectors = n;
    cosines->first_block = first / COSINES_BLOCK;
    cosines->take = take;
    cosines->user = user;
    thread_pool_run(cosines->thread_pool, blocks, compare_block, cosines);
    if (cosines->error) {
        g_propagate_error(error, g_steal_pointer(&cosines->error));
        return FALSE;
    }
    return !interrupted() ||
           error_set(error, "interrupted before all images of %s were compared", cosines->caches[0]->path);
}
