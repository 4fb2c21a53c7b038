/* The training loop: batches, early stopping, plateaus and failures, on generated vectors with known results, and as Keras
 * ran it. */
#include "common/core/error.h"
#include "tests/unit/fixture.h"
#include "train/dense/fit.h"

#include <math.h>
#include <string.h>

enum { N = 23, FEATURES = 6, CLASSES = 3, BATCH = 5 };

typedef struct {
    float x[N][FEATURES];
    int labels[N];
    int fails_at;     /* an image that cannot be read; -1: none */
    guint seen[N];    /* how often each was fetched */
    GThread *fetcher; /* the thread that fetched */
    SplitPart part;
} Data;

static gboolean fetch(gpointer user, int epoch, const guint32 *indices, int n, float *buffer,
                      const float **rows, GError **error)
{
    Data *data = user;
    data->fetcher = g_thread_self();
    for (int i = 0; i < n; i++) {
        if ((int)indices[i] == data->fails_at)
            return error_set(error, "image %d cannot be read", data->fails_at);
        data->seen[indices[i]]++;
        rows[i] = data->x[indices[i]];
    }
    return TRUE;
}

static BatchSource source_of(Data *data)
{
    *data = (Data){.fails_at = -1};
    for (int i = 0; i < N; i++) {
        data->labels[i] = i % CLASSES;
        for (int d = 0; d < FEATURES; d++)
            data->x[i][d] = (float)((i * 7 + d * 5) % 11) / 11 + (d == data->labels[i] ? 2 : 0);
    }
    data->part = (SplitPart){.count = N, .labels = data->labels};
    return (BatchSource){.part = &data->part, .fetch = fetch, .user = data, .features = FEATURES};
}

static Batches *make_batches(Arena *arena, const BatchSource *source)
{
    return arena_build(arena, batches_free, batches_new(arena, BATCH, source->part->count, FEATURES));
}

static void test_batches(void)
{
    Data data;
    BatchSource source = source_of(&data);
    guint32 order[N];
    const double weights[CLASSES] = {1, 2, 3};
    const Batch *batch, *next, *told = NULL;
    guint number = 1, images = 0;
    GError *error = NULL;
    for (guint i = 0; i < N; i++)
        order[i] = N - 1 - i;
    g_auto(Arena) arena = {0};
    g_autoptr(Batches) batches = make_batches(&arena, &source);
    batches_begin(batches, &source, order, number, 3, weights);
    while (batches_next(batches, &batch, &next, &error)) {
        g_assert_true(!told || told == batch);
        for (int i = 0; i < batch->n; i++) {
            guint32 image = order[number * BATCH + i];
            g_assert_true(batch->x[i] == data.x[image]);
            g_assert_cmpint(batch->labels[i], ==, data.labels[image]);
            g_assert_cmpfloat(batch->weights[i], ==, weights[data.labels[image]]);
        }
        g_assert_true((next == NULL) == (batch->n == N % BATCH));
        told = next;
        images += batch->n;
        number++;
    }
    g_assert_no_error(error);
    g_assert_cmpuint(number, ==, parts_of(N, BATCH));
    g_assert_cmpuint(images, ==, N - BATCH);
    g_assert_true(data.fetcher != g_thread_self());
}

static void test_batches_left_early(void)
{
    Data data;
    BatchSource source = source_of(&data);
    const Batch *batch, *next;
    g_auto(Arena) arena = {0};
    g_autoptr(Batches) batches = make_batches(&arena, &source);
    for (int take = 0; take < 4; take++) {
        batches_begin(batches, &source, NULL, 0, 1, NULL);
        for (int i = 0; i < take; i++)
            g_assert_true(batches_next(batches, &batch, &next, NULL));
    }
}

/* ---- fit ---- */
static Network *small_network(void)
{
    Network *network = network_new(1, 1, FEATURES);
    network_dense(network, NULL, 8, ACTIVATION_RELU, NULL);
    network_dense(network, NULL, CLASSES, ACTIVATION_SOFTMAX, NULL);
    network_allocate(network, NULL);
    network_initialize(network, 5);
    return network;
}

static gboolean count_keeps(const History *history, gpointer user, GError **error)
{
    int *keeps = user;
    g_assert_cmpint(history->best, ==, (int)history->epochs->len);
    ++*keeps;
    return TRUE;
}

static gboolean fail_to_keep(const History *history, gpointer user, GError **error)
{
    return error_set(error, "the disk is full");
}

typedef struct {
    FitOptions fit;
    FitChoice how;
    Results results;
} Options;

static void options_for(Options *options, int *keeps)
{
    *options = (Options){.fit = {.how = &options->how,
                                 .results = &options->results,
                                 .seed = 1,
                                 .identity = "",
                                 .keep = count_keeps,
                                 .user = keeps},
                         .how = {.optimizer = {.kind = OPTIMIZER_SGD, .learning_rate = 0.01},
                                 .batch_size = BATCH,
                                 .epochs = 20,
                                 .patience = 20}};
}

/* Runs fit on generated vectors with a new network, without output. */
static FitEnd run(FitOptions *options, Data *data, gboolean validate, History *history, GError **error)
{
    BatchSource source = {.part = &data->part, .fetch = fetch, .user = data, .features = FEATURES};
    g_autoptr(Network) network = small_network();
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    options->training = &source;
    options->validation = validate ? &source : NULL;
    options->thread_pool = thread_pool;
    return fit_network(network, options, history, error);
}

static void test_each_epoch_sees_each_image(void)
{
    Data data;
    int keeps = 0;
    g_auto(History) history = history_new();
    Options options;
    options_for(&options, &keeps);
    source_of(&data);
    options.how.optimizer.learning_rate = 0.05;
    g_assert_cmpint(run(&options.fit, &data, TRUE, &history, NULL), ==, FIT_COMPLETE);
    g_assert_cmpuint(history.epochs->len, ==, 20);
    for (int i = 0; i < N; i++)
        g_assert_cmpuint(data.seen[i], ==, 2 * 20);
    g_assert_cmpfloat(history_epoch(&history, 20)->val_loss, <, history_epoch(&history, 1)->val_loss / 2);
    g_assert_cmpfloat(history_epoch(&history, 20)->val_accuracy, ==, 1);
    g_assert_cmpint(keeps, >, 10);
}

/* With a learning rate of 1e-30 no epoch after the first improves the loss. */
static void test_standstill(void)
{
    Data data;
    int keeps = 0;
    g_auto(History) history = history_new();
    Options options;
    options_for(&options, &keeps);
    source_of(&data);
    options.how.optimizer.learning_rate = 1e-30;
    options.how.patience = 7;
    options.how.reduce_lr_factor = 0.5;
    options.how.reduce_lr_patience = 2;
    options.how.min_learning_rate = 0.2e-30;
    g_assert_cmpint(run(&options.fit, &data, TRUE, &history, NULL), ==, FIT_STOPPED_EARLY);
    g_assert_cmpuint(history.epochs->len, ==, 1 + 7);
    g_assert_cmpint(history.best, ==, 1);
    g_assert_cmpint(keeps, ==, 1);
    /* Keras: after two epochs without improvement half the rate from the next epoch on, but not below min_lr. */
    static const double rates[] = {1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2};
    for (int i = 0; i < 8; i++)
        g_assert_cmpfloat_with_epsilon(history_epoch(&history, i + 1)->learning_rate * 1e30, rates[i], 1e-9);
}

static void test_nan_is_never_best(void)
{
    Data data;
    int keeps = 0;
    GError *error = NULL;
    g_auto(History) history = history_new();
    Options options;
    options_for(&options, &keeps);
    source_of(&data);
    data.x[4][2] = NAN;
    g_assert_cmpint(run(&options.fit, &data, FALSE, &history, &error), ==, FIT_FAILED);
    g_assert_nonnull(strstr(error->message, "no longer finite"));
    g_assert_cmpint(keeps, ==, 0);
    g_assert_cmpint(history.best, ==, 0);
    g_clear_error(&error);
}

static void test_failures_are_handed_up(void)
{
    Data data;
    int keeps = 0;
    GError *error = NULL;
    Options options;
    options_for(&options, &keeps);
    for (int image = 0; image < N; image += 7) {
        g_auto(History) history = history_new();
        source_of(&data);
        data.fails_at = image;
        g_assert_cmpint(run(&options.fit, &data, TRUE, &history, &error), ==, FIT_FAILED);
        g_assert_nonnull(strstr(error->message, "cannot be read"));
        g_clear_error(&error);
    }
    g_auto(History) history = history_new();
    source_of(&data);
    options.fit.keep = fail_to_keep;
    g_assert_cmpint(run(&options.fit, &data, TRUE, &history, &error), ==, FIT_FAILED);
    g_assert_nonnull(strstr(error->message, "the disk is full"));
    g_clear_error(&error);
}

/* ---- tests/golden/make_keras_callbacks.py ---- */
enum { KERAS_FEATURES = 37, KERAS_CLASSES = 4, TRAINED = 24, HELD_OUT = 12 };

typedef struct {
    float x[TRAINED * KERAS_FEATURES];
    int labels[TRAINED];
} KerasData;

static gboolean fetch_keras(gpointer user, int epoch, const guint32 *indices, int n, float *buffer,
                            const float **rows, GError **error)
{
    KerasData *data = user;
    for (int i = 0; i < n; i++)
        rows[i] = data->x + indices[i] * KERAS_FEATURES;
    return TRUE;
}

static void make_keras_data(KerasData *training, KerasData *held_out)
{
    fill(training->x, TRAINED * KERAS_FEATURES, 50, 1);
    fill(held_out->x, HELD_OUT * KERAS_FEATURES, 51, 1);
    for (int i = 0; i < HELD_OUT * KERAS_FEATURES; i++)
        held_out->x[i] = (training->x[i] + held_out->x[i]) / 2;
    for (int i = 0; i < TRAINED; i++) {
        training->labels[i] = i * 7 / 3 % KERAS_CLASSES;
        held_out->labels[i] = (training->labels[i] + (i % 3 == 0)) % KERAS_CLASSES;
    }
}

typedef struct {
    Layer *layers[2];
    float bias[KERAS_CLASSES]; /* of the last layer, as kept */
} Kept;

static gboolean keep_bias(const History *history, gpointer user, GError **error)
{
    Kept *kept = user;
    memcpy(kept->bias, kept->layers[1]->bias, sizeof kept->bias);
    return TRUE;
}

static void assert_number(double found, const json_t *array, size_t i, double tolerance)
{
    g_assert_cmpfloat_with_epsilon(found, json_number_value(json_array_get(array, i)), tolerance);
}

static FitEnd run_as_keras(const json_t *expected, gboolean validate, Kept *kept, History *history)
{
    static KerasData training, held_out;
    make_keras_data(&training, &held_out);
    const SplitPart learnt = {.count = TRAINED, .labels = training.labels},
                    judged = {.count = HELD_OUT, .labels = held_out.labels};
    BatchSource source = {.part = &learnt, .fetch = fetch_keras, .user = &training, .features = FEATURES};
    BatchSource validation = {.part = &judged, .fetch = fetch_keras, .user = &held_out, .features = FEATURES};
    const Results results = {0};
    const FitChoice how = {.optimizer = {.kind = OPTIMIZER_SGD,
                                         .learning_rate = number(expected, "rate"),
                                         .momentum = number(expected, "momentum")},
                           .batch_size = TRAINED,
                           .epochs = 40,
                           .patience = (gint64)number(expected, "patience"),
                           .reduce_lr_factor = number(expected, "factor"),
                           .reduce_lr_patience = (gint64)number(expected, "reduce_patience"),
                           .min_learning_rate = number(expected, "min_lr")};
    g_autoptr(Network) network = network_new(1, 1, KERAS_FEATURES);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    const FitOptions options = {.training = &source,
                                .validation = validate ? &validation : NULL,
                                .how = &how,
                                .results = &results,
                                .thread_pool = thread_pool,
                                .identity = "",
                                .keep = keep_bias,
                                .user = kept};
    kept->layers[0] = network_dense(network, NULL, 16, ACTIVATION_RELU, NULL);
    kept->layers[1] = network_dense(network, NULL, KERAS_CLASSES, ACTIVATION_SOFTMAX, NULL);
    network_allocate(network, NULL);
    for (guint k = 0; k < 2; k++) {
        fill(kept->layers[k]->kernel, kept->layers[k]->kernel_count, 20 + 2 * k, 0.25f);
        fill(kept->layers[k]->bias, kept->layers[k]->bias_count, 21 + 2 * k, 0.25f);
    }
    return fit_network(network, &options, history, NULL);
}

/* In float32 against float64: 5e-6 where losses are 1 to 2 and differ by 1e-5 at least wherever they decide. */
static void assert_as_keras(const json_t *expected)
{
    const json_t *loss = json_object_get(expected, "loss"), *val_loss = json_object_get(expected, "val_loss");
    const json_t *rates = json_object_get(expected, "rates"), *bias = json_object_get(expected, "bias");
    gboolean validate = json_is_array(val_loss);
    Kept kept;
    g_auto(History) history = history_new();
    FitEnd end = run_as_keras(expected, validate, &kept, &history);
    g_assert_cmpuint(history.epochs->len, ==, json_array_size(loss));
    g_assert_cmpint(end, ==, history.epochs->len < 40 ? FIT_STOPPED_EARLY : FIT_COMPLETE);
    g_assert_cmpint(history.best, ==, (int)number(expected, "best"));
    for (guint i = 0; i < history.epochs->len; i++) {
        const EpochMetrics *metrics = history_epoch(&history, (int)i + 1);
        assert_number(metrics->loss, loss, i, 5e-6);
        if (validate)
            assert_number(metrics->val_loss, val_loss, i, 5e-6);
        assert_number(metrics->learning_rate, rates, i, 1e-7); /* a float32 in Keras */
    }
    for (guint k = 0; k < KERAS_CLASSES; k++)
        assert_number(kept.bias[k], bias, k, 5e-6);
}

static void test_callbacks_are_those_of_keras(void)
{
    json_t *cases = json_load_file("tests/golden/keras_callbacks.json", JSON_REJECT_DUPLICATES, NULL);
    json_t *expected;
    size_t i;
    g_assert_cmpuint(json_array_size(cases), ==, 5);
    json_array_foreach(cases, i, expected)
    {
        assert_as_keras(expected);
    }
    json_decref(cases);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/batches/come in order, with their weights and the one after, from another thread",
                    test_batches);
    g_test_add_func("/batches/may be left at any point", test_batches_left_early);
    g_test_add_func("/fit/every epoch sees every image once, and learns", test_each_epoch_sees_each_image);
    g_test_add_func("/fit/at a standstill the rate falls as in Keras, then training stops", test_standstill);
    g_test_add_func("/fit/early stopping, restored weights and plateaus are those of Keras",
                    test_callbacks_are_those_of_keras);
    g_test_add_func("/fit/a loss that is NaN stops and is never the best", test_nan_is_never_best);
    g_test_add_func("/fit/an image or a disk that fails ends it with its error", test_failures_are_handed_up);
    return g_test_run();
}
