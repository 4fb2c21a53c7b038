/* linear: --head linear, from a cache to a linear classifier: scaling, Gram factor, cost search, fit,
 * model file. */
#include "train/linear/linear.h"

#include "common/arithmetic/blas.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/choice.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/model/model.h"
#include "common/network/network.h"
#include "train/data/class_weights.h"
#include "train/linear/linear_job.h"
#include "train/linear/questions.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void linear_clear(Linear *linear)
{
    network_free(linear->network);
    g_free(linear->fits);
    search_free(linear->search);
    linear_rows_free(linear->rows);
    stream_free(linear->stream);
    thread_pool_free(linear->thread_pool);
    gram_factor_free(linear->gram_factor);
    training_set_free(linear->set);
    scaling_free(linear->scaling);
    g_free(linear->class_weights);
    g_free(linear->counts);
    g_free(linear->names);
    g_free(linear->labels);
    cache_close(linear->cache);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Linear, linear_clear)

/* ---- Data ---- */

static gboolean check_classes(const Linear *linear, GError **error)
{
    const char *path = cache_path(linear->cache);
    if (linear->classes < 2)
        return error_set(error, "%s: it has %s, but a classifier needs at least two", path,
                         linear->classes ? "one class only" : "no class");
    for (guint k = 0; k < linear->classes; k++)
        if (linear->counts[k] == 0)
            return error_set(error, "%s: it has no images of class %s; extract some, or leave the class out",
                             path, linear->names[k]);
    return model_holds_names(path, linear->names, linear->classes, error);
}

static gboolean gather(Linear *linear, GError **error)
{
    Cache *cache = linear->cache = cache_open(linear->options->cache, error);
    if (!cache || !cache_choose(cache, &linear->options->filter, error))
        return FALSE;
    linear->n = cache_count(cache);
    linear->classes = cache_classes(cache);
    linear->features = feature_spec_features(cache_feature_spec(cache));
    linear->labels = g_new(int, linear->n);
    g_autofree float *buffer = g_new(float, linear->features);
    linear->names = g_new(const char *, linear->classes);
    linear->counts = g_new0(guint, linear->classes);
    for (guint k = 0; k < linear->classes; k++)
        linear->names[k] = cache_class(cache, k);
    for (guint i = 0; i < linear->n; i++) {
        linear->labels[i] = cache_item(cache, i)->label;
        linear->counts[linear->labels[i]]++;
        if (!cache_features(cache, i, buffer, error))
            return FALSE;
    }
    return check_classes(linear, error);
}

static gboolean prepare_set(Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    linear->class_weights =
        class_weights_new(o->class_weight, linear->names, linear->counts, linear->classes, error);
    if (!linear->class_weights)
        return FALSE;
    linear->scaling = scaling_new(linear->settings.scale, linear->features);
    Rows rows = cache_rows(linear->cache);
    scaling_fit(linear->scaling, &rows);
    linear->set = training_set_new(&rows, linear->labels, linear->classes, linear->scaling, o->bias);
    return TRUE;
}

static gboolean export_set(const Linear *linear, GError **error)
{
    const char *path = linear->options->export_libsvm;
    if (!path)
        return TRUE;
    Progress *progress = progress_new("Exporting", linear->n, "images");
    gboolean good = training_set_write(linear->set, path, progress, error);
    progress_free(progress);
    if (good)
        cli_remark("%u %s written in libsvm's format to %s; labels number the classes in order from 0",
                   linear->n, plural(linear->n, "image", "images"), path);
    return good;
}

/* ---- Cost ---- */

/* The cost to search around. For ||w||²: 1 / mean ||x||², which makes the features' scale irrelevant. For
 * |w|: ten times the smallest cost at which any weight is non-zero (scikit-learn's l1_min_c). */
static double reference_cost(const Linear *linear)
{
    const LinearSolver *solver = linear->settings.solver;
    double bias = linear->set->bias;
    if (!solver->rotation)
        return (solver->logistic ? 20 : 5) / training_set_largest_correlation(linear->set);
    double square = linear_mean_square(&linear->training);
    return 1 / (bias >= 0 ? square - bias * bias : square);
}

static gboolean leave_curves(const Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    g_autofree char *csv = search_csv(linear->search);
    if (o->history && !output_file_write(o->history, csv, strlen(csv), error))
        return FALSE;
    g_autofree char *title = g_strdup_printf("%s, %u %s, %u %s", linear->settings.solver->name, linear->n,
                                             plural(linear->n, "image", "images"), linear->classes,
                                             plural(linear->classes, "class", "classes"));
    return !o->plot || linear->search->n < 2 || search_plot(linear->search, title, o->plot, error);
}

static gboolean cross_validate(Linear *linear, const double *costs, guint n_costs, GError **error)
{
    const TrainOptions *o = linear->options;
    guint folds = o->folds ? (guint)o->folds : 5, smallest = linear->counts[0];
    if (folds > linear->n)
        return error_set(error,
                         "%s: cross-validation in %u folds needs at least as many images, and it has %u: add "
                         "images, or use fewer --folds",
                         o->cache, folds, linear->n);
    for (guint k = 1; k < linear->classes; k++)
        smallest = MIN(smallest, linear->counts[k]);
    if (smallest < folds)
        cli_warn("the smallest class has %u %s, fewer than the %u folds: its share of the accuracy is a "
                 "rough estimate",
                 smallest, plural(smallest, "image", "images"), folds);
    Progress *progress =
        progress_new("Cross-validating", search_ticks(&linear->training, folds, n_costs), "problems");
    linear->search =
        search_run(&linear->training, costs, n_costs, folds, (guint64)o->common.seed, progress, error);
    progress_free(progress);
    if (!linear->search)
        return FALSE;
    g_autofree char *table = search_table(linear->search), *choice = search_choice(linear->search);
    printf("%s%s\n", table, choice);
    linear->cost = linear->search->points[linear->search->best].cost;
    return leave_curves(linear, error);
}

static gboolean choose_cost(Linear *linear, GError **error)
{
    const LinearSettings *settings = &linear->settings;
    const TrainOptions *o = linear->options;
    double reference = reference_cost(linear);
    if (settings->n_costs)
        return cross_validate(linear, settings->costs, settings->n_costs, error);
    if (o->search_cost) {
        guint n;
        g_autofree double *costs = search_costs(reference, &n);
        return cross_validate(linear, costs, n, error);
    }
    linear->cost = settings->cost > 0 ? settings->cost : reference;
    return linear_cross_validates(linear) ? cross_validate(linear, &linear->cost, 1, error) : TRUE;
}

/* ---- Fit ---- */

static void warn_of_limit(const Linear *linear)
{
    guint problems = linear_problems(&linear->training), not_converged = 0;
    for (guint p = 0; p < problems; p++)
        not_converged += linear->fits[p].not_converged ? 1 : 0;
    if (not_converged)
        cli_warn("%u of %u %s reached liblinear's iteration limit before tolerance %g: the solution is "
                 "approximate; a smaller --cost, --scale standard or a larger --tolerance converges faster%s",
                 not_converged, problems, plural(problems, "problem", "problems"), linear->settings.tolerance,
                 strstr(linear->settings.solver->name, "_DUAL")
                     ? ", as may the primal solver (--solver svc or lr)"
                     : "");
}

static gboolean network_make(Linear *linear, GError **error)
{
    const int *shape = cache_feature_spec(linear->cache)->shape;
    linear->network = network_new(shape[0], shape[1], shape[2]);
    return network_flatten(linear->network, NULL, error) &&
           network_dense(linear->network, NULL, (int)linear->classes, ACTIVATION_LINEAR, error);
}

/* kernel (D, vectors), offset (vectors): of two classes, class 1's are the negative of class 0's. */
static gboolean set_weights(Linear *linear, const float *kernel, const float *offset, GError **error)
{
    guint vectors = linear_vectors(&linear->training), classes = linear->classes;
    if (!network_make(linear, error))
        return FALSE;
    Layer *layer = g_ptr_array_index(linear->network->layers, linear->network->layers->len - 1);
    for (gsize j = 0; j < linear->features; j++)
        for (guint k = 0; k < classes; k++)
            layer->kernel[j * classes + k] = k < vectors ? kernel[j * vectors + k] : -kernel[j];
    for (guint k = 0; k < classes; k++)
        layer->bias[k] = k < vectors ? offset[k] : -offset[0];
    return TRUE;
}

/* From vectors over the solver's columns to the model's kernel (D, L). */
static gboolean unfold(Linear *linear, double *w, GError **error)
{
    guint vectors = linear_vectors(&linear->training), width = linear_width(&linear->training);
    gsize features = linear->features;
    g_autofree float *kernel = g_new(float, features *vectors), *offset = g_new0(float, vectors);
    if (linear->gram_factor) {
        g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)linear->options->common.threads);
        gram_factor_weights(linear->gram_factor, linear->set, thread_pool, w, vectors, kernel, offset);
    } else
        for (guint v = 0; v < vectors; v++) {
            const double *from = w + (gsize)v * width;
            for (gsize j = 0; j < features; j++)
                kernel[j * vectors + v] = (float)from[j];
            if (linear->set->bias >= 0)
                offset[v] = (float)(from[features] * linear->set->bias);
        }
    return set_weights(linear, kernel, offset, error);
}

/* All problems in one pass over the rows. Returns the training accuracy; below 0 with error. */
static double fit_stream(Linear *linear, Progress *progress, GError **error)
{
    guint vectors = linear_vectors(&linear->training), right = 0;
    g_autoptr(StreamFit) stream_fit = linear_stream_new(&linear->training, linear->cost, 0, NULL);
    if (!stream_fit_run(stream_fit, linear->fits, progress, error))
        return -1;
    g_autofree float *values = g_new(float, (gsize)linear->n *vectors), *offset = g_new(float, vectors);
    g_autofree float *kernel = g_new(float, linear->features *vectors);
    stream_fit_values(stream_fit, values);
    for (guint i = 0; i < linear->n; i++)
        right += linear_class(&linear->training, values + (gsize)i * vectors) == linear->labels[i];
    for (guint v = 0; v < vectors; v++)
        offset[v] = (float)stream_fit_unfold(stream_fit, v, kernel, vectors);
    return set_weights(linear, kernel, offset, error) ? (double)right / linear->n : -1;
}

static double fit_problems(Linear *linear, Progress *progress, GError **error)
{
    g_autofree double *w = linear_fit_all(&linear->training, linear->cost, linear->fits, progress, error);
    if (!w)
        return -1;
    double accuracy = linear_accuracy(&linear->training, w);
    return unfold(linear, w, error) ? accuracy : -1;
}

/* As scikit-learn's n_iter_: of the problem that took the most. 0 if the solver reports none. */
static int max_iterations(const LinearFit *fits, guint problems)
{
    int max = 0;
    for (guint p = 0; p < problems; p++)
        max = MAX(max, fits[p].iterations);
    return max;
}

static gboolean fit(Linear *linear, GError **error)
{
    guint problems = linear_problems(&linear->training);
    linear->fits = g_new0(LinearFit, problems);
    Progress *progress = progress_new("Training", problems, "problems");
    double accuracy =
        linear->stream ? fit_stream(linear, progress, error) : fit_problems(linear, progress, error);
    progress_free(progress);
    if (accuracy < 0)
        return FALSE;
    warn_of_limit(linear);
    if (interrupted())
        return error_set(error, "interrupted");
    printf("%s, cost %g: training accuracy %.4f", linear->settings.solver->name, linear->cost, accuracy);
    int iterations = max_iterations(linear->fits, problems);
    if (iterations > 0)
        printf(" (at most %d iterations)", iterations);
    printf("\n");
    return TRUE;
}

/* ---- Model ---- */

static json_t *training_settings(const Linear *linear)
{
    const LinearSettings *s = &linear->settings;
    json_t *object = json_pack("{s:s, s:s, s:f, s:b, s:s, s:i, s:I}", "solver", s->solver->name, "scale",
                               scaling_name(s->scale), "bias", linear->set->bias, "reduced",
                               linear->gram_factor != NULL, "class_weight", linear->options->class_weight,
                               "images", (int)linear->n, "seed", (json_int_t)linear->options->common.seed);
    json_object_set_new(object, "cost", json_real(linear->cost));
    json_object_set_new(object, "tolerance", json_real(s->tolerance));
    if (linear->search) {
        json_t *points = json_array();
        for (guint i = 0; i < linear->search->n; i++) {
            const SearchPoint *point = &linear->search->points[i];
            json_array_append_new(points, json_pack("{s:f, s:f, s:f}", "cost", point->cost, "accuracy",
                                                    point->accuracy, "deviation", point->deviation));
        }
        json_object_set_new(object, "folds", json_integer(linear->search->folds));
        json_object_set_new(object, "search", points);
    }
    return object;
}

static void print_summary(const Network *network)
{
    g_autofree char *summary = network_summary(network, "linear", NULL);
    printf("%s", summary);
}

static TrainedOn *trained_on_cache(const Cache *cache)
{
    TrainedOn *trained_on = trained_on_new();
    for (guint i = 0; i < cache_count(cache); i++)
        trained_on_add(trained_on, cache_item(cache, i)->hash);
    return trained_on_finish(trained_on);
}

static gboolean save(Linear *linear, GError **error)
{
    const char *path = linear->options->model;
    g_autoptr(Model) model = g_new0(Model, 1);
    model->approach = g_strdup(choice_name(APPROACH_CHOICES, (int)linear->options->approach));
    model->head = g_strdup(choice_name(HEAD_CHOICES, HEAD_LINEAR));
    model->classes = g_ptr_array_new_with_free_func(g_free);
    for (guint k = 0; k < linear->classes; k++)
        g_ptr_array_add(model->classes, g_strdup(linear->names[k]));
    model->spec = feature_spec_copy(cache_feature_spec(linear->cache));
    model->scaling = g_steal_pointer(&linear->scaling);
    model->training = training_settings(linear);
    model->trained_on = trained_on_cache(linear->cache);
    model->probabilities = model->sigmoids = linear->settings.solver->logistic;
    model->temperature = linear->search ? linear->search->temperature : 0;
    model->network = g_steal_pointer(&linear->network);
    if (!model_save(model, path, error))
        return FALSE;
    print_summary(model->network);
    printf("Saved in %s\n", path);
    return TRUE;
}

static gboolean train_model(Linear *linear, GError **error)
{
    return prepare_set(linear, error) && export_set(linear, error) && linear_prepare(linear, error) &&
           choose_cost(linear, error) && questions_answer(linear, error) && fit(linear, error) &&
           save(linear, error);
}

/* --summary: the model that would be trained. */
static gboolean show(Linear *linear, GError **error)
{
    if (!network_make(linear, error))
        return FALSE;
    print_summary(linear->network);
    return TRUE;
}

Status train_standalone_linear(const TrainOptions *options, GError **error)
{
    g_auto(Linear) linear = {.options = options};
    g_autofree char *wrong = linear_settings_parse(options, &linear.settings);
    if (wrong) {
        error_set(error, "%s", wrong);
        return STATUS_FAILED;
    }
    blas_startup((guint)options->common.threads);
    gboolean done =
        gather(&linear, error) && (options->summary ? show(&linear, error) : train_model(&linear, error));
    if (!done && interrupted()) {
        g_clear_error(error);
        error_set(error, "interrupted: %s was not written; run the same command to start again",
                  options->model);
    }
    return done ? STATUS_DONE : STATUS_FAILED;
}
