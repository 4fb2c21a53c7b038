/* linear_form: see linear_form.h. */
#include "train/linear/linear_form.h"

#include "common/arithmetic/blas.h"
#include "common/arithmetic/gram.h"
#include "common/cli/cli.h"
#include "common/cli/memory_plan.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "train/linear/descent.h"
#include "train/linear/learning_curve.h"
#include "train/linear/liblinear.h"

/* Above this number of images a Gram matrix costs more than the passes of a single fit: 7,495 images took 22 s with it
 * and 4 s without. A search over costs and folds pays for it many times. */
enum { CACHE_IMAGES = 4096 };

typedef enum { FORM_FACTOR, FORM_CACHE, FORM_ROWS } FormKind;

static FormKind choose(const Linear *linear)
{
    const Solver *solver = linear->settings.solver;
    const TrainOptions *o = linear->options;
    gboolean factor = solver->rotation && linear->training.n < linear->training.set->features;
    if (!o->reduce || !(factor || solver_descends(solver)))
        return FORM_ROWS;
    if (!solver_descends(solver))
        return FORM_FACTOR;
    gboolean once =
        !linear->settings.cross_validates && !o->learning_curve && linear->training.n >= CACHE_IMAGES;
    return factor && !once && gram_memory(linear->training.n) < memory_available() ? FORM_FACTOR : FORM_CACHE;
}

/* ---- Memory ---- */

/* Whether descent.h solves it; else liblinear.h does. */
static gboolean descends(const Linear *linear, FormKind kind)
{
    const Solver *solver = linear->settings.solver;
    return solver_descends(solver) && (kind == FORM_CACHE || (kind == FORM_FACTOR && solver->dual));
}

/* Problems that are solved at the same time. */
static guint problems_of(const Linear *linear)
{
    const LinearSettings *settings = &linear->settings;
    guint parts = settings->cross_validates ? settings->folds : 1;
    if (linear->options->learning_curve)
        parts = MAX(parts, LEARNING_DRAWS);
    return parts *
           (linear->training.classes == 2 || settings->solver->multiclass ? 1 : linear->training.classes);
}

/* As many workers as memory allows beside `taken` bytes. */
static guint workers_that_fit(gsize taken, gsize each, guint threads)
{
    gsize available = memory_available();
    return (guint)CLAMP((available - MIN(taken, available)) / each, 1, (gsize)threads);
}

static gsize worker_bytes(const Linear *linear, FormKind kind, guint n, gsize rows)
{
    gsize width = kind == FORM_FACTOR ? n : linear->training.set->features + 1;
    return liblinear_worker_bytes(linear->settings.solver, n, width, linear->training.classes, rows);
}

/* Of liblinear's rows, for n of the images. */
static gsize rows_bytes(const Linear *linear, FormKind kind, guint n)
{
    gsize share = (gsize)((double)linear->nonzeros * n / linear->training.n);
    return linear_rows_bytes(kind == FORM_FACTOR ? (gsize)n * (n + 1) / 2 : share, n);
}

static gsize form_bytes(const Linear *linear, FormKind kind, guint n, guint threads)
{
    const LinearSettings *settings = &linear->settings;
    gsize copies = 3; /* of the model: solver's, ours, saved */
    gsize features = linear->training.set->features;
    gsize bytes = copies * features * linear->training.classes * sizeof(float);
    gsize width = kind == FORM_FACTOR ? n : features;
    bytes += kind == FORM_FACTOR ? gram_memory(n) : 0;
    if (settings->cross_validates)
        bytes += search_memory(n, linear->training.classes, settings->n_costs, settings->folds);
    if (descends(linear, kind))
        return bytes + descent_memory(kind == FORM_FACTOR, width, n, problems_of(linear), threads);
    gsize rows = rows_bytes(linear, kind, n), each = worker_bytes(linear, kind, n, rows);
    bytes += rows;
    return bytes + workers_that_fit(bytes, each, MIN(threads, problems_of(linear))) * each;
}

typedef struct {
    const Linear *linear;
    FormKind kind;
} Question;

/* The images of a class, at most. */
static guint largest_class(const Linear *linear)
{
    guint largest = 0;
    for (guint k = 0; k < linear->training.classes; k++)
        largest = MAX(largest, linear->counts[k]);
    return largest;
}

/* With so many threads, and so many images of each class at most. */
static MemoryNeed need_of(const gint64 *values, char **parts, gpointer user)
{
    const Question *question = user;
    const Linear *linear = question->linear;
    guint threads = (guint)values[0], n = 0;
    for (guint k = 0; k < linear->training.classes; k++)
        n += MIN(linear->counts[k], (guint)values[1]);
    MemoryNeed need = {.memory = form_bytes(linear, question->kind, n, threads)};
    memory_add(&need, blas_memory(threads));
    memory_add(&need, memory_of_threads(threads));
    return need;
}

/* ---- Forms ---- */

static gboolean make_rows(Linear *linear, FormKind kind, gboolean tells, GError **error)
{
    LinearTraining *training = &linear->training;
    training->rows = kind == FORM_FACTOR ? linear_rows_of_factor(training->factor)
                                         : linear_rows_of_set(training->set, linear->nonzeros);
    if (!training->rows)
        return error_set(error, "not enough memory for %u %s", training->n,
                         plural(training->n, "image", "images"));
    gsize rows = rows_bytes(linear, kind, training->n), each = worker_bytes(linear, kind, training->n, rows);
    training->workers = workers_that_fit(0, each, thread_pool_threads(training->thread_pool));
    if (tells)
        cli_remark("up to %u worker %s", training->workers,
                   plural(training->workers, "process", "processes"));
    return TRUE;
}

static gboolean make(Linear *linear, FormKind kind, gboolean tells, GError **error)
{
    LinearTraining *t = &linear->training;
    gint64 start = g_get_monotonic_time();
    t->thread_pool = thread_pool_new((guint)linear->options->common.threads);
    if (kind == FORM_FACTOR && !(t->factor = gram_factor_new(t->set, t->thread_pool, error)))
        return FALSE;
    if (descends(linear, kind) &&
        !(t->descent_rows = descent_rows_new(t->set, t->factor, t->thread_pool, error)))
        return FALSE;
    double seconds = (double)(g_get_monotonic_time() - start) * 1e-6;
    if (tells && kind == FORM_FACTOR)
        cli_remark("%zu features reduced, without loss, to %u in %.1f s", linear->features, t->n, seconds);
    if (tells && kind == FORM_CACHE)
        cli_remark("training on the rows of the cache, %s; one pass over them took %.2f s",
                   t->descent_rows->block < t->n ? "block by block" : "all at once", seconds);
    return descends(linear, kind) || make_rows(linear, kind, tells, error);
}

gboolean linear_form_make(Linear *linear, ScalingKind scale, const guint8 *part, GError **error)
{
    LinearTraining *training = &linear->training;
    const TrainOptions *o = linear->options;
    Rows rows = cache_rows(linear->cache);
    const int *shape = cache_feature_spec(linear->cache)->shape;
    const TrainingSetForm form = {scale, part, o->bias, (guint)(shape[0] * shape[1]),
                                  linear->settings.solver->rotation ? o->averages : 1};
    training->set = training_set_new(&rows, training->labels, training->classes, &form);
    FormKind kind = choose(linear);
    linear->nonzeros = kind == FORM_ROWS ? linear_rows_count(training->set) : 0;
    if (kind == FORM_ROWS && linear->nonzeros <= (o->bias > 0 ? training->n : 0))
        return error_set(error, "%s: all features are zero after scaling: there is nothing to learn",
                         o->cache);
    g_autofree char *what = g_strdup_printf("%s: training on %u %s", o->cache, training->n,
                                            plural(training->n, "image", "images"));
    Question question = {linear, kind};
    const MemoryPlan plan = {
        .what = what,
        .settings = {{"threads", o->common.threads}, {"limit-per-class", largest_class(linear)}},
        .need = need_of,
        .user = &question};
    if (!memory_plan_check(&plan, error))
        return FALSE;
    return make(linear, kind, !part, error) || (g_prefix_error(error, "%s: ", o->cache), FALSE);
}

void linear_form_clear(Linear *linear)
{
    LinearTraining *training = &linear->training;
    g_clear_pointer(&training->rows, linear_rows_free);
    g_clear_pointer(&training->descent_rows, descent_rows_free);
    g_clear_pointer(&training->thread_pool, thread_pool_free);
    g_clear_pointer(&training->factor, gram_factor_free);
    g_clear_pointer(&training->set, training_set_free);
}
