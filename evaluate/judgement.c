#include "evaluate/judgement.h"
#include "common/model/calibration.h"
#include <math.h>
#include <string.h>

Examples *examples_new(const char *source, gboolean is_cache)
{
    Examples *examples = g_new0(Examples, 1);
    examples->source = g_strdup(source);
    examples->is_cache = is_cache;
    examples->classes = g_ptr_array_new_with_free_func(g_free);
    examples->paths = g_ptr_array_new_with_free_func(g_free);
    examples->labels = g_array_new(FALSE, FALSE, sizeof(int));
    examples->skipped = g_ptr_array_new_with_free_func(g_free);
    return examples;
}

void examples_free(Examples *examples)
{
    if (!examples)
        return;
    g_free(examples->source);
    g_ptr_array_unref(examples->classes);
    g_ptr_array_unref(examples->paths);
    g_array_unref(examples->labels);
    g_ptr_array_unref(examples->skipped);
    g_free(examples);
}

const char *const *examples_names(const Examples *examples)
{
    return (const char *const *)examples->classes->pdata;
}

const int *examples_labels(const Examples *examples)
{
    return (const int *)(gconstpointer)examples->labels->data;
}

/* ---- Models ---- */

static void judgement_free(gpointer data)
{
    Judgement *judgement = data;
    g_free(judgement->path);
    g_free(judgement->name);
    model_free(judgement->model);
    g_free(judgement->outputs);
    g_free(judgement->probabilities);
    g_free(judgement->predicted);
    g_free(judgement->matrix);
    g_free(judgement->per_class);
    g_free(judgement);
}

/* The file's name without folder and ending where that tells the models apart, else the path as it was given. */
static char *short_name(const char *const *paths, guint n, guint index)
{
    g_autofree char *base = g_path_get_basename(paths[index]);
    for (guint i = 0; i < n; i++) {
        g_autofree char *other = g_path_get_basename(paths[i]);
        if (i != index && strcmp(base, other) == 0)
            return g_strdup(paths[index]);
    }
    char *dot = strrchr(base, '.');
    gboolean usual = dot && dot != base && (g_str_equal(dot, ".h5") || g_str_equal(dot, ".hdf5"));
    return usual ? g_strndup(base, (gsize)(dot - base)) : g_steal_pointer(&base);
}

GPtrArray *judgements_load(const char *const *paths, guint n, GError **error)
{
    g_autoptr(GPtrArray) judgements = g_ptr_array_new_with_free_func(judgement_free);
    for (guint i = 0; i < n; i++) {
        Judgement *judgement = g_new0(Judgement, 1);
        g_ptr_array_add(judgements, judgement);
        judgement->path = g_strdup(paths[i]);
        judgement->name = short_name(paths, n, i);
        judgement->model = model_load(paths[i], error);
        if (!judgement->model)
            return NULL;
    }
    return g_steal_pointer(&judgements);
}

gboolean model_probabilities(const Model *model, float *outputs, guint n)
{
    if (model->temperature > 0)
        calibration_apply(outputs, model->probabilities, model->temperature, n, model->classes->len, outputs);
    return model->probabilities || model->temperature > 0;
}

const float *judgement_scores(const Judgement *judgement)
{
    return judgement->probabilities ? judgement->probabilities : judgement->outputs;
}

/* ---- Figures ---- */

static void judgement_probabilities(Judgement *judgement, const int *labels, guint n, guint classes)
{
    gsize bytes = (gsize)n * classes * sizeof(float);
    judgement->probabilities = g_memdup2(judgement->outputs, bytes);
    judgement->log_loss = judgement->calibration_error = NAN;
    if (!model_probabilities(judgement->model, judgement->probabilities, n)) {
        g_clear_pointer(&judgement->probabilities, g_free);
        return;
    }
    judgement->log_loss = metrics_log_loss(judgement->probabilities, labels, n, classes);
    metrics_reliability(judgement->probabilities, labels, n, classes, judgement->bins, RELIABILITY_BINS);
    judgement->calibration_error = metrics_calibration_error(judgement->bins, RELIABILITY_BINS);
}

static void judgement_figures(Judgement *judgement, const int *labels, guint n, guint classes, guint k)
{
    judgement->predicted = g_new(int, n);
    judgement->matrix = g_new(guint, (gsize)classes * classes);
    judgement->per_class = g_new(ClassFigures, classes);
    for (guint i = 0; i < n; i++) {
        judgement->predicted[i] = metrics_argmax(judgement->outputs + (gsize)i * classes, classes);
        judgement->right += judgement->predicted[i] == labels[i];
    }
    metrics_confusion(labels, judgement->predicted, n, classes, judgement->matrix);
    metrics_per_class(judgement->matrix, classes, judgement->per_class, &judgement->macro,
                      &judgement->weighted);
    judgement->accuracy = metrics_accuracy(judgement->matrix, classes);
    judgement->interval = metrics_wilson(judgement->right, n);
    judgement->top_k = metrics_top_k(judgement->outputs, labels, n, classes, k);
    judgement_probabilities(judgement, labels, n, classes);
}

Comparison *comparison_new(Examples *examples, GPtrArray *judgements, guint top)
{
    Comparison *comparison = g_new0(Comparison, 1);
    guint classes = examples->classes->len;
    comparison->examples = examples;
    comparison->judgements = judgements;
    comparison->k = MIN(top, classes);
    for (guint i = 0; i < judgements->len; i++)
        judgement_figures(judgements->pdata[i], examples_labels(examples), examples->paths->len, classes,
                          comparison->k);
    return comparison;
}

void comparison_free(Comparison *comparison)
{
    if (!comparison)
        return;
    examples_free(comparison->examples);
    g_ptr_array_unref(comparison->judgements);
    g_free(comparison);
}

guint comparison_count(const Comparison *comparison)
{
    return comparison->examples->paths->len;
}

guint comparison_classes(const Comparison *comparison)
{
    return comparison->examples->classes->len;
}

const Judgement *comparison_model(const Comparison *comparison, guint index)
{
    return comparison->judgements->pdata[index];
}

gboolean comparison_has_top_k(const Comparison *comparison)
{
    return comparison->k < comparison_classes(comparison);
}

static gint compare_mistakes(gconstpointer a, gconstpointer b)
{
    const Mistake *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

GArray *judgement_mistakes(const Comparison *comparison, const Judgement *judgement)
{
    GArray *mistakes = g_array_new(FALSE, FALSE, sizeof(Mistake));
    const float *scores = judgement_scores(judgement);
    guint classes = comparison_classes(comparison);
    for (guint i = 0; i < comparison_count(comparison); i++) {
        int predicted = judgement->predicted[i];
        Mistake mistake = {i, scores[(gsize)i * classes + predicted]};
        if (predicted != examples_labels(comparison->examples)[i])
            g_array_append_val(mistakes, mistake);
    }
    g_array_sort(mistakes, compare_mistakes);
    return mistakes;
}
