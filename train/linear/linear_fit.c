/* linear_fit: see linear_fit.h. */
#include "train/linear/linear_fit.h"

#include "common/network/scores.h"
#include "train/linear/descent.h"
#include "train/linear/liblinear.h"

#include <math.h>

guint linear_problems(const LinearTraining *training)
{
    return training->solver->multiclass || training->classes == 2 ? 1 : training->classes;
}

guint linear_vectors(const LinearTraining *training)
{
    return training->solver->multiclass ? training->classes : linear_problems(training);
}

double linear_mean_square(const LinearTraining *training)
{
    if (training->rows)
        return linear_rows_mean_square(training->rows);
    double sum = 0;
    for (guint i = 0; i < training->n; i++)
        sum += training->descent_rows->squares[i];
    return sum / training->n;
}

int linear_class(const LinearTraining *training, const float *values)
{
    guint vectors = linear_vectors(training);
    return vectors == 1 ? values[0] <= 0 : scores_argmax(values, vectors);
}

LinearFits *linear_fits_new(const LinearTraining *training, const guint8 *parts, guint n_parts,
                            GError **error)
{
    guint each = linear_problems(training), n = each * n_parts;
    g_autoptr(LinearFits) fits = g_new(LinearFits, 1);
    g_autofree LinearProblem *problems = g_new(LinearProblem, n);
    *fits = (LinearFits){training, parts, n_parts, n, g_new0(LinearFit, n), NULL, NULL};
    for (guint p = 0; p < n; p++)
        problems[p] =
            (LinearProblem){(int)(p % each), parts ? parts + (gsize)(p / each) * training->n : NULL};
    if (training->rows)
        fits->liblinear = liblinear_new(training, problems, n, error);
    else
        fits->descent = descent_new(training, problems, n);
    return fits->liblinear || fits->descent ? g_steal_pointer(&fits) : NULL;
}

void linear_fits_free(LinearFits *fits)
{
    if (!fits)
        return;
    descent_free(fits->descent);
    liblinear_free(fits->liblinear);
    g_free(fits->fits);
    g_free(fits);
}

gboolean linear_fits_run(LinearFits *fits, double cost, Progress *progress, GError **error)
{
    return fits->descent ? descent_run(fits->descent, cost, fits->fits, progress, error)
                         : liblinear_run(fits->liblinear, cost, fits->fits, progress, error);
}

/* What a class that the part lacks is worth to the rows outside. */
static void exclude_class(const LinearFits *fits, const guint8 *part, guint class, float *values)
{
    const LinearTraining *training = fits->training;
    guint vectors = linear_vectors(training), stride = fits->n_parts * vectors;
    for (guint i = 0; i < training->n; i++)
        if (!part[i] && class < vectors)
            values[(gsize)i * stride + class] = -INFINITY;
        else if (!part[i])
            values[(gsize)i * stride] = INFINITY; /* of two classes, the first is left */
}

void linear_fits_values(const LinearFits *fits, float *values)
{
    const LinearTraining *training = fits->training;
    g_autofree gboolean *present = g_new(gboolean, training->classes);
    if (fits->descent)
        descent_values(fits->descent, values);
    else
        liblinear_values(fits->liblinear, values);
    for (guint p = 0; fits->parts && p < fits->n_parts; p++) {
        const guint8 *part = fits->parts + (gsize)p * training->n;
        for (guint k = 0; k < training->classes; k++)
            present[k] = FALSE;
        for (guint i = 0; i < training->n; i++)
            present[training->labels[i]] |= part[i] != 0;
        for (guint k = 0; k < training->classes; k++)
            if (!present[k])
                exclude_class(fits, part, k, values + p * linear_vectors(training));
    }
}

/* Of all features, the averages among them. */
static void take_weights(const LinearFits *fits, float *kernel, float *offset)
{
    const LinearTraining *training = fits->training;
    guint vectors = linear_vectors(training), width;
    if (fits->descent) {
        descent_weights(fits->descent, vectors, kernel, offset);
        return;
    }
    const double *w = liblinear_weights(fits->liblinear, &width);
    if (training->factor) {
        g_autofree double *copy = g_memdup2(w, sizeof *w * vectors * width);
        gram_factor_weights(training->factor, training->set, training->thread_pool, copy, vectors, kernel,
                            offset);
        return;
    }
    for (guint v = 0; v < vectors; v++, w += width) {
        for (gsize j = 0; j < width - 1; j++)
            kernel[j * vectors + v] = (float)w[j];
        offset[v] = (float)(w[width - 1] * MAX(training->set->bias, 0));
    }
}

void linear_fits_weights(const LinearFits *fits, float *kernel, float *offset)
{
    take_weights(fits, kernel, offset);
    training_set_fold(fits->training->set, kernel, linear_vectors(fits->training));
}
