/* learning_curve: see learning_curve.h. */
#include "train/linear/learning_curve.h"

#include "common/core/error.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "train/linear/accuracy_plot.h"
#include "train/linear/linear_fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIN_IMAGES = 10,
    MIN_OF_CLASS = 3,
    TEST_PART = 5,  /* one in this many */
    GAIN_SIZES = 5, /* the largest, at half doublings, over which the gain is measured */
    GAIN_LEAST = 3, /* of these, without which it is not measured */
};

/* Two-sided 95 % quantile of Student's t with LEARNING_DRAWS - 1 = 7 degrees of freedom. */
static const double student = 2.364624;

/* ---- Draws ---- */

typedef struct {
    const LinearTraining *training;
    double *places; /* (N) of each unit's first image */
} Draw;

static gint by_place(gconstpointer a, gconstpointer b, gpointer data)
{
    const Draw *draw = data;
    guint x = *(const guint *)a, y = *(const guint *)b;
    guint first = linear_unit(draw->training, x), second = linear_unit(draw->training, y);
    if (draw->places[first] != draw->places[second])
        return draw->places[first] < draw->places[second] ? -1 : 1;
    return first != second ? (first < second ? -1 : 1) : (x > y) - (x < y);
}

/* A stratified order, of which every prefix has the classes in their proportions: the images of each class, shuffled, at even
 * distances; units in the place of images, as whole, by the class of their first one. Returns how many units there are;
 * fewest: of a class. */
static guint draw_order(const LinearTraining *training, guint64 seed, guint draw, guint *order, guint *fewest)
{
    guint n = training->n, units = 0;
    g_autofree double *places = g_new(double, n);
    g_autofree guint32 *items = g_new(guint32, n);
    *fewest = n;
    for (guint k = 0; k < training->classes; k++) {
        guint count =
            search_shuffle(training, k, rng_new(seed, (guint64)draw * training->classes + k), items);
        for (guint i = 0; i < count; i++)
            places[items[i]] = (i + 0.5) / count;
        *fewest = MIN(*fewest, count);
        units += count;
    }
    for (guint i = 0; i < n; i++)
        order[i] = i;
    qsort_r(order, n, sizeof *order, by_place, &(Draw){training, places});
    return units;
}

/* Half doublings up to all images that are not set aside, down to two of each class, or two units of average size. */
static LearningCurve choose_sizes(const LinearTraining *training, guint units)
{
    guint n = training->n, test = MAX(1, n / TEST_PART), each = (n + units - 1) / units;
    LearningCurve curve = {.trained = n - test, .test = test};
    guint least = MIN(2 * training->classes * each, curve.trained);
    double down[LEARNING_SIZES];
    for (guint s = 0; s < LEARNING_SIZES; s++) {
        down[s] = (double)lround(curve.trained / pow(2, s / 2.0));
        if (down[s] < least || (s && down[s] >= down[s - 1]))
            break;
        curve.n++;
    }
    for (guint s = 0; s < curve.n; s++)
        curve.points[s].x = down[curve.n - 1 - s];
    return curve;
}

/* ---- Fits: the problems of all draws, from the smallest size up ---- */

/* order (N): the first `test` are for testing, fold 0; training takes a prefix of the rest, but nothing of the unit that the
 * images set aside end with. folds (N) */
static void choose_part(const LinearTraining *training, const guint *order, guint test, guint size,
                        guint *folds)
{
    guint last = linear_unit(training, order[test - 1]);
    for (guint i = 0; i < training->n; i++) {
        gboolean out = i >= test + size || linear_unit(training, order[i]) == last;
        folds[order[i]] = i < test ? 0 : out ? ROW_UNUSED : 1;
    }
}

static gboolean run_sizes(const LinearTraining *training, double cost, const guint *order,
                          LearningCurve *curve, GError **error)
{
    guint64 problems = (guint64)curve->n * LEARNING_DRAWS * linear_problems(training);
    g_autoptr(Progress) progress = progress_new("Learning curve", problems, "problems");
    guint n = training->n;
    g_autofree guint *folds = g_new(guint, (gsize)LEARNING_DRAWS * n);
    Part parts[LEARNING_DRAWS];
    for (guint s = 0; s < curve->n; s++) {
        for (gsize d = 0; d < LEARNING_DRAWS; d++) {
            parts[d] = (Part){folds + d * n, 0};
            choose_part(training, order + d * n, curve->test, (guint)curve->points[s].x, folds + d * n);
        }
        g_autoptr(LinearFits) fits = linear_fits_new(training, parts, LEARNING_DRAWS, error);
        if (!fits || !linear_fits_run(fits, cost, progress, error))
            return FALSE;
        linear_fits_test(fits, NULL, curve->accuracy[s]);
    }
    return TRUE;
}

/* ---- What came out ---- */

/* The mean over draws and its 95 % interval. */
static AxesPoint mean_of(const LearningCurve *curve, double x, const double *y)
{
    double mean = 0, squares = 0, share = (double)curve->test / curve->trained;
    for (guint d = 0; d < LEARNING_DRAWS; d++)
        mean += y[d];
    mean /= LEARNING_DRAWS;
    for (guint d = 0; d < LEARNING_DRAWS; d++)
        squares += (y[d] - mean) * (y[d] - mean);
    double half = student * sqrt((1.0 / LEARNING_DRAWS + share) * squares / (LEARNING_DRAWS - 1));
    return (AxesPoint){x, mean, mean - half, mean + half};
}

/* Slope of accuracy over log2(images) by least squares, of the sizes from `first` on. */
static double slope_of(const LearningCurve *curve, guint draw, guint first)
{
    double n = curve->n - first, x = 0, y = 0, xx = 0, xy = 0;
    for (guint s = first; s < curve->n; s++) {
        double size = log2(curve->points[s].x), accuracy = curve->accuracy[s][draw];
        x += size, y += accuracy, xx += size * size, xy += size * accuracy;
    }
    return (n * xy - x * y) / (n * xx - x * x);
}

static void summarize(LearningCurve *curve)
{
    double slopes[LEARNING_DRAWS];
    for (guint s = 0; s < curve->n; s++) {
        AxesPoint *point = &curve->points[s];
        *point = mean_of(curve, point->x, curve->accuracy[s]);
        point->low = MAX(0, point->low), point->high = MIN(1, point->high);
    }
    for (guint d = 0; curve->n >= GAIN_LEAST && d < LEARNING_DRAWS; d++)
        slopes[d] = slope_of(curve, d, curve->n - MIN(curve->n, GAIN_SIZES));
    if (curve->n >= GAIN_LEAST)
        curve->gain = mean_of(curve, 0, slopes);
}

gboolean learning_curve_run(const LinearTraining *training, double cost, guint64 seed, LearningCurve *curve,
                            GError **error)
{
    guint n = training->n, units = 0, fewest = 0;
    g_autofree guint *order = g_new(guint, (gsize)LEARNING_DRAWS * n);
    for (guint d = 0; d < LEARNING_DRAWS; d++)
        units = draw_order(training, seed, d, order + (gsize)d * n, &fewest);
    if (units < MIN_IMAGES || fewest < MIN_OF_CLASS)
        return error_set(error,
                         "a learning curve needs at least %d %s and %d of each class; there are %u, and "
                         "%u of the smallest class",
                         MIN_IMAGES, units < n ? "groups" : "images", MIN_OF_CLASS, units, fewest);
    *curve = choose_sizes(training, units);
    if (!run_sizes(training, cost, order, curve, error))
        return FALSE;
    summarize(curve);
    return TRUE;
}

char *learning_curve_sentence(const LearningCurve *curve)
{
    const AxesPoint *last = &curve->points[curve->n - 1];
    g_autofree char *now = g_strdup_printf("With %.0f images, the accuracy is %.3f (%.3f to %.3f)", last->x,
                                           last->y, last->low, last->high);
    double gain = 100 * curve->gain.y, low = 100 * curve->gain.low, high = 100 * curve->gain.high;
    if (curve->n < GAIN_LEAST)
        return g_strdup_printf("%s; there are too few images to estimate the gain from adding more.", now);
    if (low <= 0)
        return g_strdup_printf("%s; it is unclear whether more images would help: doubling them might gain "
                               "%.1f points, but anything from %.1f to %.1f is possible.",
                               now, gain, low, high);
    static const char *const measured[] = {"doubling", "one and a half doublings", "two doublings"};
    return g_strdup_printf("%s; doubling the images would gain about %.1f points (%.1f to %.1f), if the "
                           "curve continues as over the last %s.",
                           now, gain, low, high, measured[MIN(curve->n, GAIN_SIZES) - GAIN_LEAST]);
}

static gboolean write_table(const LearningCurve *curve, const char *path, GError **error)
{
    g_autoptr(GString) text = g_string_new("size,accuracy,low,high\n");
    for (guint s = 0; s < curve->n; s++)
        g_string_append_printf(text, "%.0f,%.6f,%.6f,%.6f\n", curve->points[s].x, curve->points[s].y,
                               curve->points[s].low, curve->points[s].high);
    return output_file_write(path, text->str, text->len, error);
}

gboolean learning_curve_answer(const Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    guint classes = linear->training.classes;
    LearningCurve curve;
    if (!learning_curve_run(&linear->training, linear->cost, (guint64)o->common.seed, &curve, error)) {
        g_prefix_error(error, "%s: ", o->images.cache);
        return FALSE;
    }
    if (!write_table(&curve, linear->choice->learning_curve, error))
        return FALSE;
    g_autofree char *sentence = learning_curve_sentence(&curve);
    printf("%s\n", sentence);
    g_autofree char *title = g_strdup_printf("%s, %u %s", linear->choice->solver->name, classes,
                                             plural(classes, "class", "classes"));
    const AccuracyPlot plot = {.title = title,
                               .x_label = "training images",
                               .y_label = "accuracy on held-out images",
                               .line = "mean of the draws",
                               .band = "95 % interval",
                               .points = curve.points,
                               .n = curve.n};
    return !linear->choice->learning_curve_plot ||
           accuracy_plot_write(&plot, linear->choice->learning_curve_plot, error);
}
