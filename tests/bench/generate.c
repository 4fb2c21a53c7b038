/* generate [OPTION…] N CACHE: a cache of N generated vectors in ten classes, for benchmarks.
 *
 * A vector is the positive part of a common part, ten factors, its class and noise: 75 % zeros, as after a ReLU of a
 * trained network. Vector i is the same for every N and shard. */
#include "common/cache/cache.h"
#include "common/core/rng.h"
#include "common/core/sha256.h"
#include "common/vgg16/weights.h"

#include <glib/gstdio.h>
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

static char *store_name, *shard_name, *images;
static int side = 7, channels = 512;
static GOptionEntry options[] = {
    {"store", 0, 0, G_OPTION_ARG_STRING, &store_name, "sparse, float16 or float32", "NAME"},
    {"shard", 0, 0, G_OPTION_ARG_STRING, &shard_name, "only the vectors i with i % K == I", "I/K"},
    {"images", 0, 0, G_OPTION_ARG_STRING, &images,
     "also N tiny images, which extract takes for these vectors'", "DIR"},
    {"side", 0, 0, G_OPTION_ARG_INT, &side, "vectors of S x S x channels (7)", "S"},
    {"channels", 0, 0, G_OPTION_ARG_INT, &channels, "512 (block5_pool) or 3 (the layer input)", "C"},
    {0},
};

static void stop(const char *sentence)
{
    fprintf(stderr, "generate: %s\n", sentence);
    exit(1);
}

/* A PPM of one pixel with a comment that makes it unique; hash: of its content. */
static void put_image(const char *path, guint i, guint8 hash[CACHE_HASH])
{
    g_autofree char *file = g_build_filename(images, path, NULL), *folder = g_path_get_dirname(file);
    g_autofree char *content = g_strdup_printf("P6 #%u\n1 1 255\nRGB", i);
    sha256(content, strlen(content), hash);
    g_mkdir_with_parents(folder, 0777);
    FILE *stream = fopen(file, "wb");
    if (!stream || fputs(content, stream) < 0 || fclose(stream))
        stop("cannot write an image");
}

static void put(CacheWriter *writer, guint i, const float *x)
{
    guint8 hash[CACHE_HASH] = {0};
    char name[] = {(char)('a' + i % CLASSES), 0};
    g_autofree char *path = g_strdup_printf("%s/%08u.ppm", name, i);
    memcpy(hash, &i, sizeof i);
    if (images)
        put_image(path, i, hash);
    cache_writer_put(writer, path, &(CacheLabel){.class_name = name}, hash, x);
}

static FeatureSpec *spec_of_options(GError **error)
{
    gboolean base = channels == 512;
    g_autoptr(Weights) weights = base ? weights_load("random:0", VGG16_LAYERS - 1, error) : NULL;
    return feature_spec_new(weights, PRESET_VIPS, NULL, base ? 32 * side : side,
                            base ? "block5_pool" : "input", error);
}

static gboolean generate(guint n, CacheShard shard, CacheWriter *writer, gsize d, GError **error)
{
    Generator generator = generator_new(d);
    g_autofree float *x = g_new(float, d);
    gboolean fine = TRUE;
    for (guint i = shard.index; fine && i < n; i += MAX(shard.count, 1)) {
        draw(&generator, i, x);
        put(writer, i, x);
        fine = cache_writer_pending(writer) < COMMIT_EVERY || cache_writer_commit(writer, error);
    }
    generator_clear(&generator);
    return fine && cache_writer_commit(writer, error);
}

int main(int argc, char **argv)
{
    GError *error = NULL;
    CacheStore store = CACHE_SPARSE;
    CacheShard shard = {0};
    g_autoptr(GOptionContext) context = g_option_context_new("N CACHE");
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        stop(error->message);
    if (argc != 3 || (store_name && !cache_store_parse(store_name, &store)) ||
        (shard_name && sscanf(shard_name, "%u/%u", &shard.index, &shard.count) != 2))
        stop("usage: generate [OPTION…] N CACHE, see --help");
    g_autoptr(FeatureSpec) spec = spec_of_options(&error);
    CacheForm form = {.store = &store, .shard = shard};
    g_autoptr(CacheWriter) writer = spec ? cache_writer_open(argv[2], spec, &form, &error) : NULL;
    if (!writer || !generate((guint)atoi(argv[1]), shard, writer, feature_spec_features(spec), &error))
        stop(error->message);
    return 0;
}
