/* The pipeline: every input arrives once and in order for any number of threads, and it ends cleanly when
 * interrupted. The vectors are those of layer "input", which needs no weights. */
#include "common/cache/cache.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/pipeline/pipeline.h"
#include "tests/unit/fixture.h"

#include <signal.h>

enum { SIDE = 8, BYTES = SIDE * SIDE * 3 };

typedef struct {
    guint consumed, rejected;
    guint batches, consumed_before; /* by batch_done */
    guint fail_at, interrupt_at;    /* index, or G_MAXUINT */
    gint begun, max_ahead;          /* atomic; inputs begun and not consumed yet, at most */
    gint consumed_atomic;
} Log;

static guint8 pixel(guint index, guint i)
{
    return (guint8)(index * 31 + i * 7);
}

static gboolean is_bad(guint index)
{
    return index % 11 == 5;
}

static Produced produce(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user)
{
    Log *log = user;
    gint ahead = g_atomic_int_add(&log->begun, 1) + 1 - g_atomic_int_get(&log->consumed_atomic);
    if (ahead > g_atomic_int_get(&log->max_ahead))
        g_atomic_int_set(&log->max_ahead, ahead);
    if (index % 5 == 0)
        g_usleep(500); /* so that later ones finish first */
    for (guint i = 0; i < CACHE_HASH; i++)
        g_assert_cmpuint(note[i], ==, 0);
    memcpy(note, &index, sizeof index);
    if (is_bad(index)) {
        *reason = g_strdup_printf("number %u is bad", index);
        return REJECTED;
    }
    for (guint i = 0; i < BYTES; i++)
        rgb[i] = pixel(index, i);
    return PRODUCED;
}

static gboolean consume(guint index, const float *features, const guint8 *note, const char *reason,
                        gpointer user, GError **error)
{
    Log *log = user;
    guint noted;
    memcpy(&noted, note, sizeof noted);
    g_assert_cmpuint(index, ==, log->consumed);
    g_assert_cmpuint(noted, ==, index);
    if (is_bad(index)) {
        g_autofree char *expected = g_strdup_printf("number %u is bad", index);
        g_assert_null(features);
        g_assert_cmpstr(reason, ==, expected);
        log->rejected++;
    } else {
        guint8 rgb[BYTES];
        float tensor[BYTES];
        g_assert_null(reason);
        for (guint i = 0; i < BYTES; i++)
            rgb[i] = pixel(index, i);
        image_normalize(rgb, SIDE, NORMALIZE_TORCH, tensor);
        g_assert_cmpmem(features, sizeof tensor, tensor, sizeof tensor);
    }
    if (index == log->fail_at)
        return error_set(error, "the disk is full");
    if (index == log->interrupt_at)
        raise(SIGINT);
    log->consumed++;
    g_atomic_int_inc(&log->consumed_atomic);
    return TRUE;
}

static Pipeline *new_pipeline_with(int batch, guint threads, PipelinePrepare prepare)
{
    static FeatureSpec *spec;
    spec = spec ? spec : fixture_feature_spec(SIDE);
    spec->normalization = NORMALIZE_TORCH;
    PipelineOptions options = {.spec = spec, .batch = batch, .threads = threads, .prepare = prepare};
    g_assert_cmpuint(pipeline_memory(&options).memory, >=, 2 * (gsize)batch * BYTES * sizeof(float));
    return pipeline_new(&options, NULL);
}

static Pipeline *new_pipeline(int batch, guint threads)
{
    return new_pipeline_with(batch, threads, NULL);
}

static gboolean run(Pipeline *pipeline, guint inputs, Log *log, GError **error)
{
    return pipeline_run(pipeline, inputs, produce, consume, log, NULL, error);
}

/* clang-format off */
#define NEW_LOG {.fail_at = G_MAXUINT, .interrupt_at = G_MAXUINT}
/* clang-format on */

static void all_arrive_in_order_whatever_threads_and_batch(void)
{
    for (guint threads = 1; threads <= 4; threads++)
        for (int batch = 1; batch <= 9; batch += 4) {
            Log log = NEW_LOG;
            g_autoptr(GError) error = NULL;
            g_autoptr(Pipeline) pipeline = new_pipeline(batch, threads);
            g_assert_true(run(pipeline, 101, &log, &error));
            g_assert_no_error(error);
            g_assert_cmpuint(log.consumed, ==, 101);
            g_assert_cmpuint(log.rejected, ==, 9);
        }
}

/* The last image of a batch is its last good image, or the last input. */
static gboolean batch_done(gpointer user, GError **error)
{
    Log *log = user;
    log->batches++;
    g_assert_cmpuint(log->consumed, >, log->consumed_before);
    g_assert_cmpuint(log->consumed - log->consumed_before, <=, 3 + log->rejected);
    log->consumed_before = log->consumed;
    return TRUE;
}

static void every_batch_is_followed_by_its_end(void)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(SIDE);
    spec->normalization = NORMALIZE_TORCH;
    PipelineOptions options = {.spec = spec, .batch = 3, .threads = 2, .batch_done = batch_done};
    g_autoptr(Pipeline) pipeline = pipeline_new(&options, NULL);
    Log log = NEW_LOG;
    g_assert_true(run(pipeline, 50, &log, NULL)); /* 45 good ones */
    g_assert_cmpuint(log.consumed, ==, 50);
    g_assert_cmpuint(log.batches, ==, 16); /* 15 full ones and a bad last input */
    g_assert_cmpuint(log.consumed_before, ==, 50);
}

static void it_can_run_again(void)
{
    g_autoptr(Pipeline) pipeline = new_pipeline(3, 2);
    for (guint inputs = 0; inputs < 30; inputs += 7) {
        Log log = NEW_LOG;
        g_assert_true(run(pipeline, inputs, &log, NULL));
        g_assert_cmpuint(log.consumed, ==, inputs);
    }
}

static void prepare_negative(guint index, const guint8 *rgb, float *tensor, gpointer user)
{
    for (guint i = 0; i < BYTES; i++)
        tensor[i] = -(float)rgb[i] - (float)index;
}

static gboolean consume_negative(guint index, const float *features, const guint8 *note, const char *reason,
                                 gpointer user, GError **error)
{
    Log *log = user;
    for (guint i = 0; i < BYTES && features; i++)
        g_assert_cmpfloat(features[i], ==, -(float)pixel(index, i) - (float)index);
    log->consumed++;
    return TRUE;
}

static void images_are_prepared_as_the_caller_says(void)
{
    Log log = NEW_LOG;
    g_autoptr(Pipeline) pipeline = new_pipeline_with(4, 3, prepare_negative);
    g_assert_true(pipeline_run(pipeline, 50, produce, consume_negative, &log, NULL, NULL));
    g_assert_cmpuint(log.consumed, ==, 50);
}

static void what_runs_ahead_is_bounded(void)
{
    enum { BATCH = 2, THREADS = 3 };
    Log log = NEW_LOG;
    g_autoptr(Pipeline) pipeline = new_pipeline(BATCH, THREADS);
    g_assert_true(run(pipeline, 500, &log, NULL));
    /* One input in eleven is rejected; these do not count towards the batch's size. */
    g_assert_cmpint(log.max_ahead, <=, (2 * BATCH + THREADS) + 3 * (BATCH + 1));
}

static void a_failing_consumer_ends_it(void)
{
    g_autoptr(Pipeline) pipeline = new_pipeline(4, 2);
    for (guint fail_at = 0; fail_at < 40; fail_at += 13) {
        Log log = NEW_LOG;
        g_autoptr(GError) error = NULL;
        log.fail_at = fail_at;
        g_assert_false(run(pipeline, 1000, &log, &error));
        g_assert_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED);
        g_assert_cmpuint(log.consumed, ==, fail_at);
        g_assert_cmpint(log.begun, <, 100);
    }
    Log log = NEW_LOG; /* and does not affect the next run */
    g_assert_true(run(pipeline, 20, &log, NULL));
    g_assert_cmpuint(log.consumed, ==, 20);
}

/* The last test, as the process stays interrupted. */
static void an_interrupt_ends_it_cleanly(void)
{
    Log log = NEW_LOG;
    g_autoptr(GError) error = NULL;
    g_autoptr(Pipeline) pipeline = new_pipeline(4, 2);
    log.interrupt_at = 50;
    interrupt_install(FALSE);
    g_assert_true(run(pipeline, 100000, &log, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(log.consumed, >, 50);
    g_assert_cmpuint(log.consumed, <, 200);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pipeline/all arrive in order, whatever threads and batch",
                    all_arrive_in_order_whatever_threads_and_batch);
    g_test_add_func("/pipeline/every batch is followed by its end", every_batch_is_followed_by_its_end);
    g_test_add_func("/pipeline/it can run again", it_can_run_again);
    g_test_add_func("/pipeline/images are prepared by the caller's function",
                    images_are_prepared_as_the_caller_says);
    g_test_add_func("/pipeline/the number of inputs ahead is bounded", what_runs_ahead_is_bounded);
    g_test_add_func("/pipeline/a failing consumer ends it", a_failing_consumer_ends_it);
    g_test_add_func("/pipeline/an interrupt ends it cleanly", an_interrupt_ends_it_cleanly);
    return g_test_run();
}
