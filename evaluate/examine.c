#include "evaluate/examine.h"
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "evaluate/images.h"
#include <string.h>

enum { BLOCK = 64 }; /* vectors a model is given at a time */

gboolean examine_is_cache(const char *source)
{
    g_autofree char *data = g_build_filename(source, "data.mdb", NULL);
    return g_file_test(data, G_FILE_TEST_EXISTS);
}

static void allocate_outputs(GPtrArray *judgements, guint images)
{
    for (guint i = 0; i < judgements->len; i++) {
        Judgement *judgement = judgements->pdata[i];
        judgement->outputs = g_new(float, (gsize)images * judgement->model->classes->len + 1);
    }
}

/* recipe NULL: the model brings its own. */
static gboolean check_models(const GPtrArray *judgements, const Examples *examples, const Recipe *recipe,
                             GError **error)
{
    for (guint i = 0; i < judgements->len; i++) {
        const Judgement *judgement = judgements->pdata[i];
        g_autofree char *clause = model_mismatch(judgement->model, recipe ? recipe : judgement->model->recipe,
                                                 examples_names(examples), examples->classes->len);
        if (clause)
            return cli_error(error, "%s: cannot judge %s: %s", judgement->path, examples->source, clause);
    }
    return TRUE;
}

/* ---- A cache ---- */

static Examples *list_cache(const char *source, const Cache *cache)
{
    Examples *examples = examples_new(source, TRUE);
    for (guint c = 0; c < cache_classes(cache); c++)
        g_ptr_array_add(examples->classes, g_strdup(cache_class(cache, c)));
    for (guint i = 0; i < cache_count(cache); i++) {
        const CacheItem *item = cache_item(cache, i);
        g_ptr_array_add(examples->paths, g_strdup(item->path));
        g_array_append_val(examples->labels, item->label);
    }
    return examples;
}

static gboolean judge_block(Cache *cache, guint first, guint n, Crew *crew, GPtrArray *judgements,
                            GError **error)
{
    const float *rows[BLOCK];
    for (guint i = 0; i < n; i++)
        if (!(rows[i] = cache_features(cache, first + i, error)))
            return FALSE;
    for (guint j = 0; j < judgements->len; j++) {
        Judgement *judgement = judgements->pdata[j];
        float *out = judgement->outputs + (gsize)first * judgement->model->classes->len;
        model_predict(judgement->model, crew, rows, (int)n, out);
    }
    return TRUE;
}

static Examples *examine_cache(const ExamineOptions *options, GPtrArray *judgements, GError **error)
{
    g_autoptr(Cache) cache = cache_open(options->source, error);
    if (!cache)
        return NULL;
    g_autoptr(Examples) examples = list_cache(options->source, cache);
    guint n = cache_count(cache);
    if (n == 0) {
        cli_error(error, "%s: holds no image; run extract first", options->source);
        return NULL;
    }
    if (!check_models(judgements, examples, cache_recipe(cache), error))
        return NULL;
    allocate_outputs(judgements, n);
    g_autoptr(Crew) crew = crew_new(options->threads);
    g_autoptr(Progress) progress = progress_new("Judging", n, "images");
    for (guint first = 0; first < n; first += BLOCK) {
        guint rows = MIN(BLOCK, n - first);
        if (!judge_block(cache, first, rows, crew, judgements, error))
            return NULL;
        if (interrupted()) {
            cli_error(error, "interrupted before all images were judged");
            return NULL;
        }
        progress_tick(progress, rows);
    }
    return g_steal_pointer(&examples);
}

/* ---- A folder ---- */

/* Images on their way to those models that share a recipe. */
typedef struct {
    const Dataset *dataset;
    GPtrArray *judgements; /* Judgement*, borrowed */
    Crew *crew;
    char **reasons;    /* (N): why an image cannot be used; NULL where it can */
    float *block;      /* (BLOCK, D) */
    guint rows[BLOCK]; /* images in the block */
    guint filled;
    gsize features; /* D */
} Folder;

static void judge_folder_block(Folder *folder)
{
    const float *x[BLOCK];
    for (guint i = 0; i < folder->filled; i++)
        x[i] = folder->block + i * folder->features;
    for (guint j = 0; j < folder->judgements->len; j++) {
        Judgement *judgement = folder->judgements->pdata[j];
        guint classes = judgement->model->classes->len;
        g_autofree float *out = g_new(float, BLOCK *classes);
        model_predict(judgement->model, folder->crew, x, (int)folder->filled, out);
        for (guint i = 0; i < folder->filled; i++)
            memcpy(judgement->outputs + (gsize)folder->rows[i] * classes, out + i * classes,
                   classes * sizeof *out);
    }
    folder->filled = 0;
}

static gboolean take_vector(guint index, const float *features, const char *reason, gpointer user,
                            GError **error)
{
    Folder *folder = user;
    const DatasetItem *item = folder->dataset->items->pdata[index];
    if (!features) {
        if (!folder->reasons[index])
            cli_warn("skipped %s: %s", item->path, reason);
        g_free(folder->reasons[index]);
        folder->reasons[index] = g_strdup(reason);
        return TRUE;
    }
    memcpy(folder->block + folder->filled * folder->features, features, folder->features * sizeof *features);
    folder->rows[folder->filled++] = index;
    if (folder->filled == BLOCK)
        judge_folder_block(folder);
    return TRUE;
}

/* One run of the images through the recipe of judgements[first], for all models that share it. */
static gboolean judge_recipe(const ExamineOptions *options, const Dataset *dataset, const Weights *weights,
                             const GPtrArray *judgements, guint first, char **reasons, GError **error)
{
    const Recipe *recipe = ((const Judgement *)judgements->pdata[first])->model->recipe;
    g_autoptr(GPtrArray) sharing = g_ptr_array_new(), files = g_ptr_array_new();
    for (guint j = 0; j < judgements->len; j++) {
        Judgement *judgement = judgements->pdata[j];
        g_autofree char *difference = recipe_difference(judgement->model->recipe, recipe);
        if (!difference && j < first)
            return TRUE; /* judged in the earlier model's run */
        if (!difference)
            g_ptr_array_add(sharing, judgement);
    }
    for (guint i = 0; i < dataset->items->len; i++)
        g_ptr_array_add(files, ((DatasetItem *)dataset->items->pdata[i])->path);
    g_autoptr(Crew) crew = crew_new(options->threads);
    Folder folder = {.dataset = dataset,
                     .judgements = sharing,
                     .crew = crew,
                     .reasons = reasons,
                     .features = recipe_features(recipe)};
    folder.block = g_new(float, BLOCK *folder.features);
    const ImagesOptions images = {"Judging", recipe, recipe->weights_hash[0] ? weights : NULL,
                                  options->threads};
    gboolean done =
        images_run(&images, (const char *const *)files->pdata, files->len, take_vector, &folder, error);
    if (done && folder.filled)
        judge_folder_block(&folder);
    g_free(folder.block);
    return done;
}

/* The images every model could be shown; outputs close ranks. */
static void keep_judged(Examples *examples, const Dataset *dataset, GPtrArray *judgements,
                        char *const *reasons)
{
    guint classes = examples->classes->len;
    for (guint i = 0; i < dataset->items->len; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        if (reasons[i]) {
            g_ptr_array_add(examples->skipped, g_strdup_printf("%s: %s", item->key, reasons[i]));
            continue;
        }
        for (guint j = 0; j < judgements->len; j++) {
            float *outputs = ((Judgement *)judgements->pdata[j])->outputs;
            memmove(outputs + (gsize)examples->paths->len * classes, outputs + (gsize)i * classes,
                    classes * sizeof *outputs);
        }
        g_ptr_array_add(examples->paths, g_strdup(item->key));
        g_array_append_val(examples->labels, item->label);
    }
}

static gboolean load_weights(const char *spec, const GPtrArray *judgements, Weights **weights, GError **error)
{
    g_autofree const Model **models = g_new(const Model *, judgements->len);
    g_autofree const char **paths = g_new(const char *, judgements->len);
    for (guint j = 0; j < judgements->len; j++) {
        const Judgement *judgement = judgements->pdata[j];
        models[j] = judgement->model;
        paths[j] = judgement->path;
    }
    return images_weights(spec, paths, models, judgements->len, weights, error);
}

static gboolean judge_folder(const ExamineOptions *options, const Dataset *dataset, Examples *examples,
                             GPtrArray *judgements, GError **error)
{
    g_autoptr(Weights) weights = NULL;
    guint n = dataset->items->len;
    g_autofree char **slots = g_new0(char *, n + 1);
    if (!load_weights(options->weights, judgements, &weights, error))
        return FALSE;
    allocate_outputs(judgements, n);
    gboolean done = TRUE;
    for (guint j = 0; done && j < judgements->len; j++)
        done = judge_recipe(options, dataset, weights, judgements, j, slots, error);
    if (done)
        keep_judged(examples, dataset, judgements, slots);
    for (guint i = 0; i < n; i++)
        g_free(slots[i]);
    if (done && examples->paths->len == 0)
        return cli_error(error, "%s: none of its %u images could be used", options->source, n);
    return done;
}

static Examples *examine_folder(const ExamineOptions *options, GPtrArray *judgements, GError **error)
{
    g_autoptr(Dataset) dataset = dataset_scan(options->source, &options->filter, error);
    if (!dataset)
        return NULL;
    g_autoptr(Examples) examples = examples_new(options->source, FALSE);
    for (guint c = 0; c < dataset->classes->len; c++)
        g_ptr_array_add(examples->classes, g_strdup(dataset->classes->pdata[c]));
    if (!check_models(judgements, examples, NULL, error) ||
        !judge_folder(options, dataset, examples, judgements, error))
        return NULL;
    return g_steal_pointer(&examples);
}

Examples *examine(const ExamineOptions *options, GPtrArray *judgements, GError **error)
{
    return examine_is_cache(options->source) ? examine_cache(options, judgements, error)
                                             : examine_folder(options, judgements, error);
}
