/* search: see search.h. */
#include "train/linear/search.h"

#include "common/core/error.h"
#include "common/core/rng.h"
#include "common/model/calibration.h"
#include "train/linear/accuracy_plot.h"
#include "train/linear/linear_fit.h"

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

/* The images of a group are in one fold: groups are dealt by the class of their first image. */
static gboolean deal(const LinearTraining *training, guint folds, guint64 seed, guint *fold_of,
                     GError **error)
{
    guint n = training->n, units = 0;
    g_autofree int *labels = g_new(int, n + 1);
    g_autofree guint *number = g_new0(guint, n + 1), *fold = g_new(guint, n + 1); /* of units */
    for (guint i = 0; i < n; i++)
        if (!training->units || training->units[i] == i) {
            labels[units] = training->labels[i];
            number[i] = units++;
        }
    if (units < folds)
        return error_set(
            error,
            "cross-validation in %u folds needs at least as many groups, and there are %u: use fewer "
            "--folds",
            folds, units);
    search_folds(labels, units, training->classes, folds, seed, fold);
    for (guint i = 0; i < n; i++)
        fold_of[i] = fold[number[training->units ? training->units[i] : i]];
    return TRUE;
}

/* ---- Fits ---- */

guint8 *search_parts(const Search *search, guint images, guint first, guint count)
{
    guint8 *parts = g_new(guint8, (gsize)count * images);
    for (guint p = 0; p < count; p++)
        for (guint i = 0; i < images; i++)
            parts[(gsize)p * images + i] = search->fold_of[i] != first + p;
    return parts;
}

/* out (N, L): decision values of the images of the fits' folds. Of two classes, class 1's are the negative of class 0's. */
static void take_held_out(const LinearFits *fits, const guint *fold_of, guint first, float *values,
                          float *out)
{
    const LinearTraining *training = fits->training;
    guint vectors = linear_vectors(training), classes = training->classes;
    linear_fits_values(fits, values);
    for (guint i = 0; i < training->n; i++) {
        if (fold_of[i] < first || fold_of[i] >= first + fits->n_parts)
            continue;
        const float *held = values + ((gsize)i * fits->n_parts + fold_of[i] - first) * vectors;
        for (guint k = 0; k < classes; k++)
            out[(gsize)i * classes + k] = k < vectors ? held[k] : -held[0];
    }
}

static void count_iterations(const Search *search, const LinearFits *fits, SearchPoint *point)
{
    double all = (double)search->folds * linear_problems(fits->training);
    for (guint p = 0; p < fits->n; p++) {
        point->iterations += fits->fits[p].iterations / all;
        point->not_converged += fits->fits[p].not_converged ? 1 : 0;
    }
}

/* Accuracy by values (N, L). */
static void measure(const Search *search, const LinearTraining *training, const float *values,
                    SearchPoint *point)
{
    guint folds = search->folds;
    g_autofree guint *right = g_new0(guint, folds), *all = g_new0(guint, folds);
    for (guint i = 0; i < training->n; i++) {
        guint fold = search->fold_of[i];
        all[fold]++;
        right[fold] += linear_class(training, values + (gsize)i * training->classes) == training->labels[i];
    }
    double sum = 0, squares = 0;
    for (guint f = 0; f < folds; f++)
        sum += (double)right[f] / all[f];
    point->accuracy = sum / folds;
    for (guint f = 0; f < folds; f++)
        squares += pow((double)right[f] / all[f] - point->accuracy, 2);
    point->deviation = sqrt(squares / folds);
}

guint search_finite(const float *values, const LinearTraining *training, float *z, int *labels, guint *units)
{
    guint classes = training->classes, n = 0;
    g_autofree guint *first = g_new(guint, training->n); /* row of each unit */
    for (guint i = 0; i < training->n; i++)
        first[i] = training->n;
    for (guint i = 0; i < training->n; i++) {
        gboolean finite = TRUE;
        for (guint k = 0; k < classes; k++) {
            z[(gsize)n * classes + k] = values[(gsize)i * classes + k];
            finite &= isfinite(z[(gsize)n * classes + k]) != 0;
        }
        if (!finite)
            continue;
        guint unit = training->units ? training->units[i] : i;
        first[unit] = MIN(first[unit], n);
        units[n] = first[unit];
        labels[n++] = training->labels[i];
    }
    return n;
}

/* The temperature of values (N, L), the held-out ones of every image; 0 where no row is finite. */
static double calibrate(const float *values, const LinearTraining *training)
{
    g_autofree float *z = g_new(float, (gsize)training->n * training->classes);
    g_autofree int *labels = g_new(int, training->n);
    g_autofree guint *units = g_new(guint, training->n);
    guint n = search_finite(values, training, z, labels, units);
    return n ? calibration_fit(z, FALSE, labels, n, training->classes) : 0;
}

guint64 search_ticks(const LinearTraining *training, guint folds, guint n_costs)
{
    return (guint64)n_costs * folds * linear_problems(training);
}

Search *search_new(const LinearTraining *training, const double *costs, guint n, guint folds, guint64 seed,
                   GError **error)
{
    g_return_val_if_fail(folds >= 2 && folds <= training->n, NULL);
    g_autoptr(Search) search = g_new0(Search, 1);
    *search = (Search){.n = n,
                       .folds = folds,
                       .points = g_new0(SearchPoint, n),
                       .fold_of = g_new(guint, training->n),
                       .held_out = g_new(float, (gsize)n * training->n * training->classes)};
    for (guint c = 0; c < n; c++)
        search->points[c].cost = costs[c];
    return deal(training, folds, seed, search->fold_of, error) ? g_steal_pointer(&search) : NULL;
}

/* Of all folds at one cost, and the held-out ones at each. */
gsize search_memory(guint images, guint classes, guint n, guint folds)
{
    return (gsize)images * classes * (folds + (n ? n : COSTS) + 1) * sizeof(float);
}

static float *held_out_at(const Search *search, const LinearTraining *training, guint cost)
{
    return search->held_out + (gsize)cost * training->n * training->classes;
}

gboolean search_fit(Search *search, const LinearTraining *training, guint first, guint count,
                    Progress *progress, GError **error)
{
    g_autofree guint8 *parts = search_parts(search, training->n, first, count);
    g_autofree float *values = g_new(float, (gsize)training->n *count *linear_vectors(training));
    g_autoptr(LinearFits) fits = linear_fits_new(training, parts, count, error);
    for (guint c = 0; fits && c < search->n; c++) {
        if (!linear_fits_run(fits, search->points[c].cost, progress, error))
            return FALSE;
        take_held_out(fits, search->fold_of, first, values, held_out_at(search, training, c));
        count_iterations(search, fits, &search->points[c]);
    }
    return fits != NULL;
}

/* Platt (1999) calibrates without a separate set of images: on the decision values of held-out folds. */
void search_finish(Search *search, const LinearTraining *training)
{
    for (guint c = 0; c < search->n; c++) {
        measure(search, training, held_out_at(search, training, c), &search->points[c]);
        if (search->points[c].accuracy > search->points[search->best].accuracy + 1e-9) /* rounding error */
            search->best = c;
    }
    search->values = g_memdup2(held_out_at(search, training, search->best),
                               (gsize)training->n * training->classes * sizeof *search->values);
    g_clear_pointer(&search->held_out, g_free);
    if (training->solver->loss != LOSS_LOGISTIC)
        search->temperature = calibrate(search->values, training);
}

void search_free(Search *search)
{
    if (!search)
        return;
    g_free(search->held_out);
    g_free(search->fold_of);
    g_free(search->points);
    g_free(search->values);
    g_free(search);
}

double *search_costs(double reference, guint *n)
{
    double *costs = g_new(double, COSTS);
    int middle = (int)floor(log10(reference * (1 + 1e-6))) * 2; /* a mean square of 1 is rounded */
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
    guint n = search->n;
    g_autofree AccuracyPoint *points = g_new(AccuracyPoint, n);
    for (guint i = 0; i < n; i++) {
        const SearchPoint *point = &search->points[i];
        points[i] = (AccuracyPoint){point->cost, point->accuracy, MAX(0, point->accuracy - point->deviation),
                                    MIN(1, point->accuracy + point->deviation)};
    }
    double best = search->points[search->best].cost;
    g_autofree char *band = g_strdup_printf("± 1 standard deviation over %u folds", search->folds);
    g_autofree char *chosen = g_strdup_printf("chosen: %g", best);
    AccuracyPlot plot = {.title = title,
                         .x_label = "cost C",
                         .y_label = "accuracy, cross-validated",
                         .line = "mean accuracy",
                         .band = band,
                         .mark = best,
                         .marked = chosen};
    return accuracy_plot(&plot, points, n, path, error);
}
