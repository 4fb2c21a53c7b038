/* linear_form: the form in which a solver takes the training set; see linear_job.h. */
#include "train/linear/linear_job.h"

#include "common/arithmetic/blas.h"
#include "common/cli/cli.h"
#include "common/cli/memory_plan.h"
#include "common/core/error.h"
#include "common/core/plural.h"

/* Above this number of images a Gram matrix costs more than the passes of a single fit: 7,495 images took 22 s with it
 * and 4 s without. A search over costs and folds pays for it many times. */
enum { STREAM_IMAGES = 4096 };

gboolean linear_cross_validates(const Linear *linear)
{
    const TrainOptions *o = linear->options;
    return o->search_cost || linear->settings.n_costs || o->folds || o->suspects;
}

static gboolean gram_factor_pays(const Linear *linear)
{
    const LinearSettings *settings = &linear->settings;
    gboolean serves = linear->options->reduce && settings->solver->rotation && linear->n < linear->features;
    if (!serves || !stream_fit_serves(settings->solver))
        return serves;
    gboolean once = stream_fit_is_dual(settings->solver) && !linear_cross_validates(linear) &&
                    !linear->options->learning_curve;
    return gram_factor_memory(linear->n) < memory_available() && !(once && linear->n >= STREAM_IMAGES);
}

static gboolean stream_pays(const Linear *linear)
{
    return linear->options->reduce && !linear->options->learning_curve &&
           stream_fit_serves(linear->settings.solver);
}

/* Bytes that a form takes for n of the images by so many threads. */
typedef gsize (*FormBytes)(const Linear *linear, guint n, guint threads);

typedef struct {
    const Linear *linear;
    FormBytes bytes;
} Question;

/* First fewer threads, then fewer images per class. */
static gboolean setting(guint step, MemoryNeed *need, char **words, gpointer user)
{
    const Question *question = user;
    const Linear *linear = question->linear;
    gint64 threads = linear->options->common.threads, images = 0;
    gboolean less = step > 0;
    for (guint k = 0; k < linear->classes; k++)
        images = MAX(images, linear->counts[k]);
    gint64 all = images;
    memory_plan_halve(&threads, &step);
    memory_plan_halve(&images, &step);
    if (step > 0)
        return FALSE;
    guint n = 0;
    for (guint k = 0; k < linear->classes; k++)
        n += MIN(linear->counts[k], (guint)images);
    *need = (MemoryNeed){.memory = question->bytes(linear, n, (guint)threads)};
    memory_add(need, blas_memory((guint)threads));
    memory_add(need, memory_of_threads((guint)threads));
    if (!less)
        return TRUE;
    GString *text = g_string_new(NULL);
    if (threads < linear->options->common.threads)
        g_string_append_printf(text, " --threads %d", (int)threads);
    if (images < all)
        g_string_append_printf(text, " --limit-per-class %d", (int)images);
    *words = g_strdup(text->str + 1);
    g_string_free(text, TRUE);
    return TRUE;
}

static gboolean fits_memory(const Linear *linear, FormBytes bytes, GError **error)
{
    g_autofree char *what = g_strdup_printf("%s: training on %u %s", linear->options->cache, linear->n,
                                            plural(linear->n, "image", "images"));
    Question question = {linear, bytes};
    return memory_plan_check(what, setting, &question, error);
}

/* What liblinear allocates in each worker process besides the shared rows: vectors over n rows and features;
 * a transposed copy of the rows for L1-regularised solvers; L values per row or feature for Crammer &
 * Singer. */
static gsize worker_bytes(const Linear *linear, gsize n, gsize width, gsize rows_bytes)
{
    const LinearSolver *solver = linear->settings.solver;
    gsize values = 12 * sizeof(double);
    gsize bytes = (n + width) * values;
    if (solver->multiclass)
        bytes += (n + width) * linear->classes * 2 * sizeof(double);
    return solver->rotation ? bytes : bytes + rows_bytes;
}

/* Problems that can be solved at the same time. */
static guint problems_of(const Linear *linear)
{
    const TrainOptions *o = linear->options;
    guint folds = o->folds ? (guint)o->folds : o->search_cost || linear->settings.n_costs ? 5 : 1;
    return folds * (linear->classes == 2 || linear->settings.solver->multiclass ? 1 : linear->classes);
}

/* As many workers as memory allows beside bytes. */
static guint workers_that_fit(gsize bytes, gsize each, guint threads)
{
    gsize available = memory_available();
    return (guint)CLAMP((available - MIN(bytes, available)) / each, 1, (gsize)threads);
}

/* Of a form whose shared part is bytes, for rows of this width. */
static gsize with_workers(const Linear *linear, gsize bytes, guint n, gsize width, guint threads)
{
    gsize each = worker_bytes(linear, n, width, bytes), copies = 3; /* of the model: solver's, ours, saved */
    return bytes + workers_that_fit(bytes, each, MIN(threads, problems_of(linear))) * each +
           copies * linear->features * linear->classes * sizeof(float);
}

static gboolean is_dense(const Linear *linear)
{
    return coordinate_serves(linear->settings.solver);
}

static gsize gram_factor_bytes(const Linear *linear, guint n, guint threads)
{
    gsize square = (gsize)n * n * sizeof(double);
    return with_workers(linear, gram_factor_memory(n) + (is_dense(linear) ? 0 : square), n, n, threads);
}

static gsize rows_bytes(const Linear *linear, guint n, guint threads)
{
    gsize nonzeros = (gsize)((double)linear->nonzeros * n / linear->n);
    return with_workers(linear, linear_rows_bytes(nonzeros, n), n, linear->features + 1, threads);
}

static gsize stream_bytes(const Linear *linear, guint n, guint threads)
{
    return stream_fit_memory(linear->settings.solver, linear->features, n, problems_of(linear), threads);
}

/* liblinear's rows from those of the Gram factor. */
static LinearRows *rows_of_gram_factor(const GramFactor *gram_factor)
{
    guint n = gram_factor->n;
    LinearRows *rows = linear_rows_new(n, n, (gsize)n * (n + 1) / 2);
    for (guint i = 0; rows && i < n; i++)
        linear_rows_add(rows, gram_factor->factor + (gsize)i * n, i + 1);
    return rows;
}

/* liblinear's rows from the features themselves, bias last. */
static LinearRows *rows_of_set(const TrainingSet *set, gsize nonzeros)
{
    gsize features = set->features, width = features + (set->bias >= 0 ? 1 : 0);
    g_autofree float *row = g_new(float, features);
    g_autofree double *wide = g_new(double, width);
    LinearRows *rows = linear_rows_new(set->n, (guint)width, nonzeros);
    for (guint i = 0; rows && i < set->n; i++) {
        training_set_take(set, i, 0, features, row);
        for (gsize j = 0; j < features; j++)
            wide[j] = row[j];
        if (set->bias >= 0)
            wide[features] = set->bias;
        linear_rows_add(rows, wide, (guint)width);
    }
    return rows;
}

static gsize count_nonzeros(const TrainingSet *set)
{
    g_autofree float *row = g_new(float, set->features);
    gsize nonzeros = set->bias > 0 ? set->n : 0;
    for (guint i = 0; i < set->n; i++) {
        training_set_take(set, i, 0, set->features, row);
        for (gsize j = 0; j < set->features; j++)
            nonzeros += row[j] != 0;
    }
    return nonzeros;
}

/* The thread pool lives only here: worker processes are forked later, when no other thread runs. */
static gboolean reduce(Linear *linear, GError **error)
{
    if (!fits_memory(linear, gram_factor_bytes, error))
        return FALSE;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)linear->options->common.threads);
    linear->gram_factor = gram_factor_new(linear->set, thread_pool, error);
    if (!linear->gram_factor)
        return g_prefix_error(error, "%s: ", linear->options->cache), FALSE;
    if (!is_dense(linear))
        linear->rows = rows_of_gram_factor(linear->gram_factor);
    return is_dense(linear) || linear->rows ||
           error_set(error, "%s: not enough memory for %u %s", linear->options->cache, linear->n,
                     plural(linear->n, "image", "images"));
}

static gboolean take_as_they_are(Linear *linear, gsize *bytes, GError **error)
{
    gsize nonzeros = linear->nonzeros = count_nonzeros(linear->set);
    if (nonzeros <= (linear->set->bias > 0 ? linear->n : 0))
        return error_set(error, "%s: all features are zero after scaling: there is nothing to learn",
                         linear->options->cache);
    *bytes = linear_rows_bytes(nonzeros, linear->n);
    if (!fits_memory(linear, rows_bytes, error))
        return FALSE;
    linear->rows = rows_of_set(linear->set, nonzeros);
    return linear->rows || error_set(error, "%s: not enough memory for %u %s", linear->options->cache,
                                     linear->n, plural(linear->n, "image", "images"));
}

static gboolean stream_rows(Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    if (!fits_memory(linear, stream_bytes, error))
        return FALSE;
    linear->thread_pool = thread_pool_new((guint)o->common.threads);
    gint64 start = g_get_monotonic_time();
    linear->stream = stream_new(linear->set, linear->thread_pool, error);
    if (!linear->stream)
        return g_prefix_error(error, "%s: ", o->cache), FALSE;
    double seconds = (double)(g_get_monotonic_time() - start) * 1e-6;
    cli_remark("training on the rows of the cache, %s; one pass over them took %.2f s",
               linear->stream->block < linear->n ? "block by block" : "all at once", seconds);
    return TRUE;
}

gboolean linear_prepare(Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    gsize bytes = (gsize)linear->n * linear->n * sizeof(double);
    gint64 start = g_get_monotonic_time();
    if (!(gram_factor_pays(linear) ? reduce(linear, error)
          : stream_pays(linear)    ? stream_rows(linear, error)
                                   : take_as_they_are(linear, &bytes, error)))
        return FALSE;
    linear->training = (LinearTraining){
        .solver = linear->settings.solver,
        .tolerance = linear->settings.tolerance,
        .class_weights = linear->class_weights,
        .seed = (guint)o->common.seed,
        .rows = linear->rows,
        .gram_factor = linear->rows ? NULL : linear->gram_factor,
        .stream = linear->stream,
        .thread_pool = linear->thread_pool,
        .labels = linear->labels,
        .n = linear->n,
        .classes = linear->classes,
    };
    if (linear->stream)
        return TRUE;
    gsize each = worker_bytes(linear, linear->n, linear_width(&linear->training), bytes);
    linear->training.workers = workers_that_fit(0, each, (guint)o->common.threads);
    if (linear->gram_factor)
        cli_remark("%zu features reduced, without loss, to %u in %.1f s", linear->features, linear->n,
                   (double)(g_get_monotonic_time() - start) * 1e-6);
    cli_remark("up to %u worker %s", linear->training.workers,
               plural(linear->training.workers, "process", "processes"));
    return TRUE;
}
