/* liblinear: see liblinear.h. */
#include "train/linear/liblinear.h"

#include "common/arithmetic/blas.h"
#include "common/core/error.h"
#include "common/core/sandbox.h"

#include <linear.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The library ---- */

/* Opened, not linked, as it is linked with a BLAS, on Debian usually OpenBLAS, which blas.c alone may load. */
static struct {
    __typeof__(train) *train;
    __typeof__(set_print_string_function) *set_print_string_function;
    __typeof__(free_and_destroy_model) *free_and_destroy_model;
} library;

static gboolean open_library(GError **error)
{
    static const LibraryFunction functions[] = {
        LIBRARY_FUNCTION(library, train),
        LIBRARY_FUNCTION(library, set_print_string_function),
        LIBRARY_FUNCTION(library, free_and_destroy_model),
    };
    blas();
    return library.train || library_open(LIBLINEAR, functions, G_N_ELEMENTS(functions), error);
}

/* ---- Rows ---- */

struct LinearRows {
    guint count, width;
    struct feature_node *nodes, *end;
    struct feature_node **rows; /* each ends with index -1 */
};

gsize linear_rows_bytes(gsize nonzeros, guint rows)
{
    return (nonzeros + rows) * sizeof(struct feature_node) + rows * sizeof(struct feature_node *);
}

static LinearRows *rows_new(guint count, guint width, gsize nonzeros)
{
    g_autoptr(LinearRows) rows = g_new0(LinearRows, 1);
    rows->width = width;
    rows->nodes = rows->end = g_try_new(struct feature_node, nonzeros + count);
    rows->rows = g_new(struct feature_node *, count);
    return rows->nodes ? g_steal_pointer(&rows) : NULL;
}

void linear_rows_free(LinearRows *rows)
{
    if (!rows)
        return;
    g_free(rows->rows);
    g_free(rows->nodes);
    g_free(rows);
}

static void add_value(LinearRows *rows, gsize place, double value)
{
    if (value != 0)
        *rows->end++ = (struct feature_node){(int)place + 1, value};
}

static void end_row(LinearRows *rows)
{
    *rows->end++ = (struct feature_node){-1, 0};
}

LinearRows *linear_rows_of_factor(const GramFactor *factor)
{
    guint n = factor->n;
    LinearRows *rows = rows_new(n, n, (gsize)n * (n + 1) / 2);
    for (guint i = 0; rows && i < n; i++) {
        rows->rows[rows->count++] = rows->end;
        for (guint j = 0; j <= i; j++)
            add_value(rows, j, factor->factor[(gsize)i * n + j]);
        end_row(rows);
    }
    return rows;
}

LinearRows *linear_rows_of_set(const TrainingSet *set, gsize nonzeros)
{
    g_autofree float *row = g_new(float, set->features);
    LinearRows *rows = rows_new(set->n, (guint)set->features + 1, nonzeros);
    for (guint i = 0; rows && i < set->n; i++) {
        training_set_take(set, i, 0, set->features, row);
        rows->rows[rows->count++] = rows->end;
        for (gsize j = 0; j < set->features; j++)
            add_value(rows, j, row[j]);
        add_value(rows, set->features, MAX(set->bias, 0));
        end_row(rows);
    }
    return rows;
}

gsize linear_rows_count(const TrainingSet *set)
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

double linear_rows_mean_square(const LinearRows *rows)
{
    double sum = 0;
    for (const struct feature_node *x = rows->nodes; x < rows->end; x++)
        sum += x->index == -1 ? 0 : x->value * x->value;
    return sum / rows->count;
}

/* ---- Problems ---- */

struct Liblinear {
    const LinearTraining *training;
    LinearProblem *problems;
    guint n_problems, vectors; /* of one problem: L if multi-class, else 1 */
    double cost;
    gboolean warm; /* w is of a run before */
    gsize bytes;   /* of a problem's w */
    double *w;     /* (problems, vectors, width) */
    LinearFit *fits;
    Sandbox **workers; /* (n_workers) */
    guint n_workers;
    gint next;       /* problem; beyond the last one when a worker has failed */
    GError **errors; /* (n_workers) */
    Progress *progress;
};

/* A worker gets this and, to start from, w; it answers with a LinearFit and w. */
typedef struct {
    guint problem;
    gboolean start;
    double cost;
} Request;

/* Vectors over n rows and features; a transposed copy of the rows for L1-regularised solvers; L values per row or feature
 * for Crammer & Singer. */
gsize liblinear_worker_bytes(const Solver *solver, gsize n, gsize width, guint classes, gsize bytes)
{
    gsize values = 12 + (solver->multiclass ? 2 * classes : 0);
    return (n + width) * values * sizeof(double) + (solver->rotation ? 0 : bytes);
}

static LinearFit current; /* what the print hook has learnt about the current fit */

/* The solvers report how they went only by printing: "optimization finished, #iter = 12" at the end of
 * coordinate descent, "iter 3 act …" at each of TRON's steps, "WARNING: reaching max number of
 * iterations". */
static void listen(const char *text)
{
    int iterations;
    const char *finished = strstr(text, "#iter = ");
    if ((finished && sscanf(finished, "#iter = %d", &iterations) == 1) ||
        sscanf(text, "iter %d", &iterations) == 1)
        current.iterations = iterations;
    if (strstr(text, "reaching max number of"))
        current.not_converged = TRUE;
}

/* Fills in the rows of a problem and its sides' numbers: classes, or 1 and -1. FALSE if only one side has rows. */
static gboolean pose(const Liblinear *liblinear, const LinearProblem *problem, struct problem *data)
{
    const LinearTraining *training = liblinear->training;
    gboolean several = FALSE;
    for (guint i = 0; i < training->n; i++) {
        if (!linear_trains_on(problem, i))
            continue;
        int class = training->labels[i];
        data->x[data->l] = training->rows->rows[i];
        data->y[data->l] = training->solver->multiclass ? class : class == problem->class ? 1 : -1;
        several |= data->y[data->l] != data->y[0];
        data->l++;
    }
    return several;
}

static struct model *fit(const Liblinear *liblinear, const LinearProblem *problem, struct problem *data,
                         double *w)
{
    const LinearTraining *training = liblinear->training;
    const Solver *solver = training->solver;
    guint sides = solver->multiclass ? training->classes : 2;
    g_autofree int *label = g_new(int, sides);
    g_autofree double *weight = g_new(double, sides);
    for (guint s = 0; s < sides; s++) {
        label[s] = solver->multiclass ? (int)s : 1 - 2 * (int)s;
        weight[s] = liblinear->cost * training->class_weights[s];
    }
    if (!solver->multiclass)
        linear_costs(training, problem->class, liblinear->cost, &weight[0], &weight[1]);
    struct parameter parameter = {.solver_type = (int)solver->kind,
                                  .eps = training->tolerance,
                                  .C = 1,
                                  .nr_weight = (int)sides,
                                  .weight_label = label,
                                  .weight = weight,
                                  .p = 0.1,
                                  .init_sol = liblinear->warm ? w : NULL};
    srand(training->seed);
    return library.train(data, &parameter);
}

static double *weights_of(const Liblinear *liblinear, guint p)
{
    return liblinear->w + (gsize)p * liblinear->vectors * liblinear->training->rows->width;
}

static void solve(Liblinear *liblinear, guint p)
{
    const LinearTraining *training = liblinear->training;
    const LinearProblem *problem = &liblinear->problems[p];
    guint width = training->rows->width;
    double *w = weights_of(liblinear, p);
    g_autofree struct feature_node **x = g_new(struct feature_node *, training->n);
    g_autofree double *y = g_new(double, training->n);
    struct problem data = {.n = (int)width, .x = x, .y = y, .bias = -1};
    current = (LinearFit){0};
    library.set_print_string_function(listen);
    if (!pose(liblinear, problem, &data))
        return;
    struct model *model = fit(liblinear, problem, &data, w);
    guint columns = training->solver->multiclass ? (guint)model->nr_class : 1;
    /* Of two sides liblinear puts +1 first, whatever the order of the rows. */
    g_assert(columns > 1 || model->label[0] == 1);
    for (guint c = 0; c < columns; c++)
        for (guint j = 0; j < width; j++)
            w[(columns > 1 ? (gsize)model->label[c] : 0) * width + j] = model->w[(gsize)j * columns + c];
    library.free_and_destroy_model(&model);
}

/* ---- Workers ---- */

/* In a worker, on its copy of everything. */
static gboolean serve(gpointer data, const guint8 *bytes, gsize size, SandboxBytes *answer, GError **error)
{
    Liblinear *liblinear = data;
    Request request;
    memcpy(&request, bytes, sizeof request);
    double *w = weights_of(liblinear, request.problem);
    liblinear->cost = request.cost;
    liblinear->warm = request.start;
    if (request.start)
        memcpy(w, bytes + sizeof request, liblinear->bytes);
    solve(liblinear, request.problem);
    answer->size = sizeof current + liblinear->bytes;
    answer->bytes = g_malloc(answer->size);
    memcpy(answer->bytes, &current, sizeof current);
    memcpy((guint8 *)answer->bytes + sizeof current, w, liblinear->bytes);
    return TRUE;
}

static gboolean start_workers(Liblinear *liblinear, GError **error)
{
    const gsize memory = (gsize)1 << 46; /* no limit of its own */
    SandboxWork work = {.serve = serve,
                        .data = liblinear,
                        .file = -1,
                        .request = sizeof(Request) + liblinear->bytes,
                        .memory = memory,
                        .limit = G_MAXUINT};
    for (guint i = 0; i < liblinear->n_workers; i++)
        if (!(liblinear->workers[i] = sandbox_start(&work, error)))
            return FALSE;
    return TRUE;
}

Liblinear *liblinear_new(const LinearTraining *training, const LinearProblem *problems, guint n_problems,
                         GError **error)
{
    g_autoptr(Liblinear) liblinear = g_new(Liblinear, 1);
    guint vectors = training->solver->multiclass ? training->classes : 1;
    gsize count = (gsize)vectors * training->rows->width;
    *liblinear = (Liblinear){.training = training,
                             .problems = g_memdup2(problems, n_problems * sizeof *problems),
                             .n_problems = n_problems,
                             .vectors = vectors,
                             .bytes = count * sizeof(double),
                             .w = g_new0(double, n_problems *count),
                             .fits = g_new0(LinearFit, n_problems),
                             .n_workers = MIN(training->workers, n_problems)};
    liblinear->workers = g_new0(Sandbox *, liblinear->n_workers);
    liblinear->errors = g_new0(GError *, liblinear->n_workers);
    return open_library(error) && start_workers(liblinear, error) ? g_steal_pointer(&liblinear) : NULL;
}

void liblinear_free(Liblinear *liblinear)
{
    if (!liblinear)
        return;
    for (guint i = 0; i < liblinear->n_workers; i++) {
        sandbox_free(liblinear->workers[i]);
        g_clear_error(&liblinear->errors[i]);
    }
    g_free(liblinear->workers);
    g_free(liblinear->errors);
    g_free(liblinear->fits);
    g_free(liblinear->w);
    g_free(liblinear->problems);
    g_free(liblinear);
}

static gboolean ask(Liblinear *liblinear, guint worker, guint p, GError **error)
{
    const Solver *solver = liblinear->training->solver;
    Request request = {p, liblinear->warm && solver->rotation && !solver->dual, liblinear->cost};
    SandboxBytes head = {&request, sizeof request}, w = {weights_of(liblinear, p), liblinear->bytes},
                 none = {0};
    SandboxBytes answer = {0};
    gsize expected = sizeof(LinearFit) + liblinear->bytes;
    if (!sandbox_ask(liblinear->workers[worker], head, request.start ? w : none, expected, &answer, error))
        return FALSE;
    g_assert(answer.size == expected);
    memcpy(&liblinear->fits[p], answer.bytes, sizeof(LinearFit));
    memcpy(w.bytes, (guint8 *)answer.bytes + sizeof(LinearFit), liblinear->bytes);
    g_free(answer.bytes);
    return TRUE;
}

static void employ(guint worker, guint thread, gpointer data)
{
    Liblinear *liblinear = data;
    guint p;
    while ((p = (guint)g_atomic_int_add(&liblinear->next, 1)) < liblinear->n_problems)
        if (ask(liblinear, worker, p, &liblinear->errors[worker]))
            progress_tick(liblinear->progress, 1);
        else
            g_atomic_int_set(&liblinear->next, (gint)liblinear->n_problems);
}

gboolean liblinear_run(Liblinear *liblinear, double cost, LinearFit *fits, Progress *progress, GError **error)
{
    liblinear->cost = cost;
    liblinear->progress = progress;
    liblinear->next = 0;
    thread_pool_run(liblinear->training->thread_pool, liblinear->n_workers, employ, liblinear);
    for (guint i = 0; i < liblinear->n_workers; i++) {
        const GError *problem = liblinear->errors[i];
        if (problem && problem->code == SANDBOX_INTERRUPTED)
            return error_set(error, "interrupted");
        if (problem)
            return error_set(error, "a worker process died (%s); try fewer --threads", problem->message);
    }
    liblinear->warm = TRUE;
    memcpy(fits, liblinear->fits, liblinear->n_problems * sizeof *fits);
    return TRUE;
}

void liblinear_values(const Liblinear *liblinear, float *values)
{
    const LinearRows *rows = liblinear->training->rows;
    guint vectors = liblinear->vectors, all = liblinear->n_problems * vectors;
    for (guint i = 0; i < liblinear->training->n; i++)
        for (guint v = 0; v < all; v++) {
            const double *w = liblinear->w + (gsize)v * rows->width;
            double sum = 0;
            if (!linear_wants(&liblinear->problems[v / vectors], i))
                continue;
            for (const struct feature_node *x = rows->rows[i]; x->index != -1; x++)
                sum += w[x->index - 1] * x->value;
            values[(gsize)i * all + v] = (float)sum;
        }
}

const double *liblinear_weights(const Liblinear *liblinear, guint *width)
{
    *width = liblinear->training->rows->width;
    return liblinear->w;
}
