/* learning_curve: see learning_curve.h. */
#include "train/linear/learning_curve.h"

#include "common/core/error.h"
#include "common/core/rng.h"
#include "common/core/subprocess.h"
#include "common/plot/axes.h"
#include "train/linear/process_pool.h"

#include <math.h>

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
    double cost;
    guint *
        order; /* (draws, N) stratified orders: the first `test` are for testing, training takes a prefix of the rest */
    guint test, sizes[LEARNING_SIZES], n_sizes;
    float *values; /* shared: (draws, sizes, test, vectors) decision values */
} Job;

/* ---- Draws ---- */

typedef struct {
    double place;
    guint image;
} Placed;

static gint by_place(gconstpointer a, gconstpointer b)
{
    const Placed *x = a, *y = b;
    return x->place != y->place ? (x->place < y->place ? -1 : 1) : (x->image < y->image ? -1 : 1);
}

/* An order of which every prefix has the classes in their proportions: the images of each class, shuffled, at even
 * distances. */
static void draw_order(const LinearTraining *training, guint64 seed, guint draw, guint *order)
{
    guint n = training->n, placed_count = 0;
    g_autofree Placed *placed = g_new(Placed, n);
    g_autofree guint32 *items = g_new(guint32, n);
    for (guint k = 0; k < training->classes; k++) {
        guint count = 0;
        for (guint i = 0; i < n; i++)
            if (training->labels[i] == (int)k)
                items[count++] = i;
        Rng rng = rng_new(seed, (guint64)draw * training->classes + k);
        rng_shuffle(&rng, items, count);
        for (guint i = 0; i < count; i++)
            placed[placed_count++] = (Placed){(i + 0.5) / count, items[i]};
    }
    qsort(placed, n, sizeof *placed, by_place);
    for (guint i = 0; i < n; i++)
        order[i] = placed[i].image;
}

static gboolean check_images(const LinearTraining *training, GError **error)
{
    g_autofree guint *counts = g_new0(guint, training->classes);
    guint smallest = training->n;
    for (guint i = 0; i < training->n; i++)
        counts[training->labels[i]]++;
    for (guint k = 0; k < training->classes; k++)
        smallest = MIN(smallest, counts[k]);
    if (training->n < MIN_IMAGES || smallest < MIN_OF_CLASS)
        return error_set(error,
                         "a learning curve needs at least %d images and %d of each class; there are %u, and "
                         "%u of the smallest class",
                         MIN_IMAGES, MIN_OF_CLASS, training->n, smallest);
    return TRUE;
}

/* Half doublings up to all images that are not set aside, down to two of each class. */
static void choose_sizes(Job *job)
{
    guint most = job->training->n - job->test, least = MIN(2 * job->training->classes, most), n = 0;
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

/* ---- Fits: a task is one problem of one draw, from the smallest size up ---- */

static void curve_task(guint task, gpointer data)
{
    Job *job = data;
    const LinearTraining *training = job->training;
    guint problems = linear_problems(training), draw = task / problems, problem = task % problems;
    guint mine = linear_problem_vectors(training), vectors = linear_vectors(training),
          width = linear_width(training);
    const guint *order = job->order + (gsize)draw * training->n;
    for (guint s = 0; s < job->n_sizes; s++) {
        LinearFit fit;
        g_autoptr(LinearState) state = linear_state_new(training, job->sizes[s]);
        gboolean fitted =
            linear_fit(training, problem, job->cost, order + job->test, job->sizes[s], state, &fit);
        for (guint t = 0; t < job->test; t++) {
            float *values =
                job->values + (((gsize)draw * job->n_sizes + s) * job->test + t) * vectors + problem;
            for (guint v = 0; v < mine; v++)
                values[v] =
                    fitted ? (float)linear_value(training, order[t], state->w + (gsize)v * width) : -INFINITY;
        }
    }
}

static double accuracy_of(const Job *job, guint draw, guint size)
{
    const LinearTraining *training = job->training;
    guint vectors = linear_vectors(training), right = 0;
    const guint *order = job->order + (gsize)draw * training->n;
    for (guint t = 0; t < job->test; t++) {
        const float *values = job->values + (((gsize)draw * job->n_sizes + size) * job->test + t) * vectors;
        right += linear_class(training, values) == training->labels[order[t]];
    }
    return (double)right / job->test;
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
        double size = log2(job->sizes[s]), accuracy = accuracy_of(job, draw, s);
        x += size, y += accuracy, xx += size * size, xy += size * accuracy;
    }
    return (n * xy - x * y) / (n * xx - x * x);
}

static void summarize(const Job *job, LearningCurve *curve)
{
    double x[LEARNING_DRAWS];
    *curve = (LearningCurve){.n = job->n_sizes, .test = job->test, .has_gain = job->n_sizes >= 3};
    for (guint s = 0; s < job->n_sizes; s++) {
        for (guint d = 0; d < LEARNING_DRAWS; d++)
            x[d] = accuracy_of(job, d, s);
        double mean = mean_of(x), half = half_width(job, x, mean);
        curve->points[s] = (LearningPoint){job->sizes[s], mean, MAX(0, mean - half), MIN(1, mean + half)};
    }
    if (!curve->has_gain)
        return;
    guint first = job->n_sizes - MIN(job->n_sizes, GAIN_SIZES);
    for (guint d = 0; d < LEARNING_DRAWS; d++)
        x[d] = slope_of(job, d, first);
    double half = half_width(job, x, curve->gain = mean_of(x));
    curve->gain_low = curve->gain - half, curve->gain_high = curve->gain + half;
}

guint learning_curve_ticks(const LinearTraining *training)
{
    return LEARNING_DRAWS * linear_problems(training);
}

gboolean learning_curve_run(const LinearTraining *training, double cost, guint64 seed, LearningCurve *curve,
                            Progress *progress, GError **error)
{
    if (!check_images(training, error))
        return FALSE;
    g_autofree guint *order = g_new(guint, (gsize)LEARNING_DRAWS * training->n);
    Job job = {.training = training, .cost = cost, .order = order, .test = MAX(1, training->n / TEST_PART)};
    choose_sizes(&job);
    for (guint d = 0; d < LEARNING_DRAWS; d++)
        draw_order(training, seed, d, order + (gsize)d * training->n);
    gsize bytes = sizeof(float) * LEARNING_DRAWS * job.n_sizes * job.test * linear_vectors(training);
    job.values = subprocess_memory(bytes, error);
    if (!job.values)
        return FALSE;
    gboolean done = process_pool_run(training->workers, learning_curve_ticks(training), curve_task, &job,
                                     progress, error);
    if (done)
        summarize(&job, curve);
    subprocess_memory_free(job.values, bytes);
    return done;
}

char *learning_curve_csv(const LearningCurve *curve)
{
    GString *text = g_string_new("size,accuracy,low,high\n");
    for (guint s = 0; s < curve->n; s++)
        g_string_append_printf(text, "%u,%.6f,%.6f,%.6f\n", curve->points[s].images,
                               curve->points[s].accuracy, curve->points[s].low, curve->points[s].high);
    return g_string_free(text, FALSE);
}

char *learning_curve_sentence(const LearningCurve *curve)
{
    const LearningPoint *last = &curve->points[curve->n - 1];
    g_autofree char *now = g_strdup_printf("With %u images, the accuracy is %.3f (%.3f to %.3f)",
                                           last->images, last->accuracy, last->low, last->high);
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
    enum { WIDTH = 560, HEIGHT = 360 };
    Canvas *canvas = canvas_new(path, WIDTH, HEIGHT, error);
    if (!canvas)
        return FALSE;
    double images[LEARNING_SIZES], mean[LEARNING_SIZES], low[LEARNING_SIZES], high[LEARNING_SIZES], min = 1,
                                                                                                    max = 0;
    for (guint s = 0; s < curve->n; s++) {
        const LearningPoint *point = &curve->points[s];
        images[s] = point->images, mean[s] = point->accuracy, low[s] = point->low, high[s] = point->high;
        min = MIN(min, low[s]), max = MAX(max, high[s]);
    }
    guint32 color = canvas_theme(canvas)->series[0];
    AxesOptions options = {.title = title,
                           .x_label = "training images",
                           .y_label = "accuracy on held-out images",
                           .x_from = images[0],
                           .x_to = MAX(images[curve->n - 1], images[0] + 1),
                           .y_from = min,
                           .y_to = MAX(max, min + 0.01),
                           .x_log = TRUE,
                           .y_nice = TRUE,
                           .y_percent = TRUE};
    Axes *axes = axes_new(canvas, 0, 0, WIDTH, HEIGHT, &options);
    axes_band(axes, images, low, high, curve->n, color, "95 % interval");
    axes_line(axes, images, mean, curve->n, color, FALSE, "mean of the draws");
    axes_discs(axes, images, mean, curve->n, 3, color, NULL);
    axes_free(axes);
    return canvas_finish(canvas, error);
}
