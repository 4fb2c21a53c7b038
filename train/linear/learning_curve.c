/* learning_curve: see learning_curve.h. */
#include "train/linear/learning_curve.h"

#include "common/core/error.h"
#include "train/linear/linear_fit.h"
#include "train/linear/search.h"

#include <math.h>
#include <string.h>

enum {
    MIN_IMAGES = 10,
    MIN_OF_CLASS = 3,
    TEST_PART = 5,  /* one in this many */
    GAIN_SIZES = 5, /* the largest, at half doublings, over which the gain is measured: three at least */
};

/* Two-sided 95 % quantile of Student's t with LEARNING_DRAWS - 1 = 7 degrees of freedom. */
static const double student = 2.364624;

typedef struct {
    const LinearTraining *training;
    guint *
        order; /* (draws, N) stratified orders: the first `test` are for testing, training takes a prefix of the
                     rest */
    guint test, sizes[LEARNING_SIZES], n_sizes;
    double accuracy[LEARNING_SIZES][LEARNING_DRAWS];
} Job;

/* ---- Draws ---- */

typedef struct {
    double place; /* of its unit */
    guint unit, image;
} Placed;

static gint by_place(gconstpointer a, gconstpointer b)
{
    const Placed *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->unit != y->unit ? (x->unit < y->unit ? -1 : 1) : (x->image > y->image) - (x->image < y->image);
}

/* An order of which every prefix has the classes in their proportions: the images of each class, shuffled, at even
 * distances; units in the place of images, as whole, by the class of their first one. */
static void draw_order(const LinearTraining *training, guint64 seed, guint draw, guint *order)
{
    guint n = training->n;
    g_autofree Placed *placed = g_new(Placed, n);
    g_autofree double *places = g_new(double, n);
    g_autofree guint32 *items = g_new(guint32, n);
    for (guint k = 0; k < training->classes; k++) {
        guint count =
            search_shuffle(training, k, rng_new(seed, (guint64)draw * training->classes + k), items);
        for (guint i = 0; i < count; i++)
            places[items[i]] = (i + 0.5) / count;
    }
    for (guint i = 0; i < n; i++)
        placed[i] = (Placed){places[linear_unit(training, i)], linear_unit(training, i), i};
    qsort(placed, n, sizeof *placed, by_place);
    for (guint i = 0; i < n; i++)
        order[i] = placed[i].image;
}

static guint count_units(const LinearTraining *training)
{
    guint count = 0;
    for (guint i = 0; i < training->n; i++)
        count += linear_unit(training, i) == i;
    return count;
}

static gboolean check_images(const LinearTraining *training, GError **error)
{
    g_autofree guint *counts = g_new0(guint, training->classes);
    guint smallest = training->n;
    guint units = count_units(training);
    for (guint i = 0; i < training->n; i++)
        counts[training->labels[i]] += linear_unit(training, i) == i;
    for (guint k = 0; k < training->classes; k++)
        smallest = MIN(smallest, counts[k]);
    if (units < MIN_IMAGES || smallest < MIN_OF_CLASS)
        return error_set(error,
                         "a learning curve needs at least %d %s and %d of each class; there are %u, and "
                         "%u of the smallest class",
                         MIN_IMAGES, units < training->n ? "groups" : "images", MIN_OF_CLASS, units,
                         smallest);
    return TRUE;
}

/* Set aside in each draw. */
static guint test_images(const LinearTraining *training)
{
    return MAX(1, training->n / TEST_PART);
}

/* Half doublings up to all images that are not set aside, down to two of each class, or two units of average size. */
static void choose_sizes(Job *job)
{
    guint units = count_units(job->training), each = (job->training->n + units - 1) / units;
    guint most = job->training->n - job->test, least = MIN(2 * job->training->classes * each, most), n = 0;
    guint down[LEARNING_SIZES];
    for (guint s = 0; s < LEARNING_SIZES; s++) {
        guint size = (guint)lround(most / pow(2, s / 2.0));
        if (size < least || (n && size >= down[n - 1]))
            break;
        down[n++] = size;
    }
    for (guint s = 0; s < n; s++)
        job->sizes[s] = down[n - 1 - s];
    job->n_sizes = n;
}

/* ---- Fits: the problems of all draws, from the smallest size up ---- */

/* parts (draws, N): no draw trains on the rest of the unit that the images set aside end with. */
static void choose_parts(const Job *job, guint size, guint8 *parts)
{
    const LinearTraining *training = job->training;
    guint n = training->n;
    memset(parts, ROW_UNUSED, (gsize)LEARNING_DRAWS * n);
    for (guint d = 0; d < LEARNING_DRAWS; d++, parts += n) {
        const guint *order = job->order + (gsize)d * n;
        guint last = linear_unit(training, order[job->test - 1]);
        for (guint i = 0; i < job->test; i++)
            parts[order[i]] = ROW_TESTED;
        for (guint i = job->test; i < job->test + size; i++)
            if (linear_unit(training, order[i]) != last)
                parts[order[i]] = ROW_TRAINED;
    }
}

static gboolean run_sizes(Job *job, double cost, Progress *progress, GError **error)
{
    const LinearTraining *training = job->training;
    g_autofree guint8 *parts = g_new(guint8, (gsize)LEARNING_DRAWS * training->n);
    for (guint s = 0; s < job->n_sizes; s++) {
        choose_parts(job, job->sizes[s], parts);
        g_autoptr(LinearFits) fits = linear_fits_new(training, parts, LEARNING_DRAWS, error);
        if (!fits || !linear_fits_run(fits, cost, progress, error))
            return FALSE;
        linear_fits_test(fits, NULL, job->accuracy[s]);
    }
    return TRUE;
}

/* ---- What came out ---- */

/* Half the width of the 95 % interval of a mean over draws. */
static double half_width(const Job *job, const double *x, double mean)
{
    double squares = 0, share = (double)job->test / (job->training->n - job->test);
    for (guint d = 0; d < LEARNING_DRAWS; d++)
        squares += (x[d] - mean) * (x[d] - mean);
    return student * sqrt((1.0 / LEARNING_DRAWS + share) * squares / (LEARNING_DRAWS - 1));
}

static double mean_of(const double *x)
{
    double sum = 0;
    for (guint d = 0; d < LEARNING_DRAWS; d++)
        sum += x[d];
    return sum / LEARNING_DRAWS;
}

/* Slope of accuracy over log2(images) by least squares, of the sizes from `first` on. */
static double slope_of(const Job *job, guint draw, guint first)
{
    double n = job->n_sizes - first, x = 0, y = 0, xx = 0, xy = 0;
    for (guint s = first; s < job->n_sizes; s++) {
        double size = log2(job->sizes[s]), accuracy = job->accuracy[s][draw];
        x += size, y += accuracy, xx += size * size, xy += size * accuracy;
    }
    return (n * xy - x * y) / (n * xx - x * x);
}

static void summarize(const Job *job, LearningCurve *curve)
{
    double slopes[LEARNING_DRAWS];
    *curve = (LearningCurve){.n = job->n_sizes, .test = job->test, .has_gain = job->n_sizes >= 3};
    for (guint s = 0; s < job->n_sizes; s++) {
        const double *accuracy = job->accuracy[s];
        double mean = mean_of(accuracy), half = half_width(job, accuracy, mean);
        curve->points[s] = (AccuracyPoint){job->sizes[s], mean, MAX(0, mean - half), MIN(1, mean + half)};
    }
    if (!curve->has_gain)
        return;
    guint first = job->n_sizes - MIN(job->n_sizes, GAIN_SIZES);
    for (guint d = 0; d < LEARNING_DRAWS; d++)
        slopes[d] = slope_of(job, d, first);
    double half = half_width(job, slopes, curve->gain = mean_of(slopes));
    curve->gain_low = curve->gain - half, curve->gain_high = curve->gain + half;
}

guint64 learning_curve_ticks(const LinearTraining *training)
{
    Job job = {.training = training, .test = test_images(training)};
    choose_sizes(&job);
    return (guint64)job.n_sizes * LEARNING_DRAWS * linear_problems(training);
}

gboolean learning_curve_run(const LinearTraining *training, double cost, guint64 seed, LearningCurve *curve,
                            Progress *progress, GError **error)
{
    if (!check_images(training, error))
        return FALSE;
    g_autofree guint *order = g_new(guint, (gsize)LEARNING_DRAWS * training->n);
    Job job = {.training = training, .order = order, .test = test_images(training)};
    choose_sizes(&job);
    for (guint d = 0; d < LEARNING_DRAWS; d++)
        draw_order(training, seed, d, order + (gsize)d * training->n);
    if (!run_sizes(&job, cost, progress, error))
        return FALSE;
    summarize(&job, curve);
    return TRUE;
}

char *learning_curve_csv(const LearningCurve *curve)
{
    GString *text = g_string_new("size,accuracy,low,high\n");
    for (guint s = 0; s < curve->n; s++)
        g_string_append_printf(text, "%.0f,%.6f,%.6f,%.6f\n", curve->points[s].x, curve->points[s].accuracy,
                               curve->points[s].low, curve->points[s].high);
    return g_string_free(text, FALSE);
}

char *learning_curve_sentence(const LearningCurve *curve)
{
    const AccuracyPoint *last = &curve->points[curve->n - 1];
    g_autofree char *now = g_strdup_printf("With %.0f images, the accuracy is %.3f (%.3f to %.3f)", last->x,
                                           last->accuracy, last->low, last->high);
    if (!curve->has_gain)
        return g_strdup_printf("%s; there are too few images to estimate the gain from adding more.", now);
    if (curve->gain_low <= 0)
        return g_strdup_printf("%s; it is unclear whether more images would help: doubling them might gain "
                               "%.1f points, but anything from %.1f to %.1f is possible.",
                               now, 100 * curve->gain, 100 * curve->gain_low, 100 * curve->gain_high);
    static const char *const measured[] = {"doubling", "one and a half doublings", "two doublings"};
    return g_strdup_printf("%s; doubling the images would gain about %.1f points (%.1f to %.1f), if the "
                           "curve continues as over the last %s.",
                           now, 100 * curve->gain, 100 * curve->gain_low, 100 * curve->gain_high,
                           measured[MIN(curve->n, GAIN_SIZES) - 3]);
}

gboolean learning_curve_plot(const LearningCurve *curve, const char *title, const char *path, GError **error)
{
    AccuracyPlot plot = {.title = title,
                         .x_label = "training images",
                         .y_label = "accuracy on held-out images",
                         .line = "mean of the draws",
                         .band = "95 % interval"};
    return accuracy_plot(&plot, curve->points, curve->n, path, error);
}
