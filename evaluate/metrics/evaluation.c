/* evaluation: see evaluation.h. */
#include "evaluate/metrics/evaluation.h"

#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/dataset/partition.h"
#include "common/model/calibration.h"
#include "common/network/scores.h"

#include <math.h>
#include <string.h>

Cache *images_cache(const ImageChoice *choice, gboolean unlabelled, GError **error)
{
    g_autoptr(Cache) cache = cache_open(choice->source, error);
    if (!cache || !cache_choose(cache, &choice->filter, error))
        return NULL;
    if (unlabelled)
        cache_take_unlabelled(cache);
    else
        cache_remark_left_out(cache);
    return g_steal_pointer(&cache);
}

gboolean test_images_open(TestImages *images, const ImageChoice *choice, gboolean unlabelled, GError **error)
{
    images->folder = choice->folder;
    if (!(images->cache = images_cache(choice, unlabelled, error)))
        return FALSE;
    images->list = cache_dataset(images->cache);
    if (images->folder)
        dataset_locate(images->list, images->folder);
    return TRUE;
}

void test_images_free(TestImages *images)
{
    if (!images)
        return;
    dataset_free(images->list);
    cache_close(images->cache);
    g_clear_pointer(&images->skipped, g_ptr_array_unref);
    g_free(images);
}

/* ---- Models ---- */

static void evaluation_free(Evaluation *evaluation)
{
    g_free(evaluation->path);
    g_free(evaluation->name);
    model_free(evaluation->model);
    g_free(evaluation->known.scores);
    g_free(evaluation->known.similarities);
    g_free(evaluation->unknown.scores);
    g_free(evaluation->unknown.similarities);
    g_free(evaluation->predicted);
    g_free(evaluation->is_right);
    g_free(evaluation->matrix);
    g_clear_pointer(&evaluation->confused, g_array_unref);
    g_clear_pointer(&evaluation->mistakes, g_array_unref);
    g_free(evaluation->per_class);
    g_free(evaluation->leakage.seen);
    g_clear_pointer(&evaluation->coverage, g_array_unref);
    g_clear_pointer(&evaluation->slices, g_array_unref);
    g_free(evaluation);
}

/* A file's base name without the extension that models have. Caller frees. */
static char *stem_of(const char *path)
{
    char *base = g_path_get_basename(path), *dot = strrchr(base, '.');
    if (dot && dot != base && (g_str_equal(dot, ".h5") || g_str_equal(dot, ".hdf5")))
        *dot = '\0';
    return base;
}

/* The stem if that distinguishes the models, else the path as given. */
static char *short_name(const char *const *paths, guint n, guint index)
{
    g_autofree char *stem = stem_of(paths[index]);
    for (guint i = 0; i < n; i++) {
        g_autofree char *other = stem_of(paths[i]);
        if (i != index && strcmp(stem, other) == 0)
            return g_strdup(paths[index]);
    }
    return g_steal_pointer(&stem);
}

Comparison *comparison_new(const ModelChoice *choice, guint threads, GError **error)
{
    g_autoptr(Comparison) comparison = g_new0(Comparison, 1);
    comparison->choice = choice;
    comparison->evaluations = g_new0(Evaluation *, choice->n + 1);
    comparison->answers = g_new0(const Answers *, choice->n);
    comparison->thread_pool = thread_pool_new(threads);
    comparison->similarity = NAN;
    for (guint i = 0; i < choice->n; i++) {
        Evaluation *evaluation = comparison->evaluations[comparison->models++] = g_new0(Evaluation, 1);
        evaluation->comparison = comparison;
        evaluation->path = g_strdup(choice->paths[i]);
        evaluation->name = short_name((const char *const *)choice->paths, choice->n, i);
        evaluation->train_seconds = NAN;
        evaluation->model = model_load(choice->paths[i], error);
        if (!evaluation->model)
            return NULL;
    }
    return g_steal_pointer(&comparison);
}

gboolean model_has_probabilities(const Model *model)
{
    return model->probabilities || model->temperature > 0;
}

gboolean model_probabilities(const Model *model, float *outputs, guint n)
{
    if (model->temperature > 0)
        calibration_apply(outputs, model->probabilities, model->temperature, n, model->classes->len, outputs);
    return model_has_probabilities(model);
}

const float *evaluation_scores(const Evaluation *evaluation, guint image)
{
    return evaluation->known.scores + (gsize)image * evaluation->model->classes->len;
}

int evaluation_runner_up(const Evaluation *evaluation, guint image)
{
    return scores_other(evaluation_scores(evaluation, image), evaluation->model->classes->len,
                        evaluation->predicted[image]);
}

const char *comparison_label(const Comparison *comparison, guint image)
{
    return comparison->names[comparison->labels[image]];
}

const char *evaluation_answer(const Evaluation *evaluation, guint image)
{
    return evaluation->comparison->names[evaluation->predicted[image]];
}

/* ---- Metrics ---- */

gint ranked_order(gconstpointer a, gconstpointer b)
{
    const Ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->image < y->image ? -1 : x->image > y->image;
}

static void list_mistakes(Evaluation *evaluation)
{
    evaluation->mistakes = g_array_new(FALSE, FALSE, sizeof(Ranked));
    for (guint i = 0; i < evaluation->comparison->n; i++) {
        Ranked mistake = {i, (double)evaluation_scores(evaluation, i)[evaluation->predicted[i]]};
        if (!evaluation->is_right[i])
            g_array_append_val(evaluation->mistakes, mistake);
    }
    g_array_sort(evaluation->mistakes, ranked_order);
}

static void measure_probabilities(Evaluation *evaluation)
{
    const int *labels = evaluation->comparison->labels;
    guint n = evaluation->comparison->n, classes = evaluation->comparison->classes;
    evaluation->log_loss = evaluation->calibration_error = NAN;
    if (!model_probabilities(evaluation->model, evaluation->known.scores, n))
        return;
    evaluation->probabilities = evaluation->known.scores;
    evaluation->log_loss = metrics_log_loss(evaluation->probabilities, labels, n, classes);
    metrics_reliability(evaluation->probabilities, labels, n, classes, evaluation->bins, RELIABILITY_BINS);
    evaluation->coverage = calibration_coverage(evaluation->probabilities, labels, n, classes);
    evaluation->calibration_error = metrics_calibration_error(evaluation->bins, RELIABILITY_BINS);
}

static void measure(Evaluation *evaluation)
{
    const Comparison *comparison = evaluation->comparison;
    const int *labels = comparison->labels;
    guint n = comparison->n, classes = comparison->classes;
    evaluation->predicted = g_new(int, n);
    evaluation->is_right = g_new(int, n + 1);
    evaluation->matrix = g_new(guint, (gsize)classes * classes);
    evaluation->per_class = g_new(ClassMetrics, classes);
    for (guint i = 0; i < n; i++) {
        evaluation->predicted[i] = scores_argmax(evaluation_scores(evaluation, i), classes);
        evaluation->is_right[i] = evaluation->predicted[i] == labels[i];
        evaluation->right += (guint)evaluation->is_right[i];
    }
    metrics_confusion(labels, evaluation->predicted, n, classes, evaluation->matrix);
    evaluation->confused = metrics_confused_pairs(evaluation->matrix, classes);
    metrics_per_class(evaluation->matrix, classes, evaluation->per_class, &evaluation->macro,
                      &evaluation->weighted);
    evaluation->accuracy = metrics_accuracy(evaluation->matrix, classes);
    evaluation->top_k = metrics_top_k(evaluation->known.scores, labels, n, classes, comparison->k);
    evaluation->interval = interval_share(evaluation->is_right, NULL, comparison->units, n);
    measure_probabilities(evaluation);
    list_mistakes(evaluation);
    evaluation->answers = (Answers){.name = evaluation->name,
                                    .probabilities = evaluation->probabilities,
                                    .labels = labels,
                                    .n = n,
                                    .classes = classes,
                                    .class_names = comparison->names,
                                    .units = comparison->units,
                                    .points = evaluation->coverage};
}

static void read_labels_and_groups(Comparison *comparison)
{
    guint n = comparison->n;
    g_autofree const char **groups = g_new(const char *, n + 1);
    comparison->labels = g_new(int, n + 1);
    for (guint i = 0; i < n; i++) {
        comparison->labels[i] = comparison->items[i]->label;
        groups[i] = comparison->items[i]->group;
    }
    comparison->units = partition_units(groups, n);
    for (guint i = 0; comparison->units && i < n; i++)
        comparison->n_groups += comparison->units[i] == i;
    comparison->over = comparison->n_groups ? g_strdup_printf(" over %u %s", comparison->n_groups,
                                                              plural(comparison->n_groups, "group", "groups"))
                                            : g_strdup("");
}

static void test_against_guessing(Comparison *comparison)
{
    const ClassMetrics *metrics = comparison->evaluations[0]->per_class;
    guint n = comparison->n;
    for (guint c = 1; c < comparison->classes; c++)
        if (metrics[c].support > metrics[comparison->frequent].support)
            comparison->frequent = (int)c;
    comparison->guess = (double)metrics[comparison->frequent].support / n;
    for (guint j = 0; j < comparison->models; j++) {
        Evaluation *evaluation = comparison->evaluations[j];
        evaluation->guess_p = comparison->units
                                  ? metrics_grouped_beats_guessing(evaluation->is_right, comparison->units, n,
                                                                   comparison->guess)
                                  : metrics_beats_guessing(evaluation->right, n, comparison->guess);
    }
}

static void compare_pairs(Comparison *comparison)
{
    comparison->pairs = g_array_new(FALSE, FALSE, sizeof(ModelPair));
    for (guint i = 0; i < comparison->models; i++)
        for (guint j = i + 1; j < comparison->models; j++) {
            const Evaluation *first = comparison->evaluations[i], *second = comparison->evaluations[j];
            ModelPair pair = {first, second,
                              metrics_mcnemar(comparison->labels, first->predicted, second->predicted,
                                              comparison->units, comparison->n)};
            g_array_append_val(comparison->pairs, pair);
        }
}

void comparison_measure(Comparison *comparison, guint top)
{
    const Dataset *list = comparison->images->list;
    comparison->items = (const DatasetItem *const *)list->items->pdata;
    comparison->n = list->items->len;
    comparison->classes = list->classes->len;
    comparison->names = (const char *const *)list->classes->pdata;
    comparison->k = MIN(top, comparison->classes);
    read_labels_and_groups(comparison);
    for (guint i = 0; i < comparison->models; i++) {
        measure(comparison->evaluations[i]);
        comparison->answers[i] = &comparison->evaluations[i]->answers;
    }
    test_against_guessing(comparison);
    compare_pairs(comparison);
    comparison_judge(comparison);
}

void comparison_free(Comparison *comparison)
{
    if (!comparison)
        return;
    g_free(comparison->twins);
    g_clear_pointer(&comparison->pairs, g_array_unref);
    g_clear_pointer(&comparison->verdict.equals, g_ptr_array_unref);
    g_free(comparison->over);
    g_free(comparison->units);
    g_free(comparison->labels);
    test_images_free(comparison->images);
    test_images_free(comparison->unknown);
    for (guint j = 0; j < comparison->models; j++)
        evaluation_free(comparison->evaluations[j]);
    g_free(comparison->evaluations);
    g_free(comparison->answers);
    thread_pool_free(comparison->thread_pool);
    weights_free(comparison->weights);
    g_free(comparison);
}

GArray *evaluation_unsure(const Evaluation *evaluation)
{
    guint n = evaluation->comparison->n;
    GArray *unsure = g_array_new(FALSE, FALSE, sizeof(Ranked));
    for (guint i = 0; i < n; i++) {
        const float *scores = evaluation_scores(evaluation, i);
        int second = evaluation_runner_up(evaluation, i);
        Ranked one = {i, second < 0 ? 0 : (double)(scores[second] - scores[evaluation->predicted[i]])};
        g_array_append_val(unsure, one);
    }
    g_array_sort(unsure, ranked_order);
    return unsure;
}
