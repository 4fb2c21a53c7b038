/* linear_fit: see linear_fit.h. */
#include "train/linear/linear_fit.h"

#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/network/scores.h"
#include "train/linear/descent.h"
#include "train/linear/liblinear.h"

#include <math.h>
#include <string.h>

guint linear_problems(const LinearTraining *training)
{
    return training->solver->multiclass || training->classes == 2 ? 1 : training->classes;
}

/* Vectors of weights that the solvers give: L, or 1 for two classes. */
static guint vectors_of(const LinearTraining *training)
{
    return training->solver->multiclass ? training->classes : linear_problems(training);
}

static LinearFits outline(Arena *arena, const LinearTraining *training, const Part *parts, guint n_parts)
{
    guint each = linear_problems(training), n = each * n_parts;
    LinearFits fits = {.training = training,
                       .n_parts = n_parts,
                       .n = n,
                       .problems = arena_new(arena, LinearProblem, n),
                       .values = arena_floats(arena, (gsize)training->n * n_parts * training->classes)};
    for (guint p = 0; fits.problems && p < n; p++) {
        fits.problems[p].class = (int)(p % each);
        fits.problems[p].part = parts ? parts[p / each] : (Part){0};
    }
    if (training->workers)
        fits.liblinear = liblinear_new(arena, training, fits.problems, n);
    else
        fits.descent = descent_new(arena, training, fits.problems, n);
    return fits;
}

gsize linear_fits_measure(const LinearTraining *training, guint n_parts, Arena *arena)
{
    outline(arena, training, NULL, n_parts);
    return training->workers ? liblinear_worker(training) : 0;
}

LinearFits *linear_fits_new(const LinearTraining *training, const Part *parts, guint n_parts, GError **error)
{
    Arena arena = {0};
    outline(&arena, training, parts, n_parts);
    if (!arena_try_take(&arena))
        return error_null(error, "not enough memory for %u %s", training->n,
                          plural(training->n, "image", "images"));
    g_autoptr(LinearFits) fits = g_new(LinearFits, 1);
    *fits = outline(&arena, training, parts, n_parts);
    fits->arena = arena;
    return !fits->liblinear || liblinear_start(fits->liblinear, error) ? g_steal_pointer(&fits) : NULL;
}

void linear_fits_free(LinearFits *fits)
{
    if (!fits)
        return;
    liblinear_stop(fits->liblinear);
    arena_clear(&fits->arena);
    g_free(fits);
}

gboolean linear_fits_run(LinearFits *fits, double cost, Progress *progress, GError **error)
{
    return fits->descent ? descent_run(fits->descent, cost, progress, error)
                         : liblinear_run(fits->liblinear, cost, progress, error);
}

/* n values of class 0, in place, to 2 n of classes 0 and 1. */
static void add_opposites(float *values, gsize n)
{
    while (n-- > 0) {
        values[2 * n + 1] = -values[n];
        values[2 * n] = values[n];
    }
}

/* values: of the first row. A class that the part lacks is worth nothing to the rows that it tests. */
static void exclude_missing(const LinearFits *fits, Part part, float *values)
{
    const LinearTraining *training = fits->training;
    guint classes = training->classes;
    g_autofree gboolean *present = g_new0(gboolean, classes);
    for (guint i = 0; i < training->n; i++)
        present[training->labels[i]] |= part_trains_on(part, i);
    for (guint k = 0; k < classes; k++)
        for (guint i = 0; i < training->n && !present[k]; i++)
            values[(gsize)i * fits->n_parts * classes + k] = -INFINITY;
}

static Part part_of(const LinearFits *fits, guint part)
{
    return fits->problems[part * (fits->n / fits->n_parts)].part;
}

void linear_fits_values(const LinearFits *fits, float *values)
{
    const LinearTraining *training = fits->training;
    if (fits->descent)
        descent_values(fits->descent, values);
    else
        liblinear_values(fits->liblinear, values);
    if (vectors_of(training) == 1)
        add_opposites(values, (gsize)training->n * fits->n_parts);
    for (guint p = 0; p < fits->n_parts; p++)
        exclude_missing(fits, part_of(fits, p), values + p * training->classes);
}

void linear_fits_test(const LinearFits *fits, float *held, double *accuracy)
{
    const LinearTraining *training = fits->training;
    guint classes = training->classes;
    linear_fits_values(fits, fits->values);
    for (guint p = 0; p < fits->n_parts; p++) {
        guint right = 0, tested = 0;
        for (guint i = 0; i < training->n; i++) {
            const float *values = fits->values + ((gsize)i * fits->n_parts + p) * classes;
            if (!part_tests(part_of(fits, p), i))
                continue;
            tested++;
            right += scores_argmax(values, classes) == training->labels[i];
            if (held)
                memcpy(held + (gsize)i * classes, values, classes * sizeof *held);
        }
        accuracy[p] = (double)right / tested;
    }
}

void linear_fits_weights(const LinearFits *fits, float *kernel, float *offset)
{
    const LinearTraining *training = fits->training;
    const DescentRows *rows = training->rows;
    guint vectors = vectors_of(training), n = descent_rows_weights(rows);
    g_autofree double *w = g_new(double, (gsize)vectors *n);
    if (fits->descent)
        descent_weights(fits->descent, vectors, w);
    else
        memcpy(w, liblinear_weights(fits->liblinear), (gsize)vectors * n * sizeof *w);
    if (rows->reduced)
        gram_factor_weights(&rows->factor, training->thread_pool, w, vectors, kernel, offset);
    for (guint v = 0; !rows->reduced && v < vectors; v++) {
        const double *own = w + (gsize)v * n;
        for (gsize j = 0; j < rows->width; j++)
            kernel[j * vectors + v] = (float)own[j];
        offset[v] = (float)(own[rows->width] * training->set->bias);
    }
    training_set_fold(training->set, kernel, vectors);
    if (vectors == 1) {
        add_opposites(kernel, training->set->rows.width);
        add_opposites(offset, 1);
    }
}
