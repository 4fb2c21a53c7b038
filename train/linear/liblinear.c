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

struct Liblinear {
    const LinearTraining *training;
    LinearProblem *problems;
    guint n_problems, vectors; /* of one problem: L if multi-class, else 1 */
    guint width;               /* of a row */
    struct feature_node *nodes;
    struct feature_node **rows; /* (N) among the nodes; each ends with index -1 */
    double *w;                  /* (problems, vectors, width) */
    gsize bytes;                /* of a problem's w */
    double cost;
    gboolean warm;     /* w is of a run before */
    Sandbox **workers; /* (n_workers) */
    guint n_workers;
    gint next;     /* problem; beyond the last one when a worker has failed */
    GError *error; /* of the first one that has */
    Progress *progress;
};

/* ---- Rows ---- */

/* Row i's nodes, its end among them, to out; returns how many. buffer: (width) */
static guint take_row(const DescentRows *rows, guint i, float *buffer, struct feature_node *out)
{
    const TrainingSet *set = rows->set;
    const double *reduced = rows->reduced ? rows->factor.matrix + (gsize)i * rows->n : NULL;
    guint count = 0, width = reduced ? i + 1 : descent_rows_weights(rows);
    if (!reduced)
        rows_get(&set->scaled, i, buffer);
    for (guint j = 0; j < width; j++) {
        double value = reduced ? reduced[j] : j < set->features ? buffer[j] : set->bias;
        out[count] = (struct feature_node){(int)j + 1, value};
        count += value != 0;
    }
    out[count] = (struct feature_node){-1, 0};
    return count + 1;
}

static void take_rows(Liblinear *liblinear)
{
    const DescentRows *rows = liblinear->training->rows;
    g_autofree float *buffer = g_new(float, rows->width);
    struct feature_node *next = liblinear->nodes;
    for (guint i = 0; i < rows->n; i++) {
        liblinear->rows[i] = next;
        next += take_row(rows, i, buffer, next);
    }
    g_assert((gsize)(next - liblinear->nodes) <= rows->nonzeros + rows->n);
}

Liblinear *liblinear_new(Arena *arena, const LinearTraining *training, LinearProblem *problems, guint n)
{
    const DescentRows *rows = training->rows;
    guint vectors = training->solver->multiclass ? training->classes : 1;
    guint width = descent_rows_weights(rows), workers = MIN(training->workers, n);
    Liblinear *liblinear = arena_new(arena, Liblinear, 1),
              outline = {.training = training,
                         .problems = problems,
                         .n_problems = n,
                         .vectors = vectors,
                         .width = width,
                         .nodes = arena_new(arena, struct feature_node, rows->nonzeros + rows->n),
                         .rows = arena_new(arena, struct feature_node *, rows->n),
                         .w = arena_new(arena, double, (gsize)n *vectors *width),
                         .bytes = (gsize)vectors * width * sizeof(double),
                         .workers = arena_new(arena, Sandbox *, workers),
                         .n_workers = workers};
    if (liblinear)
        *liblinear = outline;
    return liblinear;
}

/* Vectors over rows and features; a transposed copy of the rows for L1-regularised solvers; L values per row or feature for
 * Crammer & Singer. */
gsize liblinear_worker(const LinearTraining *training)
{
    const DescentRows *rows = training->rows;
    gsize values = 12 + (training->solver->multiclass ? 2 * training->classes : 0);
    return (rows->n + descent_rows_weights(rows)) * values * sizeof(double) +
           (training->solver->rotation ? 0 : rows->nonzeros * sizeof(struct feature_node));
}

/* ---- Problems ---- */

/* A worker gets this and, if it starts from there, w; it answers with its copy of the problem and w. */
typedef struct {
    guint problem;
    double cost;
} Request;

static LinearProblem *current; /* the print hook learns how it went */

/* The solvers report how they went only by printing: "optimization finished, #iter = 12" at the end of
 * coordinate descent, "iter 3 act …" at each of TRON's steps, "WARNING: reaching max number of
 * iterations". */
static void listen(const char *text)
{
    int iterations;
    const char *finished = strstr(text, "#iter = ");
    if ((finished && sscanf(finished, "#iter = %d", &iterations) == 1) ||
        sscanf(text, "iter %d", &iterations) == 1)
        current->iterations = iterations;
    if (strstr(text, "reaching max number of"))
        current->not_converged = TRUE;
}

/* Fills in the rows of a problem and its sides' numbers: classes, or 1 and -1. FALSE if only one side has rows. */
static gboolean pose(const Liblinear *liblinear, const LinearProblem *problem, struct problem *data)
{
    const LinearTraining *training = liblinear->training;
    gboolean several = FALSE;
    for (guint i = 0; i < training->n; i++) {
        if (!part_trains_on(problem->part, i))
            continue;
        int class = training->labels[i];
        data->x[data->l] = liblinear->rows[i];
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
    struct parameter parameter = {.solver_type = (int)solver_number(solver),
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
    return liblinear->w + (gsize)p * liblinear->vectors * liblinear->width;
}

static void solve(Liblinear *liblinear, guint p)
{
    const LinearTraining *training = liblinear->training;
    LinearProblem *problem = current = &liblinear->problems[p];
    guint width = liblinear->width;
    double *w = weights_of(liblinear, p);
    g_autofree struct feature_node **x = g_new(struct feature_node *, training->n);
    g_autofree double *y = g_new(double, training->n);
    struct problem data = {.n = (int)width, .x = x, .y = y, .bias = -1};
    problem->iterations = 0, problem->not_converged = FALSE;
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
    liblinear->warm = size > sizeof request;
    memcpy(w, bytes + sizeof request, size - sizeof request);
    solve(liblinear, request.problem);
    answer->size = sizeof *current + liblinear->bytes;
    answer->bytes = g_malloc(answer->size);
    memcpy(answer->bytes, current, sizeof *current);
    memcpy((guint8 *)answer->bytes + sizeof *current, w, liblinear->bytes);
    return TRUE;
}

static gboolean start_workers(Liblinear *liblinear, GError **error)
{
    SandboxWork work = {.serve = serve,
                        .data = liblinear,
                        .file = -1,
                        .request = sizeof(Request) + liblinear->bytes,
                        .memory = (gsize)1 << 46, /* no limit of its own */
                        .limit = G_MAXUINT};
    for (guint i = 0; i < liblinear->n_workers; i++)
        if (!(liblinear->workers[i] = sandbox_start(&work, error)))
            return FALSE;
    return TRUE;
}

gboolean liblinear_start(Liblinear *liblinear, GError **error)
{
    take_rows(liblinear);
    return open_library(error) && start_workers(liblinear, error);
}

void liblinear_stop(Liblinear *liblinear)
{
    for (guint i = 0; liblinear && i < liblinear->n_workers; i++)
        sandbox_free(liblinear->workers[i]);
    if (liblinear)
        g_clear_error(&liblinear->error);
}

static gboolean ask(Liblinear *liblinear, guint worker, guint p, GError **error)
{
    const Solver *solver = liblinear->training->solver;
    gboolean starts = liblinear->warm && solver->rotation && !solver->dual;
    Request request = {p, liblinear->cost};
    SandboxBytes head = {&request, sizeof request}, w = {weights_of(liblinear, p), liblinear->bytes},
                 none = {0}, answer = {0};
    gsize expected = sizeof(LinearProblem) + liblinear->bytes;
    if (!sandbox_ask(liblinear->workers[worker], head, starts ? w : none, expected, &answer, error))
        return FALSE;
    g_assert(answer.size == expected);
    memcpy(&liblinear->problems[p], answer.bytes, sizeof(LinearProblem));
    memcpy(w.bytes, (guint8 *)answer.bytes + sizeof(LinearProblem), liblinear->bytes);
    g_free(answer.bytes);
    return TRUE;
}

static void employ(guint worker, guint thread, gpointer data)
{
    Liblinear *liblinear = data;
    guint p;
    GError *problem = NULL;
    while ((p = (guint)g_atomic_int_add(&liblinear->next, 1)) < liblinear->n_problems) {
        if (ask(liblinear, worker, p, &problem)) {
            progress_tick(liblinear->progress, 1);
            continue;
        }
        g_atomic_int_set(&liblinear->next, (gint)liblinear->n_problems);
        if (!g_atomic_pointer_compare_and_exchange(&liblinear->error, NULL, problem))
            g_error_free(problem);
        return;
    }
}

gboolean liblinear_run(Liblinear *liblinear, double cost, Progress *progress, GError **error)
{
    liblinear->cost = cost;
    liblinear->progress = progress;
    liblinear->next = 0;
    thread_pool_run(liblinear->training->thread_pool, liblinear->n_workers, employ, liblinear);
    liblinear->warm = TRUE;
    if (!liblinear->error)
        return TRUE;
    return liblinear->error->code == SANDBOX_INTERRUPTED
               ? error_set(error, "interrupted")
               : error_set(error, "a worker process died (%s); try fewer --threads",
                           liblinear->error->message);
}

void liblinear_values(const Liblinear *liblinear, float *values)
{
    guint vectors = liblinear->vectors, all = liblinear->n_problems * vectors;
    for (guint i = 0; i < liblinear->training->n; i++)
        for (guint v = 0; v < all; v++) {
            const double *w = liblinear->w + (gsize)v * liblinear->width;
            double sum = 0;
            if (!part_tests(liblinear->problems[v / vectors].part, i))
                continue;
            for (const struct feature_node *x = liblinear->rows[i]; x->index != -1; x++)
                sum += w[x->index - 1] * x->value;
            values[(gsize)i * all + v] = (float)sum;
        }
}

const double *liblinear_weights(const Liblinear *liblinear)
{
    return liblinear->w;
}
