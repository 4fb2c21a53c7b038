/* linear: --head linear, from a cache to a linear classifier: scaling, Gram factor, cost search, fit,
 * model file. */
#include "train/linear/linear.h"

#include "common/arithmetic/blas.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/model/calibration.h"
#include "common/model/model.h"
#include "common/network/network.h"
#include "common/network/scores.h"
#include "train/data/announce.h"
#include "train/data/class_weights.h"
#include "train/data/held_out.h"
#include "train/linear/learning_curve.h"
#include "train/linear/linear_fit.h"
#include "train/linear/suspects.h"
#include "train/model/layers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void linear_clear(Linear *linear)
{
    model_free(linear->model);
    search_free(linear->search);
    linear_form_clear(linear);
    g_free(linear->training.class_weights);
    g_free(linear->counts);
    training_data_free(linear->data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Linear, linear_clear)

/* ---- Data ---- */

static gboolean check_classes(const Linear *linear, GError **error)
{
    const char *path = linear->data->cache->path;
    for (guint k = 0; k < linear->training.classes; k++)
        if (linear->counts[k] == 0)
            return error_set(error, "%s: it has no images of class %s; extract some, or leave the class out",
                             path, linear->names[k]);
    return model_holds_names(path, linear->data->classes, error);
}

static gboolean gather(Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    guint64 seed = (guint64)o->common.seed;
    TrainingData *data = linear->data = training_data_from_cache(&o->images, seed, error);
    if (!data || !cache_source_read(&data->cached[0], error))
        return FALSE;
    const SplitPart *images = &data->parts[0];
    guint classes = data->classes->len;
    linear->names = (const char *const *)data->classes->pdata;
    linear->counts = g_new0(guint, classes);
    for (guint i = 0; i < images->count; i++)
        linear->counts[images->labels[i]]++;
    linear->training = (LinearTraining){.solver = linear->choice->solver,
                                        .tolerance = linear->choice->tolerance,
                                        .seed = (guint)seed,
                                        .labels = images->labels,
                                        .units = images->units,
                                        .n = images->count,
                                        .classes = classes};
    if (!check_classes(linear, error))
        return FALSE;
    linear->training.class_weights = class_weights_new(o->fitting.class_weight, data->classes, images, error);
    if (linear->training.class_weights && !o->summary)
        train_announce(o->results.model, images->count, 0, data->spec->shape,
                       (feature_spec_features(data->spec) + 1) * classes * sizeof(float), 0);
    return linear->training.class_weights != NULL;
}

static gboolean export_set(const Linear *linear, GError **error)
{
    const char *path = linear->choice->export_libsvm;
    if (!path || !training_set_write(linear->training.set, linear->training.labels, path, error))
        return !path;
    cli_remark("%u %s written in libsvm's format to %s; labels number the classes in order from 0",
               linear->training.n, plural(linear->training.n, "image", "images"), path);
    return TRUE;
}

/* ---- Scaling and cost ---- */

/* The cost to search around. For ||w||²: 1 / mean ||x||², which makes the features' scale irrelevant. For
 * |w|: ten times the smallest cost at which any weight is non-zero (scikit-learn's l1_min_c). */
static double reference_cost(const Linear *linear)
{
    const LinearTraining *training = &linear->training;
    const Solver *solver = training->solver;
    if (!solver->rotation)
        return (solver->loss == LOSS_LOGISTIC ? 20 : 5) /
               training_set_largest_correlation(training->set, training->labels, training->classes);
    double bias = training->set->bias;
    return 1 / (descent_rows_mean_square(training->rows) - bias * bias);
}

static gboolean leave_curves(const Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    g_autofree char *csv = search_csv(linear->search);
    if (o->results.history && !output_file_write(o->results.history, csv, strlen(csv), error))
        return FALSE;
    g_autofree char *title =
        g_strdup_printf("%s, %u %s, %u %s", linear->choice->solver->name, linear->training.n,
                        plural(linear->training.n, "image", "images"), linear->training.classes,
                        plural(linear->training.classes, "class", "classes"));
    return !o->results.plot || linear->search->n < 2 ||
           search_plot(linear->search, title, o->results.plot, error);
}

/* Whether every class has images that are not of one group, so that each fold's model knows it. */
static gboolean check_groups(const Linear *linear, GError **error)
{
    const LinearTraining *training = &linear->training;
    g_autofree guint *last = g_new0(guint, training->classes); /* the unit of its last image, plus 1 */
    g_autofree gboolean *divided = g_new0(gboolean, training->classes);
    for (guint i = 0; i < training->n; i++) {
        int k = training->labels[i];
        guint unit = linear_unit(training, i) + 1;
        divided[k] |= last[k] && last[k] != unit;
        last[k] = unit;
    }
    for (guint k = 0; k < training->classes; k++)
        if (!divided[k] && linear->counts[k] > 1)
            return error_set(
                error,
                "%s: the %u images of class %s are of one group, and cannot be divided into folds: "
                "give smaller groups",
                linear->options->images.cache, linear->counts[k], linear->names[k]);
    return TRUE;
}

static gboolean check_folds(const Linear *linear, GError **error)
{
    guint folds = linear->choice->folds, smallest = linear->counts[0];
    if (folds > linear->training.n)
        return error_set(error,
                         "%s: cross-validation in %u folds needs at least as many images, and it has %u: add "
                         "images, or use fewer --folds",
                         linear->options->images.cache, folds, linear->training.n);
    for (guint k = 1; k < linear->training.classes; k++)
        smallest = MIN(smallest, linear->counts[k]);
    if (smallest < folds)
        cli_warn("the smallest class has %u %s, fewer than the %u folds: its share of the accuracy is a "
                 "rough estimate",
                 smallest, plural(smallest, "image", "images"), folds);
    return check_groups(linear, error);
}

static const Part all = {0};

/* Where the scaling is fitted to images, it must not see those of a fold: each fold has a form of its own. The last one
 * made is that of all images again. */
static gboolean fit_folds(Linear *linear, Search *search, Progress *progress, GError **error)
{
    ScalingKind scale = linear->training.set->scaling->kind;
    guint step = scale == SCALE_STANDARD ? 1 : search->folds;
    for (guint f = 0; f < search->folds; f += step) {
        if ((scale == SCALE_STANDARD && !linear_form_make(linear, scale, (Part){search->fold, f}, error)) ||
            !search_fit(search, f, step, progress, error))
            return FALSE;
    }
    return scale != SCALE_STANDARD || linear_form_make(linear, scale, all, error);
}

/* In this scaling, whose form it leaves, over the costs that the options ask for. */
static Search *cross_validate(Linear *linear, ScalingKind scale, GError **error)
{
    const LinearChoice *choice = linear->choice;
    if (!linear_form_make(linear, scale, all, error))
        return NULL;
    double reference = reference_cost(linear);
    guint n = choice->tried;
    double around[SEARCH_COSTS] = {reference};
    if (choice->searches)
        search_costs(reference, around);
    const double *costs = choice->n_costs ? choice->costs : around;
    guint64 problems = (guint64)n * choice->folds * linear_problems(&linear->training);
    g_autoptr(Progress) progress = progress_new("Cross-validating", problems, "problems");
    g_autoptr(Search) search =
        search_new(&linear->training, costs, n, choice->folds, (guint64)linear->options->common.seed, error);
    if (!search || !fit_folds(linear, search, progress, error))
        return NULL;
    search->scale = scale;
    search->reference = reference;
    search_finish(search);
    return g_steal_pointer(&search);
}

/* What the search found more than training as the options say without it, on the same folds. */
static void tell_gain(const Linear *linear, double unsearched)
{
    const char *scale = scaling_name((ScalingKind)linear->options->network.scale);
    double gain = 100 * (search_best(linear->search)->accuracy - unsearched);
    if (gain < 0.05)
        printf("The search gained nothing: --scale %s with its own cost is as good.\n", scale);
    else
        printf("The search gained %.1f points over --scale %s with its own cost, on the folds it chose by.\n",
               gain, scale);
}

/* Scalings that a search compares: the default last, which is kept unless another one is better by more than a standard
 * error over the folds. `max` is `none` at another cost. */
static const ScalingKind compared[] = {SCALE_STANDARD, SCALE_NONE, SCALE_L2, SCALE_SQRT};

/* Cross-validates the form of each scaling in turn. *unsearched: accuracy as the options say without a search. */
static gboolean compare(Linear *linear, const ScalingKind *scales, guint n, double *unsearched,
                        GError **error)
{
    double enough = -1; /* accuracy at which a scaling replaces the best one so far */
    for (guint s = 0; s < n; s++) {
        g_autoptr(Search) search = cross_validate(linear, scales[s], error);
        if (!search)
            return FALSE;
        const SearchPoint *best = search_best(search);
        if (n > 1)
            printf("%12s  %12g  %8.4f  %9.4f\n", scaling_name(scales[s]), best->cost, best->accuracy,
                   best->deviation);
        if (scales[s] == (ScalingKind)linear->options->network.scale)
            *unsearched = search_unsearched(search)->accuracy;
        if (linear->search && s + 1 == n) {
            const SearchPoint *other = search_best(linear->search);
            enough = other->accuracy - other->deviation / sqrt(linear->choice->folds);
        }
        if (best->accuracy < enough)
            continue;
        enough = best->accuracy;
        search_free(linear->search);
        linear->search = g_steal_pointer(&search);
    }
    return TRUE;
}

/* Leaves the form of the best scaling. */
static gboolean search(Linear *linear, GError **error)
{
    const LinearChoice *choice = linear->choice;
    const ScalingKind given = (ScalingKind)linear->options->network.scale;
    const ScalingKind *scales = choice->searches_scale ? compared : &given;
    guint n = choice->searches_scale ? G_N_ELEMENTS(compared) : 1;
    double unsearched = 0;
    if (!check_folds(linear, error))
        return FALSE;
    if (n > 1)
        printf("%12s  %12s  %8s  %9s\n", "scaling", "best cost", "accuracy", "deviation");
    if (!compare(linear, scales, n, &unsearched, error))
        return FALSE;
    const Search *best = linear->search;
    if (best->scale != scales[n - 1] && !linear_form_make(linear, best->scale, all, error))
        return FALSE;
    if (n > 1)
        printf("Scaling %s:\n", scaling_name(best->scale));
    g_autofree char *text = search_text(best);
    printf("%s", text);
    if (choice->searches && !choice->n_costs)
        tell_gain(linear, unsearched);
    printf("\n");
    linear->cost = search_best(best)->cost;
    return leave_curves(linear, error);
}

/* The scaling, the form it gives, and the cost. */
static gboolean choose(Linear *linear, GError **error)
{
    const LinearChoice *choice = linear->choice;
    if (choice->cross_validates)
        return search(linear, error);
    if (!linear_form_make(linear, (ScalingKind)linear->options->network.scale, all, error))
        return FALSE;
    linear->cost = choice->n_costs ? choice->costs[0] : reference_cost(linear);
    return TRUE;
}

/* ---- Fit ---- */

/* Iterations as scikit-learn's n_iter_: of the problem that took the most. 0 if the solver reports none. */
static void tell_fit(const Linear *linear, const LinearFits *fits, double accuracy)
{
    const Solver *solver = linear->choice->solver;
    /* On the rows of a cache, primal solvers' problems are solved by their duals. */
    gboolean has_primal = solver->dual && solver_descends(solver) &&
                          (linear->training.rows->reduced || !linear->choice->reduce);
    guint not_converged = 0;
    int iterations = 0;
    for (guint p = 0; p < fits->n; p++) {
        not_converged += fits->problems[p].not_converged ? 1 : 0;
        iterations = MAX(iterations, fits->problems[p].iterations);
    }
    if (not_converged)
        cli_warn("%u of %u %s reached liblinear's iteration limit before tolerance %g: the solution is "
                 "approximate; a smaller --cost, --scale standard or a larger --tolerance converges faster%s",
                 not_converged, fits->n, plural(fits->n, "problem", "problems"), linear->choice->tolerance,
                 has_primal ? ", as may the primal solver (--solver svc or lr)" : "");
    printf("%s, cost %g: training accuracy %.4f", solver->name, linear->cost, accuracy);
    if (iterations > 0)
        printf(" (at most %d iterations)", iterations);
    printf("\n");
}

static gboolean take_weights(Linear *linear, const LinearFits *fits, GError **error)
{
    guint classes = linear->training.classes;
    g_autofree float *kernel = g_new(float, linear->training.set->features *classes),
                     *offset = g_new(float, classes);
    linear_fits_weights(fits, kernel, offset);
    if (interrupted())
        return error_set(error, "interrupted");
    if (!(linear->model = layers_model(linear->data, &linear->options->network, error)))
        return FALSE;
    Layer *layer = network_first(linear->model->network, LAYER_DENSE);
    memcpy(layer->kernel, kernel, layer->kernel_count * sizeof *kernel);
    memcpy(layer->bias, offset, classes * sizeof *offset);
    return TRUE;
}

static gboolean fit(Linear *linear, GError **error)
{
    g_autoptr(LinearFits) fits = linear_fits_new(&linear->training, NULL, 1, error);
    if (!fits)
        return FALSE;
    g_autoptr(Progress) progress = progress_new("Training", fits->n, "problems");
    double accuracy;
    if (!linear_fits_run(fits, linear->cost, progress, error))
        return FALSE;
    linear_fits_test(fits, NULL, &accuracy);
    g_clear_pointer(&progress, progress_free);
    tell_fit(linear, fits, accuracy);
    return take_weights(linear, fits, error);
}

/* ---- Model ---- */

static json_t *training_settings(const Linear *linear)
{
    const LinearChoice *choice = linear->choice;
    const Search *search = linear->search;
    json_t *points = search ? json_array() : NULL;
    for (guint i = 0; points && i < search->n; i++) {
        const SearchPoint *point = &search->points[i];
        json_array_append_new(points, json_pack("{s:f, s:f, s:f}", "cost", point->cost, "accuracy",
                                                point->accuracy, "deviation", point->deviation));
    }
    return json_pack("{s:s, s:s, s:f, s:f, s:b, s:s, s:i, s:I, s:f, s:f, s:o*, s:o*}", "solver",
                     choice->solver->name, "scale", scaling_name(linear->training.set->scaling->kind),
                     "averages", linear->training.set->channels ? linear->options->network.averages : 1,
                     "bias", choice->bias, "reduced", linear->training.rows->reduced, "class_weight",
                     linear->options->fitting.class_weight, "images", (int)linear->training.n, "seed",
                     (json_int_t)linear->options->common.seed, "cost", linear->cost, "tolerance",
                     choice->tolerance, "folds", search ? json_integer(search->folds) : NULL, "search",
                     points);
}

static void print_summary(const Network *network)
{
    g_autofree char *summary = network_summary(network, "linear", NULL);
    printf("%s", summary);
}

/* By images that the folds' models were not trained on, whose decision values become probabilities as the model gives them. */
static gboolean answer_held_out(const Linear *linear, Model *model, GError **error)
{
    Search *search = linear->search;
    if (!search->n_held)
        return error_set(error, "%s: no fold's model knows all classes; use fewer --folds",
                         linear->options->images.cache);
    if (model->sigmoids)
        scores_rows(scores_logistic, search->values, search->n_held, linear->training.classes,
                    search->values);
    else
        calibration_apply(search->values, FALSE, model->temperature, search->n_held, linear->training.classes,
                          search->values);
    const Answers all = {.probabilities = search->values,
                         .labels = search->labels,
                         .units = search->units,
                         .n = search->n_held};
    return held_out_answer(&linear->options->results, model, &all, error);
}

static gboolean save(Linear *linear, GError **error)
{
    const char *path = linear->options->results.model;
    Model *model = linear->model;
    json_decref(model->training);
    model->training = training_settings(linear);
    scaling_free(model->scaling);
    model->scaling = g_steal_pointer(&linear->training.set->scaling);
    model->probabilities = model->sigmoids = linear->choice->solver->loss == LOSS_LOGISTIC;
    model->temperature = linear->search ? linear->search->temperature : 0;
    if ((held_out_asked(&linear->options->results) && !answer_held_out(linear, model, error)) ||
        !novelty_fit(linear->data->cache, NULL, linear->training.n, linear->training.thread_pool,
                     &model->novelty, error) ||
        !model_save(model, path, error))
        return FALSE;
    if (!cli_quiet())
        print_summary(model->network);
    printf("Saved in %s\n", path);
    return TRUE;
}

static gboolean train_model(Linear *linear, GError **error)
{
    return choose(linear, error) && export_set(linear, error) &&
           (!linear->choice->suspects || suspects_answer(linear, error)) &&
           (!linear->choice->learning_curve || learning_curve_answer(linear, error)) && fit(linear, error) &&
           save(linear, error);
}

/* --summary: the model that would be trained. */
static gboolean show(const Linear *linear, GError **error)
{
    g_autoptr(Network) network = layers_network(linear->data, &linear->options->network, error);
    if (network)
        print_summary(network);
    return network != NULL;
}

Status train_standalone_linear(const TrainOptions *options, GError **error)
{
    g_auto(Linear) linear = {.options = options, .choice = &options->linear};
    blas_startup((guint)options->common.threads);
    gboolean done =
        gather(&linear, error) && (options->summary ? show(&linear, error) : train_model(&linear, error));
    if (!done && interrupted()) {
        g_clear_error(error);
        error_set(error, "interrupted: %s was not written; run the same command to start again",
                  options->results.model);
    }
    return done ? STATUS_DONE : STATUS_FAILED;
}
