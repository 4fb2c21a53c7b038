/* linear_form: see linear_form.h. */
#include "train/linear/linear_form.h"

#include "common/arithmetic/blas.h"
#include "common/cli/cli.h"
#include "common/cli/memory_plan.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "train/linear/linear_fit.h"

/* Above this number of images a Gram matrix costs more than the passes of a single fit: 7,495 images took 22 s with it
 * and 4 s without. A search over costs and folds pays for it many times. */
enum { CACHE_IMAGES = 4096 };

/* Whether to rows of the Gram factor. */
static gboolean reduces(const Linear *linear)
{
    const Solver *solver = linear->choice->solver;
    guint n = linear->training.n;
    g_auto(Arena) factor = {0};
    if (!linear->choice->reduce || !solver->rotation || n >= linear->training.set->features)
        return FALSE;
    gboolean once = !linear->choice->cross_validates && !linear->choice->learning_curve && n >= CACHE_IMAGES;
    gram_factor_new(&factor, linear->training.set, n);
    return !solver_descends(solver) || (!once && arena_bytes(&factor) < memory_available());
}

/* Whether descent.h solves it; else liblinear.h does: primal solvers' problems are solved by their duals only on the rows of
 * a cache. */
static gboolean descends(const Linear *linear)
{
    const Solver *solver = linear->choice->solver;
    return solver_descends(solver) && (solver->dual || (linear->choice->reduce && !linear->reduced));
}

/* ---- Memory ---- */

/* With so many threads, on so many images of each class at most. Sets how many workers there are: as many as there is room for
 * beside the rest. */
static MemoryNeed need_of(const gint64 *values, char **parts, gpointer user)
{
    Linear *linear = user;
    guint threads = (guint)values[0], *workers = &linear->training.workers;
    const LinearChoice *choice = linear->choice;
    LinearTraining training = linear->training;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    g_auto(Arena) arena = {0}, finished = {0};
    guint fitted = choice->cross_validates ? choice->folds : 1; /* parts, at once */
    /* Of the weights: the solver's, which are doubles and count twice if not reduced, the kernel's, the model's. */
    guint copies = linear->reduced ? 3 : 4;
    if (choice->learning_curve)
        fitted = MAX(fitted, LEARNING_DRAWS);
    training.n = 0;
    for (guint k = 0; k < training.classes; k++)
        training.n += MIN(linear->counts[k], (guint)values[1]);
    DescentRows rows = descent_rows_outline(&arena, training.set, linear->reduced, training.n);
    training.rows = &rows;
    training.thread_pool = thread_pool;
    training.workers = descends(linear) ? 0 : threads;
    guint searches = !choice->cross_validates ? 0 : choice->searches_scale ? 2 : 1;
    for (guint s = 0; s < searches; s++) /* this one, and the best so far, which is finished */
        search_outline(&arena, s ? &finished : &arena, &training, choice->tried, choice->folds);
    gsize each = linear_fits_measure(&training, fitted, &arena), available = memory_available();
    MemoryNeed need = {.memory = arena_bytes(&arena) +
                                 copies * training.set->features * training.classes * sizeof(float)};
    gsize left = available - MIN(need.memory, available), most = fitted * linear_problems(&training);
    *workers = each ? (guint)CLAMP(left / each, 1, MIN(threads, most)) : 0;
    need.memory += *workers * each;
    memory_add(&need, blas_memory(threads));
    memory_add(&need, memory_of_threads(threads));
    return need;
}

static gboolean check_memory(Linear *linear, GError **error)
{
    guint n = linear->training.n, largest = 0;
    for (guint k = 0; k < linear->training.classes; k++)
        largest = MAX(largest, linear->counts[k]);
    g_autofree char *what = g_strdup_printf("%s: training on %u %s", linear->options->images.cache, n,
                                            plural(n, "image", "images"));
    const MemoryPlan plan = {
        .what = what,
        .settings = {{"threads", linear->options->common.threads}, {"limit-per-class", largest}},
        .need = need_of,
        .user = linear};
    return memory_plan_check(&plan, error);
}

/* ---- Forms ---- */

static void tell(const Linear *linear, double seconds)
{
    const LinearTraining *t = &linear->training;
    if (linear->reduced)
        cli_remark("%zu features reduced, without loss, to %u in %.1f s", t->set->rows.width, t->n, seconds);
    else if (!t->workers)
        cli_remark("training on the rows of the cache, %s; one pass over them took %.2f s",
                   t->rows->block < t->n ? "block by block" : "all at once", seconds);
    if (t->workers)
        cli_remark("up to %u worker %s", t->workers, plural(t->workers, "process", "processes"));
}

gboolean linear_form_make(Linear *linear, ScalingKind scale, Part part, GError **error)
{
    LinearTraining *training = &linear->training;
    const TrainOptions *o = linear->options;
    Rows rows = cache_rows(linear->data->cache);
    const int *shape = linear->data->spec->shape;
    const TrainingSetForm form = {scale, part, linear->choice->bias, (guint)(shape[0] * shape[1]),
                                  linear->choice->solver->rotation ? o->network.averages : 1};
    linear_form_clear(linear);
    training->set = training_set_new(&rows, &form);
    linear->reduced = reduces(linear);
    if (!check_memory(linear, error))
        return FALSE;
    gint64 start = g_get_monotonic_time();
    training->thread_pool = thread_pool_new((guint)o->common.threads);
    training->rows = descent_rows_new(training->set, linear->reduced, training->thread_pool, error);
    if (!training->rows) {
        g_prefix_error(error, "%s: ", o->images.cache);
        return FALSE;
    }
    if (!part.folds)
        tell(linear, (double)(g_get_monotonic_time() - start) * 1e-6);
    return TRUE;
}

void linear_form_clear(Linear *linear)
{
    LinearTraining *training = &linear->training;
    g_clear_pointer(&training->rows, descent_rows_free);
    g_clear_pointer(&training->thread_pool, thread_pool_free);
    g_clear_pointer(&training->set, training_set_free);
}
