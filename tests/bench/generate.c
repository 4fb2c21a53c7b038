/* generate N CHANNELS SIDE CACHE [STORE [I/K]]: a cache of N generated vectors of SIDE x SIDE x CHANNELS features in ten
 * classes, for benchmarks; with I/K, the shard of those that i % K == I.
 *
 * A vector is what is positive of a common part, ten factors, its class and noise: 75 % zeros, as after a trained
 * ReLU. CHANNELS is 512 (block5_pool) or 3 (the layer "input"). Vector i is the same for every N and shard. */
#include "common/cache/cache.h"
#include "common/core/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 10, FACTORS = 10, NOISE = 1 << 20, COMMIT_EVERY = 256 };

typedef struct {
    gsize d;
    float *common, *classes, *factors; /* (d), (CLASSES, d), (FACTORS, d) */
    float *noise;                      /* (NOISE + d) of which each vector takes a part */
} Generator;

static float *normals(guint64 stream, gsize n, double mean, double deviation)
{
    Rng rng = rng_new(7, stream);
    float *values = g_new(float, n);
    for (gsize i = 0; i < n; i++)
        values[i] = (float)(mean + deviation * rng_normal(&rng));
    return values;
}

static Generator generator_new(gsize d)
{
    return (Generator){d, normals(1, d, -1.08, 1.4), normals(2, CLASSES * d, 0, 0.05),
                       normals(3, FACTORS * d, 0, 0.2), normals(4, NOISE + d, 0, 0.5)};
}

static void generator_clear(Generator *generator)
{
    g_free(generator->common);
    g_free(generator->classes);
    g_free(generator->factors);
    g_free(generator->noise);
}

static void draw(const Generator *generator, guint i, float *x)
{
    gsize d = generator->d;
    Rng rng = rng_new(1, i);
    const float *noise = generator->noise + rng_below(&rng, NOISE);
    const float *class_part = generator->classes + i % CLASSES * d;
    for (gsize j = 0; j < d; j++)
        x[j] = generator->common[j] + class_part[j] + noise[j];
    for (guint f = 0; f < FACTORS; f++) {
        float weight = (float)rng_normal(&rng);
        for (gsize j = 0; j < d; j++)
            x[j] += weight * generator->factors[f * d + j];
    }
    for (gsize j = 0; j < d; j++)
        x[j] = MAX(x[j], 0);
}

static void put(CacheWriter *writer, guint i, const float *x)
{
    guint8 hash[CACHE_HASH] = {0};
    char name[] = {(char)('a' + i % CLASSES), 0};
    g_autofree char *path = g_strdup_printf("%s/%08u.jpg", name, i);
    memcpy(hash, &i, sizeof i);
    cache_writer_put(writer, path, name, hash, x);
}

static FeatureSpec spec_of(int side, int channels)
{
    gboolean base = channels == 512;
    return (FeatureSpec){.weights_hash =
                             base ? "0000000000000000000000000000000000000000000000000000000000000000" : "",
                         .weights_source = base ? "random:0" : "",
                         .preset = PRESET_VIPS,
                         .normalization = NORMALIZE_CAFFE,
                         .side = base ? 32 * side : side,
                         .layer = base ? "block5_pool" : "input",
                         .shape = {side, side, channels}};
}

static void stop(const char *sentence)
{
    fprintf(stderr, "generate: %s\n", sentence);
    exit(1);
}

int main(int argc, char **argv)
{
    GError *error = NULL;
    CacheStore store = CACHE_SPARSE;
    CacheShard shard = {0};
    if (argc < 5 || argc > 7 || (argc > 5 && !cache_store_parse(argv[5], &store)) ||
        (argc > 6 && sscanf(argv[6], "%u/%u", &shard.index, &shard.count) != 2))
        stop("usage: generate N CHANNELS SIDE CACHE [sparse|float16|float32 [I/K]]");
    guint n = (guint)atoi(argv[1]), parts = MAX(shard.count, 1);
    FeatureSpec spec = spec_of(atoi(argv[3]), atoi(argv[2]));
    CacheForm form = {.store = &store, .shard = shard};
    Generator generator = generator_new(feature_spec_features(&spec));
    g_autofree float *x = g_new(float, generator.d);
    g_autoptr(CacheWriter) writer = cache_writer_open(argv[4], &spec, &form, &error);
    for (guint i = shard.index; writer && i < n; i += parts) {
        draw(&generator, i, x);
        put(writer, i, x);
        if (cache_writer_pending(writer) >= COMMIT_EVERY && !cache_writer_commit(writer, &error))
            stop(error->message);
    }
    generator_clear(&generator);
    if (!writer || !cache_writer_commit(writer, &error))
        stop(error->message);
    return 0;
}
