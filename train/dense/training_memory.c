/* training_memory: see training_memory.h. */
#include "train/dense/training_memory.h"

#include "common/cli/memory_plan.h"
#include "common/core/floats.h"
#include "common/core/plural.h"
#include "train/dense/fit.h"
#include "train/dense/layers.h"

typedef struct {
    const TrainingData *data;
    const TrainOptions *options;
    guint halvings; /* of --hidden, without which nothing else helps */
} Question;

/* --hidden with its numbers halved so often. */
static char *halved_hidden(const TrainOptions *options, guint times)
{
    g_autoptr(GArray) hidden = train_options_hidden(options->hidden);
    GString *text = g_string_new(hidden->len ? NULL : "none");
    for (guint i = 0; i < hidden->len; i++)
        g_string_append_printf(text, "%s%d", i ? "," : "", MAX(1, g_array_index(hidden, int, i) >> times));
    return g_string_free(text, FALSE);
}

/* How often --hidden can be halved. */
static guint max_halvings(const TrainOptions *options)
{
    guint max = 0;
    if (options->approach == APPROACH_SCRATCH)
        return 0;
    g_autoptr(GArray) hidden = train_options_hidden(options->hidden);
    for (guint i = 0; i < hidden->len; i++)
        max = MAX(max, (guint)g_bit_storage((gulong)g_array_index(hidden, int, i)) - 1);
    return max;
}

static MemoryNeed need_of(const gint64 *values, char **parts, gpointer user)
{
    const Question *question = user;
    gint64 batch = values[0], threads = values[1];
    guint halvings = parts ? 0 : question->halvings;
    const FeatureSpec *spec = question->data->spec;
    TrainOptions options = *question->options;
    g_autofree char *hidden = halved_hidden(&options, halvings);
    options.hidden = hidden;
    g_autoptr(Network) outline = network_outline(spec->shape[0], spec->shape[1], spec->shape[2]);
    layers_append(outline, spec, &options, (int)question->data->classes->len, NULL);
    Optimizer optimizer = fit_optimizer(&options);
    g_auto(Arena) arena = {0};
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)threads);
    trainer_free(trainer_new(&arena, outline, &optimizer, (int)batch, 0, thread_pool));
    gsize kernels = network_parameters(outline) * sizeof(float),
          moments = optimizer_slots(&optimizer) * kernels;
    MemoryNeed rows = training_data_memory(question->data, &options, (int)batch, (guint)threads);
    MemoryNeed need = {.memory = kernels + arena_bytes(&arena),
                       .address = (2 * outline->layers->len + 1) * FLOATS_ALIGNMENT};
    if (parts) {
        g_autofree char *parameters = memory_text(kernels), *slots = memory_text(moments);
        g_autofree char *activations = memory_text(arena_bytes(&arena) - moments);
        g_autofree char *sources = memory_text(rows.memory + rows.files);
        *parts = g_strdup_printf("parameters %s, optimizer %s, batch of %d %s %s, data source %s", parameters,
                                 slots, (int)batch, plural((guint64)batch, "image", "images"), activations,
                                 sources);
    }
    memory_add(&need, rows);
    if (options.averages > 1) /* the first kernel once more when the model is kept */
        memory_add(&need, (MemoryNeed){.memory = network_first_dense(outline)->kernel_count * sizeof(float)});
    memory_add(&need, memory_of_threads((guint)threads + 1)); /* and one that fetches batches */
    return need;
}

/* First fewer hidden units, if they alone are too many; then smaller batches; then fewer threads. */
gboolean training_memory_check(const TrainingData *data, const TrainOptions *options, GError **error)
{
    const gint64 least[MEMORY_SETTINGS] = {1, 1};
    Question question = {data, options, 0};
    guint max = max_halvings(options);
    while (question.halvings < max && !memory_suffices(need_of(least, NULL, &question)))
        question.halvings++;
    g_autofree char *hidden = halved_hidden(options, question.halvings);
    g_autofree char *before = question.halvings ? g_strdup_printf("--hidden %s", hidden) : NULL;
    const MemoryPlan plan = {
        .what = "training this model",
        .before = before,
        .settings = {{"batch-size", options->batch_size}, {"threads", options->common.threads}},
        .need = need_of,
        .user = &question};
    return memory_plan_check(&plan, error);
}
