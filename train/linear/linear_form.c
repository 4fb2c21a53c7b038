/* linear_form: the form in which a solver takes the samples; see linear_job.h. */
#include "train/linear/linear_job.h"

#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/memory.h"

/* From here on a Gram matrix costs more than the passes of a single fit: 7,495 images took 22 s by the one and 4 s by
 * the other. A search over costs and folds pays for it many times. */
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

static gboolean fits_memory(const Linear *linear, gsize bytes, GError **error)
{
    g_autofree char *what = g_strdup_printf("%s: training on %u images", linear->options->cache, linear->n);
    return memory_check(bytes, what, "use fewer images", error);
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
static LinearRows *rows_of_samples(const Samples *samples, gsize nonzeros)
{
    gsize features = samples->features, width = features + (samples->bias >= 0 ? 1 : 0);
    g_autofree float *row = g_new(float, features);
    g_autofree double *wide = g_new(double, width);
    LinearRows *rows = linear_rows_new(samples->n, (guint)width, nonzeros);
    for (guint i = 0; rows && i < samples->n; i++) {
        samples_take(samples, i, 0, features, row);
        for (gsize j = 0; j < features; j++)
            wide[j] = row[j];
        if (samples->bias >= 0)
            wide[features] = samples->bias;
        linear_rows_add(rows, wide, (guint)width);
    }
    return rows;
}

static gsize count_nonzeros(const Samples *samples)
{
    g_autofree float *row = g_new(float, samples->features);
    gsize nonzeros = samples->bias > 0 ? samples->n : 0;
    for (guint i = 0; i < samples->n; i++) {
        samples_take(samples, i, 0, samples->features, row);
        for (gsize j = 0; j < samples->features; j++)
            nonzeros += row[j] != 0;
    }
    return nonzeros;
}

/* The thread pool lives only here: worker processes are forked later, when no other thread runs. */
static gboolean reduce(Linear *linear, GError **error)
{
    gsize square = (gsize)linear->n * linear->n * sizeof(double);
    gboolean dense = coordinate_serves(linear->settings.solver);
    gsize bytes = gram_factor_memory(linear->n) + (dense ? 0 : square);
    if (!fits_memory(linear, bytes, error))
        return FALSE;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)linear->options->common.threads);
    linear->gram_factor = gram_factor_new(linear->samples, thread_pool, error);
    if (!linear->gram_factor)
        return g_prefix_error(error, "%s: ", linear->options->cache), FALSE;
    if (!dense)
        linear->rows = rows_of_gram_factor(linear->gram_factor);
    return dense || linear->rows ||
           error_set(error, "%s: not enough memory for %u images", linear->options->cache, linear->n);
}

static gboolean take_as_they_are(Linear *linear, gsize *bytes, GError **error)
{
    gsize nonzeros = count_nonzeros(linear->samples);
    if (nonzeros <= (linear->samples->bias > 0 ? linear->n : 0))
        return error_set(error, "%s: all features are zero after scaling: there is nothing to learn from",
                         linear->options->cache);
    *bytes = linear_rows_bytes(nonzeros, linear->n);
    if (!fits_memory(linear, *bytes, error))
        return FALSE;
    linear->rows = rows_of_samples(linear->samples, nonzeros);
    return linear->rows ||
           error_set(error, "%s: not enough memory for %u images", linear->options->cache, linear->n);
}

static gboolean stream_rows(Linear *linear, gsize *bytes, GError **error)
{
    const TrainOptions *o = linear->options;
    guint folds = o->folds ? (guint)o->folds : o->search_cost || linear->settings.n_costs ? 5 : 1;
    guint problems = folds * (linear->classes == 2 ? 1 : linear->classes);
    *bytes = stream_fit_memory(linear->settings.solver, linear->features, linear->n, problems,
                               (guint)o->common.threads);
    if (!fits_memory(linear, *bytes, error))
        return FALSE;
    linear->thread_pool = thread_pool_new((guint)o->common.threads);
    gint64 start = g_get_monotonic_time();
    linear->stream = stream_new(linear->samples, linear->thread_pool, error);
    if (!linear->stream)
        return g_prefix_error(error, "%s: ", o->cache), FALSE;
    double seconds = (double)(g_get_monotonic_time() - start) * 1e-6;
    cli_remark("training on the rows of the cache, %s; memory: %.1f MB; one pass over them took %.2f s",
               linear->stream->block < linear->n ? "block by block" : "all at once", (double)*bytes / 1e6,
               seconds);
    return TRUE;
}

/* What liblinear allocates in each worker process besides the shared rows: vectors over rows and features;
 * a transposed copy of the rows for L1-regularised solvers; L values per row or feature for Crammer &
 * Singer. */
static gsize worker_bytes(const Linear *linear, gsize rows_bytes)
{
    const LinearSolver *solver = linear->settings.solver;
    gsize width = linear_width(&linear->training), values = 12 * sizeof(double);
    gsize bytes = (linear->n + width) * values;
    if (solver->multiclass)
        bytes += (linear->n + width) * linear->classes * 2 * sizeof(double);
    return solver->rotation ? bytes : bytes + rows_bytes;
}

gboolean linear_prepare(Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    gsize bytes = (gsize)linear->n * linear->n * sizeof(double);
    gint64 start = g_get_monotonic_time();
    if (!(gram_factor_pays(linear) ? reduce(linear, error)
          : stream_pays(linear)    ? stream_rows(linear, &bytes, error)
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
    gsize each = worker_bytes(linear, bytes), available = memory_available();
    linear->training.workers = (guint)CLAMP(available / each, 1, (gsize)o->common.threads);
    if (linear->gram_factor)
        cli_remark("%zu features reduced exactly to %u in %.1f s", linear->features, linear->n,
                   (double)(g_get_monotonic_time() - start) * 1e-6);
    cli_remark("up to %u worker processes; memory: %.1f MB shared, %.1f MB in each", linear->training.workers,
               (double)bytes * (linear->gram_factor && linear->rows ? 2 : 1) / 1e6, (double)each / 1e6);
    return TRUE;
}
