/* pipeline: see pipeline.h. */
#include "common/pipeline/pipeline.h"

#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/floats.h"
#include "common/core/interrupt.h"
#include "common/core/memory.h"
#include "common/core/sha256.h"
#include "common/image/image_file.h"
#include "common/network/executor.h"

#include <string.h>

/* One mutex and one condition protect all that the threads share, as events are milliseconds apart.
 *
 * Slots are a ring of prepared images: input i is in slot i % window from when a decoder takes it until it is
 * collected into a batch. There are two batches, so that the base fills one while the other is consumed. */

enum {
    BATCHES = 2,
    ARRIVALS_MAX = 8, /* times the batch's size: bounds the memory for a folder of bad files */
};

/* What became of an input. */
typedef struct {
    Produced outcome;
    guint8 note[SHA256_SIZE];
    char *reason;
} Result;

typedef struct {
    gboolean ready; /* prepared, not collected yet */
    Result result;
    float *tensor; /* (side, side, 3) */
} Slot;

typedef struct {
    guint index;
    int vector; /* row of the batch's features, or -1 for an input without; the run ends after a broken one */
    Result result;
} Arrival;

typedef struct {
    GArray *arrivals; /* Arrival, in order of index */
    int vectors;
    float *features; /* (batch, D) */
} Batch;

struct Pipeline {
    PipelineOptions options; /* without the weights */
    guint window;
    ThreadPool *thread_pool;
    Arena arena;
    Network *network; /* the base; NULL for layer "input" */
    Executor *base;   /* runs it */
    float *images;    /* (batch, side, side, 3), its input */
    Slot *slots;      /* window */
    Batch batches[BATCHES];
};

/* One call of pipeline_run. */
typedef struct {
    Pipeline *pipeline;
    guint inputs;
    PipelineProduce produce;
    gpointer user;

    GMutex mutex;
    GCond changed;
    guint taken;              /* inputs begun by decoders */
    guint collected;          /* inputs whose slot is free again */
    guint computed, consumed; /* batches */
    gboolean exhausted;       /* no further batch will be computed */
    gboolean stopping;        /* interrupted, or the consumer failed */
} Run;

static gsize image_floats(int side)
{
    return (gsize)side * side * 3;
}

/* What a pipeline takes from its arena. While that measures, the weights may be NULL. */
static Pipeline *build(Arena *arena, const PipelineOptions *options)
{
    const FeatureSpec *spec = options->spec;
    gsize batch = (gsize)options->batch;
    int cut = vgg16_find(spec->layer);
    Pipeline *pipeline = g_new0(Pipeline, 1);
    pipeline->options = *options;
    pipeline->options.weights = NULL;
    pipeline->window = 2 * (guint)options->batch + options->threads;
    pipeline->slots = g_new0(Slot, pipeline->window);
    for (guint i = 0; i < pipeline->window; i++)
        pipeline->slots[i].tensor = arena_floats(arena, image_floats(spec->side));
    for (int i = 0; i < BATCHES; i++) {
        pipeline->batches[i].arrivals = g_array_new(FALSE, FALSE, sizeof(Arrival));
        pipeline->batches[i].features = arena_floats(arena, batch * feature_spec_features(spec));
    }
    if (cut < 0)
        return pipeline;
    pipeline->images = arena_floats(arena, batch * image_floats(spec->side));
    pipeline->thread_pool = thread_pool_new(options->threads);
    pipeline->network = base_network(options->weights, spec->tiles.m, cut, spec->side);
    vgg16_append_pool(pipeline->network, spec->pool, NULL);
    pipeline->base =
        executor_new(arena, pipeline->network, EXECUTOR_PREDICT, options->batch, pipeline->thread_pool);
    return pipeline;
}

/* Of its arrays, which the arena measures, and of the pixels that decoders fill. */
static gsize measure(Arena *arena, const PipelineOptions *options)
{
    pipeline_free(build(arena, options));
    return arena_bytes(arena) + options->threads * image_floats(options->spec->side);
}

MemoryNeed pipeline_memory(const PipelineOptions *options)
{
    enum { DECODER = 5 << 19 }; /* bytes of its process that it does not share with this one, measured */
    g_auto(Arena) arena = {0};
    int cut = vgg16_find(options->spec->layer);
    MemoryNeed need = cut < 0 || options->weights ? (MemoryNeed){0} : weights_memory(cut);
    need.memory += measure(&arena, options) + options->threads * (gsize)DECODER;
    need.address += FLOATS_ALIGNMENT;
    memory_add(&need,
               memory_of_threads(2 * options->threads)); /* decoders, the pool except the caller, the base */
    return need;
}

Pipeline *pipeline_new(const PipelineOptions *options, GError **error)
{
    g_auto(Arena) arena = {0};
    const MemoryNeed need = {.memory = measure(&arena, options)};
    Pipeline *pipeline = memory_suffices(need) && arena_try_take(&arena) ? build(&arena, options) : NULL;
    if (!pipeline) {
        memory_refuse(need, "running images through the base", "free some, or use a machine with more",
                      error);
        return NULL;
    }
    pipeline->arena = arena;
    arena = (Arena){0};
    return pipeline;
}

void pipeline_free(Pipeline *pipeline)
{
    if (!pipeline)
        return;
    executor_free(pipeline->base);
    g_clear_pointer(&pipeline->network, network_free);
    thread_pool_free(pipeline->thread_pool);
    for (int i = 0; i < BATCHES; i++)
        g_array_unref(pipeline->batches[i].arrivals);
    g_free(pipeline->slots);
    arena_clear(&pipeline->arena);
    g_free(pipeline);
}

/* ---- Decoders ---- */

/* The next input whose slot is free; FALSE if there is none left. The mutex must be held. */
static gboolean take_input(Run *run, guint *index)
{
    for (;;) {
        if (!run->stopping && interrupted()) {
            run->stopping = TRUE;
            g_cond_broadcast(&run->changed);
        }
        if (run->stopping || run->taken == run->inputs)
            return FALSE;
        if (run->taken - run->collected < run->pipeline->window)
            break;
        g_cond_wait(&run->changed, &run->mutex);
    }
    *index = run->taken++;
    return TRUE;
}

/* rgb: (side, side, 3) to decode into. */
static void fill_slot(const Run *run, guint index, guint8 *rgb, Slot *slot)
{
    const Pipeline *pipeline = run->pipeline;
    const FeatureSpec *spec = pipeline->options.spec;
    Result *result = &slot->result;
    *result = (Result){0};
    result->outcome = run->produce(index, rgb, result->note, &result->reason, run->user);
    if (result->outcome != PRODUCED)
        return;
    if (pipeline->options.prepare)
        pipeline->options.prepare(index, rgb, slot->tensor, run->user);
    else
        image_normalize(rgb, spec->side, spec->normalization, slot->tensor);
}

static gpointer decoder_main(gpointer data)
{
    Run *run = data;
    guint index;
    g_autofree guint8 *rgb = g_malloc(image_floats(run->pipeline->options.spec->side));
    g_mutex_lock(&run->mutex);
    while (take_input(run, &index)) {
        g_mutex_unlock(&run->mutex);
        Slot *slot = &run->pipeline->slots[index % run->pipeline->window];
        fill_slot(run, index, rgb, slot);
        g_mutex_lock(&run->mutex);
        slot->ready = TRUE;
        g_cond_broadcast(&run->changed);
    }
    g_mutex_unlock(&run->mutex);
    return NULL;
}

static Produced failure(const char *path, const GError *error, char **reason)
{
    if (g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE)) {
        *reason = g_strdup(error->message);
        return REJECTED;
    }
    gboolean machine = g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_MACHINE);
    *reason = g_strdup_printf("%s: %s; what was done before is kept: %srun the same command again", path,
                              error->message, machine ? "free the resource that is short and " : "");
    return BROKEN;
}

Produced pipeline_produce(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user)
{
    const PipelineImages *images = user;
    g_autoptr(GError) error = NULL;
    Decoding how = feature_spec_decoding(images->spec);
    g_autoptr(GBytes) content = contents_read(images->contents, index, &error);
    if (!content || !image_file_decode_content(content, &how, rgb, reason, &error))
        return failure(contents_item(images->contents, index)->path, error, reason);
    sha256(g_bytes_get_data(content, NULL), g_bytes_get_size(content), note);
    return PRODUCED;
}

/* ---- The base ---- */

static void clear_batch(Batch *batch)
{
    for (guint i = 0; i < batch->arrivals->len; i++)
        g_free(g_array_index(batch->arrivals, Arrival, i).result.reason);
    g_array_set_size(batch->arrivals, 0);
    batch->vectors = 0;
}

/* Appends a slot's result to the batch, and its image to the base's input. */
static void collect(Pipeline *pipeline, Batch *batch, guint index, Slot *slot)
{
    Arrival arrival = {index, -1, slot->result};
    slot->result.reason = NULL;
    if (arrival.result.outcome == PRODUCED) {
        gsize image = image_floats(pipeline->options.spec->side);
        arrival.vector = batch->vectors++;
        float *to = pipeline->base ? pipeline->images : batch->features;
        memcpy(to + (gsize)arrival.vector * image, slot->tensor, image * sizeof(float));
    }
    g_array_append_val(batch->arrivals, arrival);
}

/* Collects until the batch is full (of vectors, or of rejected inputs) or the inputs end; FALSE if the run stops
 * meanwhile. The mutex must be held. */
static gboolean fill_batch(Run *run, Batch *batch)
{
    Pipeline *pipeline = run->pipeline;
    const guint max = ARRIVALS_MAX * (guint)pipeline->options.batch;
    while (batch->vectors < pipeline->options.batch && batch->arrivals->len < max &&
           run->collected < run->inputs) {
        guint index = run->collected;
        Slot *slot = &pipeline->slots[index % pipeline->window];
        while (!slot->ready && !run->stopping)
            g_cond_wait(&run->changed, &run->mutex);
        if (run->stopping)
            return FALSE;
        g_mutex_unlock(&run->mutex);
        collect(pipeline, batch, index, slot);
        g_mutex_lock(&run->mutex);
        slot->ready = FALSE;
        run->collected++;
        g_cond_broadcast(&run->changed);
    }
    return TRUE;
}

static void run_base(Pipeline *pipeline, Batch *batch)
{
    g_autofree const float **rows = g_new(const float *, batch->vectors);
    for (int i = 0; i < batch->vectors; i++)
        rows[i] = pipeline->images + (gsize)i * image_floats(pipeline->options.spec->side);
    executor_forward(pipeline->base, rows, batch->vectors, NULL, batch->features);
}

static gpointer base_main(gpointer data)
{
    Run *run = data;
    Pipeline *pipeline = run->pipeline;
    g_mutex_lock(&run->mutex);
    while (run->collected < run->inputs) {
        while (run->computed - run->consumed == BATCHES && !run->stopping)
            g_cond_wait(&run->changed, &run->mutex);
        Batch *batch = &pipeline->batches[run->computed % BATCHES];
        run->stopping |= interrupted();
        if (run->stopping || !fill_batch(run, batch))
            break;
        g_mutex_unlock(&run->mutex);
        if (pipeline->base && batch->vectors)
            run_base(pipeline, batch);
        g_mutex_lock(&run->mutex);
        run->computed++;
        g_cond_broadcast(&run->changed);
    }
    run->exhausted = TRUE;
    g_cond_broadcast(&run->changed);
    g_mutex_unlock(&run->mutex);
    return NULL;
}

/* ---- The consumer, in the thread of the caller ---- */

static gboolean consume_batch(Run *run, const Batch *batch, PipelineConsume consume, Progress *progress,
                              GError **error)
{
    const gsize width = feature_spec_features(run->pipeline->options.spec);
    PipelineBatchDone batch_done = run->pipeline->options.batch_done;
    for (guint i = 0; i < batch->arrivals->len; i++) {
        const Arrival *arrival = &g_array_index(batch->arrivals, Arrival, i);
        const Result *result = &arrival->result;
        const float *features = NULL;
        if (result->outcome == BROKEN)
            return (!batch_done || batch_done(run->user, error)) && error_set(error, "%s", result->reason);
        if (arrival->vector >= 0)
            features = batch->features + (gsize)arrival->vector * width;
        if (!consume(arrival->index, features, result->note, result->reason, run->user, error))
            return FALSE;
        progress_tick(progress, 1);
    }
    return !batch_done || batch_done(run->user, error);
}

static gboolean consume_all(Run *run, PipelineConsume consume, Progress *progress, GError **error)
{
    gboolean fine = TRUE;
    g_mutex_lock(&run->mutex);
    while (fine) {
        while (run->consumed == run->computed && !run->exhausted)
            g_cond_wait(&run->changed, &run->mutex);
        if (run->consumed == run->computed)
            break;
        Batch *batch = &run->pipeline->batches[run->consumed % BATCHES];
        g_mutex_unlock(&run->mutex);
        fine = consume_batch(run, batch, consume, progress, error);
        clear_batch(batch);
        g_mutex_lock(&run->mutex);
        run->consumed++;
        run->stopping |= !fine;
        g_cond_broadcast(&run->changed);
    }
    g_mutex_unlock(&run->mutex);
    return fine;
}

/* Frees what a run that stopped early has left. */
static void clear_rest(Pipeline *pipeline)
{
    for (guint i = 0; i < pipeline->window; i++) {
        pipeline->slots[i].ready = FALSE;
        g_clear_pointer(&pipeline->slots[i].result.reason, g_free);
    }
    for (int i = 0; i < BATCHES; i++)
        clear_batch(&pipeline->batches[i]);
}

gboolean pipeline_run(Pipeline *pipeline, guint inputs, PipelineProduce produce, PipelineConsume consume,
                      gpointer user, Progress *progress, GError **error)
{
    Run run = {.pipeline = pipeline, .inputs = inputs, .produce = produce, .user = user};
    g_mutex_init(&run.mutex);
    g_cond_init(&run.changed);
    g_autofree GThread **decoders = g_new(GThread *, pipeline->options.threads);
    for (guint i = 0; i < pipeline->options.threads; i++)
        decoders[i] = g_thread_new("decode", decoder_main, &run);
    GThread *base = g_thread_new("base", base_main, &run);
    gboolean fine = consume_all(&run, consume, progress, error);
    g_thread_join(base);
    for (guint i = 0; i < pipeline->options.threads; i++)
        g_thread_join(decoders[i]);
    clear_rest(pipeline);
    g_cond_clear(&run.changed);
    g_mutex_clear(&run.mutex);
    return fine;
}
