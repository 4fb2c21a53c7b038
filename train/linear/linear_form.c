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
#include "train/linear/linear_fit.h"

/* Above this number of images a Gram matrix costs more than the passes of a single fit: 7,495 images took 22 s with it
 * and 4 s without. A search over costs and folds pays for it many times. */
enum { CACHE_IMAGES = 4096 };

/* Whether to rows of the Gram factor. */
static gboolean reduces(const Linear *linear)
{
    const Solver *solver = linear->settings.solver;
    const TrainOptions *o = linear->options;
    guint n = linear->training.n;
    if (!o->reduce || !solver->rotation || n >= linear->training.set->features)
        return FALSE;
    gboolean once = !linear->settings.cross_validates && !o->learning_curve && n >= CACHE_IMAGES;
    return !solver_descends(solver) || (!once && gram_memory(n) < memory_available());
}

/* Whether descent.h solves it; else liblinear.h does: primal solvers' problems are solved by their duals only on the rows of
 * a cache. */
static gboolean descends(const Linear *linear, gboolean reduced)
{
    const Solver *solver = linear->settings.solver;
    return solver_descends(solver) && (solver->dual || (linear->options->reduce && !reduced));
}

/* ---- Memory ---- */

typedef struct {
    const Linear *linear;
    gboolean reduced, descends;
    gsize nonzeros; /* of the scaled rows and the bias; for liblinear's rows alone */
} Question;

static gsize count_nonzeros(const Linear *linear)
{
    const TrainingSet *set = linear->training.set;
    gsize count = (gsize)set->n * (1 + set->channels);
    guint nonzeros;
    if (set->scaling->kind == SCALE_STANDARD)
        return set->n * (1 + set->features);
    for (guint i = 0; i < set->n; i++) {
        cache_stored(linear->cache, i, &nonzeros);
        count += nonzeros;
    }
    return count;
}

/* As many workers as memory allows beside `taken` bytes. */
static guint workers_that_fit(gsize taken, gsize each, guint most)
{
    gsize available = memory_available();
    return (guint)CLAMP((available - MIN(taken, available)) / each, 1, (gsize)most);
}

/* For n of the images. `taken`: beside what the solver takes. workers: of liblinear. */
static gsize solver_bytes(const Question *question, guint n, guint threads, gsize taken, guint *workers)
{
    const Linear *linear = question->linear;
    DescentRows rows = descent_rows_plan(linear->training.set, question->reduced, n);
    LinearTraining training = linear->training;
    guint parts = linear->settings.cross_validates ? linear->settings.folds : 1;
    if (linear->options->learning_curve)
        parts = MAX(parts, LEARNING_DRAWS);
    guint problems = parts * linear_problems(&training);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    training.thread_pool = thread_pool;
    training.rows = &rows;
    *workers = 0;
    if (question->descends)
        return descent_memory(&training, problems);
    gsize share = (gsize)((double)question->nonzeros * n / linear->training.n), each;
    gsize bytes =
        liblinear_memory(&training, problems, question->reduced ? (gsize)n * (n + 1) / 2 : share, &each);
    *workers = workers_that_fit(taken + bytes, each, MIN(threads, problems));
    return bytes + *workers * each;
}

/* With so many threads, and so many images of each class at most. */
static MemoryNeed need_of(const gint64 *values, char **parts, gpointer user)
{
    const Question *question = user;
    const Linear *linear = question->linear;
    const LinearTraining *training = &linear->training;
    guint threads = (guint)values[0], n = 0, workers, copies = 3; /* of the model: solver's, ours, saved */
    for (guint k = 0; k < training->classes; k++)
        n += MIN(linear->counts[k], (guint)values[1]);
    MemoryNeed need = {.memory = copies * training->set->features * training->classes * sizeof(float)};
    need.memory += question->reduced ? gram_memory(n) : 0;
    if (linear->settings.cross_validates)
        need.memory += search_memory(n, training->classes, linear->settings.n_costs, linear->settings.folds);
    need.memory += solver_bytes(question, n, threads, need.memory, &workers);
    memory_add(&need, blas_memory(threads));
    memory_add(&need, memory_of_threads(threads));
    return need;
}

static gboolean check_memory(const Question *question, GError **error)
{
    const Linear *linear = question->linear;
    guint n = linear->training.n, largest = 0;
    for (guint k = 0; k < linear->training.classes; k++)
        largest = MAX(largest, linear->counts[k]);
    g_autofree char *what =
        g_strdup_printf("%s: training on %u %s", linear->options->cache, n, plural(n, "image", "images"));
    const MemoryPlan plan = {
        .what = what,
        .settings = {{"threads", linear->options->common.threads}, {"limit-per-class", largest}},
        .need = need_of,
        .user = (gpointer)question};
    return memory_plan_check(&plan, error);
}

/* ---- Forms ---- */

static void tell(const Question *question, double seconds)
{
    const Linear *linear = question->linear;
    const LinearTraining *t = &linear->training;
    if (question->reduced)
        cli_remark("%zu features reduced, without loss, to %u in %.1f s", linear->features, t->n, seconds);
    else if (question->descends)
        cli_remark("training on the rows of the cache, %s; one pass over them took %.2f s",
                   t->rows->block < t->n ? "block by block" : "all at once", seconds);
    if (!question->descends)
        cli_remark("up to %u worker %s", t->workers, plural(t->workers, "process", "processes"));
}

gboolean linear_form_make(Linear *linear, ScalingKind scale, const guint8 *part, GError **error)
{
    LinearTraining *training = &linear->training;
    const TrainOptions *o = linear->options;
    Rows rows = cache_rows(linear->cache);
    const int *shape = linear->data->spec->shape;
    const TrainingSetForm form = {scale, part, o->bias, (guint)(shape[0] * shape[1]),
                                  linear->settings.solver->rotation ? o->averages : 1};
    linear_form_clear(linear);
    training->set = training_set_new(&rows, training->labels, training->classes, &form);
    Question question = {.linear = linear, .reduced = reduces(linear)};
    question.descends = descends(linear, question.reduced);
    if (!question.descends && !question.reduced)
        question.nonzeros = count_nonzeros(linear);
    if (!check_memory(&question, error))
        return FALSE;
    gint64 start = g_get_monotonic_time();
    training->thread_pool = thread_pool_new((guint)o->common.threads);
    training->rows = descent_rows_new(training->set, question.reduced, training->thread_pool, error);
    if (!training->rows) {
        g_prefix_error(error, "%s: ", o->cache);
        return FALSE;
    }
    solver_bytes(&question, training->n, (guint)o->common.threads, 0, &training->workers);
    if (!part)
        tell(&question, (double)(g_get_monotonic_time() - start) * 1e-6);
    return TRUE;
}

void linear_form_clear(Linear *linear)
{
    LinearTraining *training = &linear->training;
    g_clear_pointer(&training->rows, descent_rows_free);
    g_clear_pointer(&training->thread_pool, thread_pool_free);
    g_clear_pointer(&training->set, training_set_free);
}
