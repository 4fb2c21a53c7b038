/* fixture: shared by unit tests: folders for their files, arrays, golden numbers, small caches and models. */
#pragma once
#include "common/arithmetic/conv.h"
#include "common/arithmetic/isa.h"
#include "common/arithmetic/rows.h"
#include "common/cache/cache.h"
#include "common/core/floats.h"
#include "common/core/rng.h"
#include "common/core/sandbox.h"
#include "common/hdf5/hdf5_file.h"
#include "common/model/model.h"
#include "common/network/dense.h"
#include "common/network/network.h"
#include "common/network/trainer.h"
#include <glib/gstdio.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Convolutions and dense layers ---- */

/* Takes the arena's memory; its scratch is NaN. */
static inline void take_with_scratch(Arena *arena)
{
    arena_take(arena);
    memset(arena_shared(arena, ARENA_SCRATCH, 0), 0xff, arena->shared[ARENA_SCRATCH] * sizeof(float));
}

static inline ConvPlan *make_plan(Arena *arena, const ConvShape *shape, ConvUse use, ThreadPool *thread_pool)
{
    conv_plan_free(conv_plan_new(arena, shape, use, thread_pool));
    take_with_scratch(arena);
    return conv_plan_new(arena, shape, use, thread_pool);
}

static inline Dense make_dense(Arena *arena, int features, int units, int batch, ThreadPool *thread_pool)
{
    dense_new(arena, features, units, batch, TRUE, thread_pool);
    take_with_scratch(arena);
    return dense_new(arena, features, units, batch, TRUE, thread_pool);
}

/* Of batches of N images. */
static inline Trainer *make_trainer(Arena *arena, Network *network, const Optimizer *optimizer, int batch,
                                    ThreadPool *thread_pool)
{
    g_assert_true(trainer_check(network, NULL));
    trainer_free(trainer_new(arena, network, optimizer, batch, 42, thread_pool));
    take_with_scratch(arena);
    return trainer_new(arena, network, optimizer, batch, 42, thread_pool);
}

/* ---- A sandbox that lies ---- */

/* In the child: what precedes an answer of `size` bytes. */
static inline void forge_head(guint64 size)
{
    struct {
        guint64 size;
        gint32 fine, code, fenced, unused;
    } head = {size, TRUE, 0, TRUE, 0};
    g_assert_true(sandbox_send_all(SUBPROCESS_SOCKET, &head, sizeof head));
}

/* ---- A temporary folder for the files of a test ---- */

static G_GNUC_UNUSED char *folder; /* by scratch_make, until scratch_remove */

static inline char *fixture_folder(void)
{
    g_autoptr(GError) error = NULL;
    char *path = g_dir_make_tmp("vggcache-test-XXXXXX", &error);
    g_assert_no_error(error);
    return path;
}

static inline void scratch_make(void)
{
    folder = fixture_folder();
}

static inline char *in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static inline guint files_in_folder(void)
{
    guint n = 0;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    while (g_dir_read_name(dir))
        n++;
    return n;
}

/* g_file_set_contents would wait for the disk. */
static inline void overwrite(const char *path, const void *bytes, gsize size)
{
    FILE *stream = fopen(path, "wb");
    g_assert_nonnull(stream);
    g_assert_cmpuint(fwrite(bytes, 1, size, stream), ==, size);
    g_assert_cmpint(fclose(stream), ==, 0);
}

/* A file of a control group in a made-up tree of cgroups, which the scratch folder is. */
static inline void put_in_group(const char *group, const char *file, const char *text)
{
    g_autofree char *of_group = g_build_filename(folder, group, NULL);
    g_autofree char *path = g_build_filename(of_group, file, NULL);
    g_mkdir_with_parents(of_group, 0755);
    overwrite(path, text, strlen(text));
}

/* Removes a folder with its contents; links are not followed. */
static inline void remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        if (g_file_test(inner, G_FILE_TEST_IS_DIR) && !g_file_test(inner, G_FILE_TEST_IS_SYMLINK))
            remove_tree(inner);
        else
            g_unlink(inner);
    }
    g_rmdir(path);
}

static inline void scratch_remove(void)
{
    remove_tree(folder);
    g_clear_pointer(&folder, g_free);
}

/* ---- Arrays ---- */

/* make_nn.py's values(): the same floats, in [-1, 1). */
static inline void fill(float *out, gsize count, guint salt, float scale)
{
    for (gsize i = 0; i < count; i++) {
        guint32 hash = (guint32)i * 2654435761u + salt * 40503u;
        out[i] = scale * ((float)(hash >> 22) / 512.0f - 1.0f);
    }
}

static inline float *filled(gsize count, guint salt, float scale)
{
    float *out = g_new(float, count + 1);
    fill(out, count, salt, scale);
    return out;
}

/* count normal random numbers times scale, none below min; caller frees. */
static inline float *random_array(gsize count, guint64 stream, double scale, double min)
{
    float *x = g_new(float, count);
    Rng rng = rng_new(7, stream);
    for (gsize i = 0; i < count; i++)
        x[i] = (float)MAX(scale * rng_normal(&rng), min);
    return x;
}

static inline const float *fixture_part(gconstpointer user, guint row, gsize first, gsize count,
                                        float *buffer)
{
    const float *const *x = user;
    return x[row] + first;
}

/* Of N pointers to D floats each, borrowed. */
static inline Rows rows_in_memory(const float *const *x, guint n, gsize width)
{
    return (Rows){n, width, width * sizeof(float), fixture_part, x};
}

/* ---- Golden numbers of tests/golden/make_nn.py, and comparing with them ---- */

static inline json_t *load_golden(void)
{
    json_error_t error;
    json_t *golden = json_load_file("tests/golden/nn.json", JSON_REJECT_DUPLICATES, &error);
    if (!golden)
        g_error("tests/golden/nn.json: %s", error.text);
    return golden;
}

static inline double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static inline int integer(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

/* The tolerance is relative to the largest of the expected values, as for sums of floats. */
static inline void assert_close(const float *found, const json_t *expected, double tolerance)
{
    gsize n = json_array_size(expected);
    double largest = 1e-3;
    for (gsize i = 0; i < n; i++)
        largest = MAX(largest, fabs(json_number_value(json_array_get(expected, i))));
    g_assert_cmpuint(n, >, 0);
    for (gsize i = 0; i < n; i++)
        g_assert_cmpfloat_with_epsilon(found[i], json_number_value(json_array_get(expected, i)),
                                       tolerance * largest);
}

/* Runs a check with every instruction set of this machine. */
static inline void with_every_isa(void (*check)(void))
{
    IsaSet best = isa_current();
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (isa_available((IsaSet)isa)) {
            isa_force((IsaSet)isa);
            check();
        }
    isa_force(best);
}

/* With parameters. */
static inline Network *network_copy(const Network *network)
{
    Network *copy = network_new(network->input[0], network->input[1], network->input[2]);
    for (guint i = 0; i < network->layers->len; i++)
        network_append(copy, network->layers->pdata[i], NULL);
    network_allocate(copy, NULL);
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *from = network->layers->pdata[i], *layer = copy->layers->pdata[i];
        if (!from->kernel)
            continue;
        memcpy(layer->kernel, from->kernel, from->kernel_count * sizeof(float));
        memcpy(layer->bias, from->bias, from->bias_count * sizeof(float));
    }
    return copy;
}

/* ---- Small caches, for the tests that break them ---- */

/* Large enough for records on separate pages. */
enum { FIXTURE_SIDE = 40, FIXTURE_FEATURES = FIXTURE_SIDE * FIXTURE_SIDE * 3 };

static inline FeatureSpec *fixture_feature_spec(int side)
{
    FeatureSpec spec = {
        .weights_hash = "", .weights_source = "", .preset = PRESET_VIPS, .side = side, .layer = "input"};
    spec.normalization = NORMALIZE_CAFFE;
    spec.shape[0] = spec.shape[1] = side;
    spec.shape[2] = 3;
    return feature_spec_copy(&spec);
}

/* Feature j of the image with this number. */
static inline float fixture_feature(guint number, gsize j)
{
    return (float)(number * 1000 + j % 997) / 7.0f;
}

static inline void fixture_hash(guint number, guint8 hash[CACHE_HASH])
{
    memset(hash, 0, CACHE_HASH);
    memcpy(hash, &number, sizeof number);
}

/* Image `number` goes to class "class<number % 3>". */
static inline char *fixture_path(guint number)
{
    return g_strdup_printf("class%u/image%05u.jpg", number % 3, number);
}

static inline void fixture_put(CacheWriter *writer, const FeatureSpec *spec, guint number)
{
    gsize n = feature_spec_features(spec);
    g_autofree float *features = g_new(float, n);
    guint8 hash[CACHE_HASH];
    g_autofree char *path = fixture_path(number);
    g_autofree char *class_name = g_strdup_printf("class%u", number % 3);
    for (gsize j = 0; j < n; j++)
        features[j] = fixture_feature(number, j);
    fixture_hash(number, hash);
    cache_writer_put(writer, path, &(CacheLabel){.class_name = class_name}, hash, features);
}

/* A cache of this many images, written in several commits, with a skipped input. */
static inline void fixture_cache(const char *folder, int side, guint images)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(side);
    g_autoptr(GError) error = NULL;
    g_autoptr(CacheWriter) writer = cache_writer_open(folder, spec, NULL, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < images; i++) {
        fixture_put(writer, spec, i);
        if (i % 7 == 6)
            g_assert_true(cache_writer_commit(writer, &error));
    }
    cache_writer_skip(writer, "class0/broken.jpg", "is empty");
    g_assert_true(cache_writer_commit(writer, &error));
}

static inline Cache *open_cache(const char *folder)
{
    g_autoptr(GError) error = NULL;
    Cache *cache = cache_open(folder, &error);
    g_assert_no_error(error);
    return cache;
}

static inline CacheWriter *open_writer(const char *folder, const FeatureSpec *spec)
{
    g_autoptr(GError) error = NULL;
    CacheWriter *writer = cache_writer_open(folder, spec, NULL, &error);
    g_assert_no_error(error);
    return writer;
}

static inline void commit_cache(CacheWriter *writer)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(cache_writer_commit(writer, &error));
    g_assert_no_error(error);
}

static inline void cache_is_refused(const char *folder, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Cache) cache = cache_open(folder, &error);
    g_assert_null(cache);
    g_assert_nonnull(strstr(error->message, folder));
    g_assert_nonnull(strstr(error->message, words));
}

/* Item `index` is the fixture's image of its number: path, class, hash and features. */
static inline void check_cache_item(Cache *cache, guint index)
{
    g_autoptr(GError) error = NULL;
    const CacheItem *item = cache_item(cache, index);
    guint class_number, number;
    g_assert_cmpint(sscanf(item->path, "class%u/image%u.jpg", &class_number, &number), ==, 2);
    g_autofree char *class_name = g_strdup_printf("class%u", class_number);
    guint8 hash[CACHE_HASH];
    fixture_hash(number, hash);
    g_assert_cmpstr(cache_class(cache, (guint)item->label), ==, class_name);
    g_assert_cmpmem(item->hash, CACHE_HASH, hash, CACHE_HASH);
    gsize n = feature_spec_features(cache->spec);
    g_autofree float *buffer = g_new(float, n);
    const float *features = cache_features(cache, index, buffer, &error);
    g_assert_no_error(error);
    g_assert_cmpuint((guintptr)features % 16, ==, 0);
    for (gsize j = 0; j < n; j++)
        if (features[j] != fixture_feature(number, j))
            g_error("feature %" G_GSIZE_FORMAT " of %s differs", j, item->path);
}

static inline void check_cache(Cache *cache, guint expected)
{
    g_assert_cmpuint(cache->images, ==, expected);
    for (guint i = 0; i < expected; i++) {
        check_cache_item(cache, i);
        if (i)
            g_assert_cmpint(strcmp(cache_item(cache, i - 1)->path, cache_item(cache, i)->path), <, 0);
    }
}

/* ---- Small models ---- */

enum { MODEL_CLASSES = 3 };

/* All parameters differ, including biases. */
static inline void fill_parameters(Network *network)
{
    network_initialize(network, 7);
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        for (gsize k = 0; k < layer->bias_count; k++)
            layer->bias[k] = 0.01f * (float)(k + 1) * (k % 2 ? -1 : 1);
    }
}

static inline FeatureSpec *model_spec(const char *layer, int side, int out_side, int channels)
{
    FeatureSpec spec = {.weights_hash =
                            (char *)"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                        .weights_source = (char *)"random:0",
                        .preset = PRESET_KERAS,
                        .normalization = NORMALIZE_CAFFE,
                        .side = side,
                        .layer = (char *)layer,
                        .shape = {out_side, out_side, channels}};
    return feature_spec_copy(&spec);
}

static inline Model *model_of(Network *network, FeatureSpec *spec, const char *approach, ScalingKind kind)
{
    Model *model = g_new0(Model, 1);
    model->approach = g_strdup(approach);
    model->head = g_strdup("dense");
    model->classes = g_ptr_array_new_with_free_func(g_free);
    for (int i = 0; i < MODEL_CLASSES; i++)
        g_ptr_array_add(model->classes, g_strdup_printf("crème_%d", i));
    model->spec = spec;
    model->network = network;
    model->training = json_pack("{s:f, s:s}", "learning_rate", 0.001, "optimizer", "adam");
    model->probabilities = TRUE;
    model->temperature = 1.5;
    model->scaling = scaling_new(kind, feature_spec_features(spec));
    model->scaling->max = kind == SCALE_MAX ? 3.7f : 1;
    for (gsize i = 0; kind == SCALE_STANDARD && i < model->scaling->features; i++) {
        model->scaling->mean[i] = 0.5f + (float)i / 1000;
        model->scaling->inverse[i] = 2.0f - (float)i / 1000;
    }
    fill_parameters(network);
    return model;
}

/* A head on 1 x 1 x 64 features. */
static inline Model *dense_model(ScalingKind kind)
{
    Network *network = network_new(1, 1, 64);
    g_assert_nonnull(network_dense(network, NULL, 7, ACTIVATION_RELU, NULL));
    g_assert_nonnull(network_dropout(network, NULL, 0.2f, NULL));
    g_assert_nonnull(network_dense(network, NULL, MODEL_CLASSES, ACTIVATION_SOFTMAX, NULL));
    network_allocate(network, NULL);
    return model_of(network, model_spec("block1_pool", 2, 1, 64), "standalone", kind);
}

static inline void save(const Model *model, const char *path)
{
    g_autoptr(GError) error = NULL;
    model_save(model, path, &error);
    g_assert_no_error(error);
}

enum { MODEL_ATTRIBUTES = 7 };
static G_GNUC_UNUSED const char *const model_attributes[MODEL_ATTRIBUTES] = {
    "vggcache_format",  "vggcache_recipe",      "vggcache_classes",  "vggcache_network",
    "vggcache_scaling", "vggcache_calibration", "vggcache_training",
};

/* A complete, sealed file with one attribute replaced (value NULL: omitted), and one weight, so that only its content can
 * be refused. */
static inline char *altered_model(const char *name, const char *value, float weight)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *source = in_folder("source.h5");
    char *path = in_folder("altered.h5");
    g_autoptr(Model) model = dense_model(SCALE_MAX);
    save(model, source);
    g_autoptr(Hdf5File) from = hdf5_open(source, &error), to = hdf5_create(path, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < MODEL_ATTRIBUTES; i++) {
        g_autofree char *text = hdf5_read_text(from, "/", model_attributes[i], &error);
        g_assert_no_error(error);
        const char *kept = g_str_equal(model_attributes[i], name) ? value : text;
        if (kept)
            hdf5_write_text(to, "/", model_attributes[i], kept, &error);
    }
    ((Layer *)model->network->layers->pdata[2])->kernel[4] = weight;
    for (guint i = 0; i < model->network->layers->len; i++) {
        const Layer *layer = model->network->layers->pdata[i];
        if (!layer->kernel)
            continue;
        g_autofree char *kernel = g_strdup_printf("/%s/%s/kernel:0", layer->name, layer->name);
        g_autofree char *bias = g_strdup_printf("/%s/%s/bias:0", layer->name, layer->name);
        gsize shape[] = {(gsize)layer->in[2], (gsize)layer->out[2]};
        hdf5_write_floats(to, kernel, 2, shape, layer->kernel, &error);
        hdf5_write_floats(to, bias, 1, shape + 1, layer->bias, &error);
    }
    hdf5_commit(to, &error);
    g_assert_no_error(error);
    return path;
}

static inline char *with_attribute(const char *name, const char *value)
{
    return altered_model(name, value, 0.5f);
}
