/* search: see search.h. */
#include "train/linear/search.h"

#include "common/cli/progress.h"
#include "common/core/rng.h"
#include "common/core/subprocess.h"
#include "common/model/calibration.h"
#include "common/plot/axes.h"
#include "train/linear/process_pool.h"

#include <math.h>
#include <string.h>

enum { COSTS = 10 };

void search_folds(const int *labels, guint n, guint classes, guint folds, guint64 seed, guint *out)
{
    g_autofree guint32 *items = g_new(guint32, n);
    guint dealt = 0;
    for (guint k = 0; k < classes; k++) {
        guint count = 0;
        for (guint i = 0; i < n; i++)
            if (labels[i] == (int)k)
                items[count++] = i;
        Rng rng = rng_new(seed, k);
        rng_shuffle(&rng, items, count);
        for (guint i = 0; i < count; i++)
            out[items[i]] = dealt++ % folds;
    }
}

typedef struct {
    const LinearTraining *training;
    const double *costs;
    guint n_costs, folds;
    guint *fold_of; /* (N) */
    /* Shared: */
    float *values;   /* (costs, N, vectors) decision values of each image, from the fit to the other folds */
    LinearFit *fits; /* (folds, problems, costs) */
} Job;

static gsize values_bytes(const LinearTraining *training, guint n_costs)
{
    return sizeof(float) * n_costs * training->n * linear_vectors(training);
}

/* One held-out decision value of row i at one cost, of the classes' vector v. present: (L) classes found in the
 * other folds. */
static void store_value(Job *job, guint i, guint v, guint cost, const gboolean *present, double value)
{
    guint vectors = linear_vectors(job->training);
    float *values = job->values + ((gsize)cost * job->training->n + i) * vectors;
    values[v] = present[v] ? (float)value : -INFINITY;
    /* With one vector for two classes: if class 1 is absent, predict class 0. */
    if (vectors == 1 && !present[1])
        values[0] = INFINITY;
}

static void store_fold(Job *job, guint fold, guint problem, guint cost, const gboolean *present,
                       const double *w)
{
    const LinearTraining *training = job->training;
    guint mine = linear_problem_vectors(training), width = linear_width(training);
    for (guint i = 0; i < training->n; i++)
        for (guint v = 0; v < mine && job->fold_of[i] == fold; v++)
            store_value(job, i, problem + v, cost, present,
                        w ? linear_value(training, i, w + (gsize)v * width) : 0);
}

static void search_task(guint task, gpointer data)
{
    Job *job = data;
    const LinearTraining *training = job->training;
    guint problems = linear_problems(training), fold = task / problems, problem = task % problems, n = 0;
    g_autofree guint *index = g_new(guint, training->n);
    g_autofree gboolean *present = g_new0(gboolean, training->classes);
    for (guint i = 0; i < training->n; i++)
        if (job->fold_of[i] != fold) {
            index[n++] = i;
            present[training->labels[i]] = TRUE;
        }
    g_autoptr(LinearState) state = linear_state_new(training, n);
    for (guint c = 0; c < job->n_costs; c++) {
        LinearFit *fit = &job->fits[(gsize)task * job->n_costs + c];
        gboolean fitted = linear_fit(training, problem, job->costs[c], index, n, state, fit);
        store_fold(job, fold, problem, c, present, fitted ? state->w : NULL);
    }
}

/* ---- On a stream: the problems of all folds go over the rows together, one cost after another ---- */

/* (folds, L) classes found outside each fold. */
static gboolean *classes_outside(const Job *job)
{
    guint classes = job->training->classes;
    gboolean *present = g_new0(gboolean, job->folds * classes);
    for (guint i = 0; i < job->training->n; i++)
        for (guint f = 0; f < job->folds; f++)
            if (job->fold_of[i] != f)
                present[f * classes + (guint)job->training->labels[i]] = TRUE;
    return present;
}

static gboolean search_stream(Job *job, Progress *progress, GError **error)
{
    const LinearTraining *training = job->training;
    guint each = linear_problems(training), n = each * job->folds;
    g_autofree gboolean *present = classes_outside(job);
    g_autofree LinearFit *fits = g_new(LinearFit, n);
    g_autofree float *values = g_new(float, (gsize)training->n *n);
    g_autoptr(StreamFit) stream_fit = linear_stream_new(training, job->costs[0], job->folds, job->fold_of);
    for (guint c = 0; c < job->n_costs; c++) {
        linear_stream_set_cost(training, stream_fit, job->costs[c], job->folds);
        if (!stream_fit_run(stream_fit, fits, progress, error))
            return FALSE;
        stream_fit_values(stream_fit, values);
        for (guint p = 0; p < n; p++)
            job->fits[(gsize)p * job->n_costs + c] = fits[p];
        for (guint i = 0; i < training->n; i++)
            for (guint v = 0; v < each; v++) {
                guint fold = job->fold_of[i];
                store_value(job, i, v, c, present + fold * training->classes,
                            values[(gsize)i * n + fold * each + v]);
            }
    }
    return TRUE;
}

/* ---- What came out ---- */

static void accuracy_over_folds(const Job *job, guint cost, SearchPoint *point)
{
    const LinearTraining *training = job->training;
    guint vectors = linear_vectors(training);
    g_autofree guint *right = g_new0(guint, job->folds), *all = g_new0(guint, job->folds);
    for (guint i = 0; i < training->n; i++) {
        const float *values = job->values + ((gsize)cost * training->n + i) * vectors;
        all[job->fold_of[i]]++;
        right[job->fold_of[i]] += linear_class(training, values) == training->labels[i];
    }
    double sum = 0, squares = 0;
    for (guint f = 0; f < job->folds; f++)
        sum += (double)right[f] / all[f];
    point->accuracy = sum / job->folds;
    for (guint f = 0; f < job->folds; f++)
        squares += pow((double)right[f] / all[f] - point->accuracy, 2);
    point->deviation = sqrt(squares / job->folds);
}

/* (N, L) held-out decision values at one cost: of two classes, class 1's are the negative of class 0's. */
static float *held_out_values(const Job *job, guint cost)
{
    const LinearTraining *training = job->training;
    guint vectors = linear_vectors(training), classes = training->classes;
    float *z = g_new(float, (gsize)training->n *classes);
    for (guint i = 0; i < training->n; i++) {
        const float *values = job->values + ((gsize)cost * training->n + i) * vectors;
        for (guint k = 0; k < classes; k++)
            z[(gsize)i * classes + k] = k < vectors ? values[k] : -values[0];
    }
    return z;
}

/* Platt (1999) calibrates without a separate set of images: on the decision values of held-out folds. */
static double temperature(const Job *job, const float *values)
{
    const LinearTraining *training = job->training;
    guint classes = training->classes, n = 0;
    g_autofree float *z = g_new(float, (gsize)training->n *classes);
    g_autofree int *labels = g_new(int, training->n);
    for (guint i = 0; i < training->n && !training->solver->logistic; i++) {
        gboolean finite = TRUE; /* FALSE if the other folds lack a class */
        for (guint k = 0; k < classes; k++) {
            z[(gsize)n * classes + k] = values[(gsize)i * classes + k];
            finite &= isfinite(z[(gsize)n * classes + k]) != 0;
        }
        labels[n] = training->labels[i];
        n += finite;
    }
    return n ? calibration_fit(z, FALSE, labels, n, classes) : 0;
}

/* Fits per cost. */
static guint tasks_of(const LinearTraining *training, guint folds)
{
    return folds * linear_problems(training);
}

static Search *summarize(const Job *job)
{
    guint tasks = tasks_of(job->training, job->folds);
    Search *search = g_new0(Search, 1);
    search->n = job->n_costs;
    search->folds = job->folds;
    search->points = g_new0(SearchPoint, job->n_costs);
    for (guint c = 0; c < job->n_costs; c++) {
        SearchPoint *point = &search->points[c];
        point->cost = job->costs[c];
        accuracy_over_folds(job, c, point);
        for (guint t = 0; t < tasks; t++) {
            const LinearFit *fit = &job->fits[(gsize)t * job->n_costs + c];
            point->iterations += (double)fit->iterations / tasks;
            point->not_converged += fit->not_converged ? 1 : 0;
        }
        if (point->accuracy > search->points[search->best].accuracy + 1e-9) /* more than rounding error */
            search->best = c;
    }
    search->values = held_out_values(job, search->best);
    search->temperature = temperature(job, search->values);
    return search;
}

guint search_ticks(const LinearTraining *training, guint folds, guint n_costs)
{
    return tasks_of(training, folds) * (training->stream ? n_costs : 1);
}

Search *search_run(const LinearTraining *training, const double *costs, guint n, guint folds, guint64 seed,
                   Progress *progress, GError **error)
{
    g_return_val_if_fail(folds >= 2 && folds <= training->n, NULL);
    Search *search = NULL;
    guint tasks = tasks_of(training, folds);
    gsize fits = sizeof(LinearFit) * tasks * n, bytes = fits + values_bytes(training, n);
    g_autofree guint *fold_of = g_new(guint, training->n);
    search_folds(training->labels, training->n, training->classes, folds, seed, fold_of);
    guint8 *shared = subprocess_memory(bytes, error);
    if (!shared)
        return NULL;
    Job job = {training, costs, n, folds, fold_of, (float *)(shared + fits), (LinearFit *)shared};
    if (training->stream ? search_stream(&job, progress, error)
                         : process_pool_run(training->workers, tasks, search_task, &job, progress, error))
        search = summarize(&job);
    subprocess_memory_free(shared, bytes);
    return search;
}

void search_free(Search *search)
{
    if (!search)
        return;
    g_free(search->points);
    g_free(search->values);
    g_free(search);
}

double *search_costs(double reference, guint *n)
{
    double *costs = g_new(double, COSTS);
    int middle = (int)floor(log10(reference)) * 2;
    *n = COSTS;
    for (int i = 0; i < COSTS; i++) {
        int half = middle + i - COSTS / 2 + 2; /* half decades: 1, 3, 10, 30, … */
        int decade = half >= 0 ? half / 2 : (half - 1) / 2;
        g_autofree char *number = g_strdup_printf("%de%d", half - 2 * decade == 1 ? 3 : 1, decade);
        costs[i] = g_ascii_strtod(number, NULL); /* exactly the double written 3e-05: computed powers of
                                                    ten would round */
    }
    return costs;
}

char *search_table(const Search *search)
{
    GString *text = g_string_new("");
    guint not_converged = 0;
    g_string_append_printf(text, "%12s  %8s  %9s  %10s\n", "cost", "accuracy", "deviation", "iterations");
    for (guint i = 0; i < search->n; i++) {
        const SearchPoint *point = &search->points[i];
        not_converged += point->not_converged;
        g_string_append_printf(text, "%12g  %8.4f  %9.4f  %9.1f%s%s\n", point->cost, point->accuracy,
                               point->deviation, point->iterations, point->not_converged ? "!" : " ",
                               i == search->best ? "  <- best" : "");
    }
    if (not_converged)
        g_string_append(text, "! some fits at these costs reached liblinear's iteration limit\n");
    return g_string_free(text, FALSE);
}

char *search_choice(const Search *search)
{
    const SearchPoint *best = &search->points[search->best];
    GString *text = g_string_new("");
    g_string_append_printf(text, "Cost %g: accuracy %.4f ± %.4f over %u folds%s", best->cost, best->accuracy,
                           best->deviation, search->folds, search->n > 1 ? ", the highest" : "");
    guint equal = 0;
    for (guint i = 0; i < search->n; i++)
        equal += fabs(search->points[i].accuracy - best->accuracy) < 1e-9;
    g_string_append(text, equal > 1
                              ? "; of equal accuracies, the smallest cost, which gives the simplest model.\n"
                              : ".\n");
    if (search->n > 1 && (search->best == 0 || search->best == search->n - 1))
        g_string_append_printf(text, "It is the %s cost tried; --costs with %s values may do better.\n",
                               search->best ? "largest" : "smallest", search->best ? "larger" : "smaller");
    return g_string_free(text, FALSE);
}

char *search_csv(const Search *search)
{
    GString *text = g_string_new("cost,accuracy,deviation,iterations\n");
    for (guint i = 0; i < search->n; i++) {
        const SearchPoint *point = &search->points[i];
        g_string_append_printf(text, "%.9g,%.6f,%.6f,%.1f\n", point->cost, point->accuracy, point->deviation,
                               point->iterations);
    }
    return g_string_free(text, FALSE);
}

gboolean search_plot(const Search *search, const char *title, const char *path, GError **error)
{
    Canvas *canvas = canvas_new(path, 560, 360, error);
    if (!canvas)
        return FALSE;
    guint n = search->n;
    g_autofree double *cost = g_new(double, n), *mean = g_new(double, n), *low = g_new(double, n),
                      *high = g_new(double, n);
    double min = 1, max = 0;
    for (guint i = 0; i < n; i++) {
        const SearchPoint *point = &search->points[i];
        cost[i] = point->cost, mean[i] = point->accuracy;
        low[i] = MAX(0, point->accuracy - point->deviation),
        high[i] = MIN(1, point->accuracy + point->deviation);
        min = MIN(min, low[i]), max = MAX(max, high[i]);
    }
    const CanvasTheme *theme = canvas_theme(canvas);
    AxesOptions options = {.title = title,
                           .x_label = "cost C",
                           .y_label = "accuracy, cross-validated",
                           .x_from = cost[0],
                           .x_to = cost[n - 1],
                           .y_from = min,
                           .y_to = MAX(max, min + 0.01),
                           .x_log = TRUE,
                           .y_nice = TRUE,
                           .y_percent = TRUE};
    g_autofree char *band = g_strdup_printf("± 1 standard deviation over %u folds", search->folds);
    g_autofree char *chosen = g_strdup_printf("chosen: %g", cost[search->best]);
    Axes *axes = axes_new(canvas, 0, 0, 560, 360, &options);
    axes_band(axes, cost, low, high, n, theme->series[0], band);
    axes_line(axes, cost, mean, n, theme->series[0], FALSE, "mean accuracy");
    axes_discs(axes, cost, mean, n, 3, theme->series[0], NULL);
    axes_mark(axes, cost[search->best], theme->soft, chosen);
    axes_free(axes);
    return canvas_finish(canvas, error);
}
