/* images: see images.h. */
#include "evaluate/prediction/images.h"

#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/pipeline/pipeline.h"

#include <string.h>

static gboolean has_base(const Model *model)
{
    return model->spec->weights_hash[0] != '\0';
}

static gboolean seeded(const char *source)
{
    return strcmp(source, "random") == 0 || g_str_has_prefix(source, "random:");
}

static gboolean same_weights(const Weights *weights, const char *path, const Model *model, GError **error)
{
    if (strcmp(weights->hash, model->spec->weights_hash) == 0)
        return TRUE;
    return error_set(error,
                     "%s: was trained with the base weights %s (SHA-256 %.12s…), not with %s (%.12s…); "
                     "give the ones it was trained with by --weights",
                     path, model->spec->weights_source, model->spec->weights_hash, weights->source,
                     weights->hash);
}

gboolean images_weights(const char *from, const char *const *paths, const Model *const *models, guint n,
                        Weights **weights, GError **error)
{
    g_autoptr(Weights) loaded = NULL;
    *weights = NULL;
    for (guint i = 0; i < n; i++) {
        const FeatureSpec *spec = models[i]->spec;
        if (feature_spec_is_imported(spec))
            return error_set(error,
                             "%s: was trained on imported features (made by %s), which images do not become "
                             "here: evaluate it on a cache of features made in the same way",
                             paths[i], spec->weights_source);
        if (!has_base(models[i]))
            continue;
        if (!loaded && !from && !seeded(spec->weights_source))
            return error_set(
                error, "%s: needs the base weights it was trained with, %s; give that file by --weights",
                paths[i], spec->weights_source);
        if (!loaded && !(loaded = weights_load(from ? from : spec->weights_source, error)))
            return FALSE;
        if (!same_weights(loaded, paths[i], models[i], error))
            return FALSE;
    }
    if (loaded && loaded->seeded)
        cli_remark("the base is the seeded stand-in %s, not trained weights", loaded->source);
    *weights = g_steal_pointer(&loaded);
    return TRUE;
}

typedef struct {
    const char *const *files;
    const FeatureSpec *spec;
    ImagesConsume consume;
    gpointer user;
} Run;

static Produced produce(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user)
{
    const Run *run = user;
    return pipeline_decode(run->files[index], run->spec, rgb, NULL, reason);
}

static gboolean consume(guint index, const float *features, const guint8 *note, const char *reason,
                        gpointer user, GError **error)
{
    const Run *run = user;
    return run->consume(index, features, reason, run->user, error);
}

gboolean images_run(const ImagesOptions *options, const char *const *files, guint n, ImagesConsume consumer,
                    gpointer user, GError **error)
{
    const PipelineOptions pipeline_options = {.weights = options->weights,
                                              .spec = options->spec,
                                              .batch = BASE_DEFAULT_BATCH,
                                              .threads = options->threads};
    Run run = {files, options->spec, consumer, user};
    g_autoptr(Progress) progress = progress_new(options->label, n, "images");
    g_autoptr(Pipeline) pipeline = pipeline_new(&pipeline_options, error);
    if (!pipeline || !pipeline_run(pipeline, n, produce, consume, &run, progress, error))
        return FALSE;
    return !interrupted() || error_set(error, "interrupted before all images were judged");
}
