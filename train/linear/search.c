/* search: see search.h. */
#include "train/linear/search.h"

#include "common/core/error.h"
#include "common/model/calibration.h"
#include "train/linear/accuracy_plot.h"
#include "train/linear/linear_fit.h"

#include <math.h>
#include <string.h>

guint search_shuffle(const LinearTraining *training, guint class, Rng rng, guint32 *items)
{
    guint count = 0;
    for (guint i = 0; i < training->n; i++)
        if (training->labels[i] == (int)class && linear_unit(training, i) == i)
            items[count++] = i;
    rng_shuffle(&rng, items, count);
    return count;
}

guint search_folds(const LinearTraining *training, guint folds, guint64 seed, guint *fold)
{
    guint n = training->n, dealt = 0;
    g_autofree guint32 *items = g_new(guint32, n);
    for (guint k = 0; k < training->classes; k++) {
        guint count = search_shuffle(training, k, rng_new(seed, k), items);
        for (guint i = 0; i < count; i++)
            fold[items[i]] = dealt++ % folds;
    }
    for (guint i = 0; i < n; i++)
        fold[i] = fold[linear_unit(training, i)];
    return dealt;
}

/* ---- Fits ---- */

static void count_iterations(const Search *search, const LinearFits *fits, SearchPoint *point)
{
    double all = (double)search->folds * linear_problems(fits->training);
    for (guint p = 0; p < fits->n; p++) {
        point->iterations += fits->problems[p].iterations / all;
        point->not_converged += fits->problems[p].not_converged ? 1 : 0;
    }
}

/* accuracy: (folds) */
static void summarize(const Search *search, const double *accuracy, SearchPoint *point)
{
    double squares = 0;
    for (guint f = 0; f < search->folds; f++)
        point->accuracy += accuracy[f];
    point->accuracy /= search->folds;
    for (guint f = 0; f < search->folds; f++)
        squares += pow(accuracy[f] - point->accuracy, 2);
    point->deviation = sqrt(squares / search->folds);
}

Search search_outline(Arena *arena, Arena *decisions, const LinearTraining *training, guint n, guint folds)
{
    guint images = training->n;
    gsize values = (gsize)images * training->classes;
    return (Search){.training = training,
                    .n = n,
                    .folds = folds,
                    .held_out = arena_floats(decisions, n * values),
                    .points = arena_new(arena, SearchPoint, n),
                    .accuracy = arena_new(arena, double, (gsize)n *folds),
                    .fold = arena_new(arena, guint, images),
                    .images = arena_new(arena, guint, images),
                    .values = arena_floats(arena, values),
                    .labels = arena_new(arena, int, images),
                    .units = arena_new(arena, guint, images)};
}

Search *search_new(const LinearTraining *training, const double *costs, guint n, guint folds, guint64 seed,
                   GError **error)
{
    g_return_val_if_fail(folds >= 2 && folds <= training->n, NULL);
    g_auto(Arena) arena = {0}, decisions = {0};
    search_outline(&arena, &decisions, training, n, folds);
    if (!arena_try_take(&arena) || !arena_try_take(&decisions))
        return error_null(error, "not enough memory for the decision values of %u images", training->n);
    g_autoptr(Search) search = g_new(Search, 1);
    *search = search_outline(&arena, &decisions, training, n, folds);
    search->arena = arena;
    search->decisions = decisions;
    arena = decisions = (Arena){0};
    for (guint c = 0; c < n; c++)
        search->points[c].cost = costs[c];
    guint units = search_folds(training, folds, seed, search->fold);
    if (units < folds)
        return error_null(error,
                          "cross-validation in %u folds needs at least as many groups, and there are %u: use "
                          "fewer --folds",
                          folds, units);
    return g_steal_pointer(&search);
}

static float *held_out_at(const Search *search, guint cost)
{
    return search->held_out + (gsize)cost * search->training->n * search->training->classes;
}

gboolean search_fit(Search *search, guint first, guint count, Progress *progress, GError **error)
{
    g_autofree Part *parts = g_new(Part, count);
    for (guint f = 0; f < count; f++)
        parts[f] = (Part){search->fold, first + f};
    g_autoptr(LinearFits) fits = linear_fits_new(search->training, parts, count, error);
    for (guint c = 0; fits && c < search->n; c++) {
        if (!linear_fits_run(fits, search->points[c].cost, progress, error))
            return FALSE;
        linear_fits_test(fits, held_out_at(search, c), search->accuracy + (gsize)c * search->folds + first);
        count_iterations(search, fits, &search->points[c]);
    }
    return fits != NULL;
}

/* Those values at the best cost that are finite, as they are not where the other folds lack a class. */
static void keep_held_out(Search *search)
{
    const LinearTraining *training = search->training;
    guint n = training->n, classes = training->classes;
    const float *row = held_out_at(search, search->best);
    g_autofree guint *first = g_new0(guint, n); /* row of each unit, plus 1 */
    gboolean grouped = FALSE;
    for (guint i = 0; i < n; i++, row += classes) {
        if (floats_finite(row, classes) < classes)
            continue;
        guint held = search->n_held++, *unit = &first[linear_unit(training, i)];
        *unit = *unit ? *unit : held + 1;
        grouped |= *unit != held + 1;
        search->images[held] = i;
        search->labels[held] = training->labels[i];
        search->units[held] = *unit - 1;
        memcpy(search->values + (gsize)held * classes, row, classes * sizeof *row);
    }
    if (!grouped)
        search->units = NULL;
}

/* Platt (1999) calibrates without a separate set of images: on the decision values of held-out folds. */
void search_finish(Search *search)
{
    const LinearTraining *training = search->training;
    for (guint c = 0; c < search->n; c++) {
        summarize(search, search->accuracy + (gsize)c * search->folds, &search->points[c]);
        if (search->points[c].accuracy > search_best(search)->accuracy + 1e-9) /* rounding error */
            search->best = c;
    }
    keep_held_out(search);
    arena_clear(&search->decisions);
    search->held_out = NULL;
    if (training->solver->loss != LOSS_LOGISTIC && search->n_held)
        search->temperature =
            calibration_fit(search->values, FALSE, search->labels, search->n_held, training->classes);
}

const SearchPoint *search_unsearched(const Search *search)
{
    const SearchPoint *nearest = search->points;
    for (const SearchPoint *p = nearest; p < search->points + search->n; p++)
        if (fabs(log(p->cost / search->reference)) < fabs(log(nearest->cost / search->reference)))
            nearest = p;
    return nearest;
}

void search_free(Search *search)
{
    if (!search)
        return;
    arena_clear(&search->arena);
    arena_clear(&search->decisions);
    g_free(search);
}

void search_costs(double reference, double costs[SEARCH_COSTS])
{
    int middle = (int)floor(log10(reference * (1 + 1e-6))) * 2; /* a mean square of 1 is rounded */
    for (int i = 0; i < SEARCH_COSTS; i++) {
        int half = middle + i - SEARCH_COSTS / 2 + 2; /* half decades: 1, 3, 10, 30, … */
        int decade = half >= 0 ? half / 2 : (half - 1) / 2;
        g_autofree char *number = g_strdup_printf("%de%d", half - 2 * decade == 1 ? 3 : 1, decade);
        costs[i] = g_ascii_strtod(number, NULL); /* exactly the double written 3e-05: computed powers of
                                                    ten would round */
    }
}

static void append_table(GString *text, const Search *search)
{
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
}

char *search_text(const Search *search)
{
    const SearchPoint *best = search_best(search);
    GString *text = g_string_new("");
    append_table(text, search);
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
    g_autofree AxesPoint *points = g_new(AxesPoint, n);
    for (guint i = 0; i < n; i++) {
        const SearchPoint *point = &search->points[i];
        points[i] = (AxesPoint){point->cost, point->accuracy, MAX(0, point->accuracy - point->deviation),
                                MIN(1, point->accuracy + point->deviation)};
    }
    double best = search_best(search)->cost;
    g_autofree char *band = g_strdup_printf("± 1 standard deviation over %u folds", search->folds);
    g_autofree char *chosen = g_strdup_printf("chosen: %g", best);
    AccuracyPlot plot = {.title = title,
                         .x_label = "cost C",
                         .y_label = "accuracy, cross-validated",
                         .line = "mean accuracy",
                         .band = band,
                         .mark = best,
                         .marked = chosen,
                         .points = points,
                         .n = n};
    return accuracy_plot_write(&plot, path, error);
}
