/* images: see images.h. */
#include "evaluate/prediction/images.h"

#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/sha256.h"
#include "common/dataset/dataset.h"
#include "common/pipeline/pipeline.h"
#include "common/vgg16/weights_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list on standard input, one path a line. */
static void read_list(GPtrArray *files)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        g_strchomp(line);
        if (*line)
            g_ptr_array_add(files, g_strdup(line));
    }
    free(line);
}

GPtrArray *images_list(const char *const *inputs, GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    for (; *inputs; inputs++) {
        if (strcmp(*inputs, "-") == 0) {
            read_list(files);
        } else if (g_file_test(*inputs, G_FILE_TEST_IS_DIR)) {
            GPtrArray *inside = dataset_files(*inputs, error);
            if (!inside)
                return NULL;
            g_ptr_array_extend_and_steal(files, inside);
        } else {
            g_ptr_array_add(files, g_strdup(*inputs));
        }
    }
    return g_steal_pointer(&files);
}

/* ---- Weights ---- */

static gboolean same_weights(const Weights *weights, const ImagesOwner *owner, GError **error)
{
    if (strcmp(weights->hash, owner->spec->weights_hash) == 0)
        return TRUE;
    return error_set(error,
                     "%s: was %s with the base weights %s (SHA-256 %.12s…), not with %s (%.12s…); give the "
                     "ones it was %s with as --weights",
                     owner->path, owner->made, owner->spec->weights_source, owner->spec->weights_hash,
                     weights->source, weights->hash, owner->made);
}

/* from NULL: what the owner's description gives, or extract would find. */
static Weights *load(const char *from, const ImagesOwner *owner, GError **error)
{
    const char *source = owner->spec->weights_source;
    g_autofree char *path = from                         ? g_strdup(from)
                            : weights_are_seeded(source) ? g_strdup(source)
                                                         : weights_find();
    if (path)
        return weights_load(path, error);
    error_set(error, "%s: needs the base weights it was %s with, %s; give that file as --weights",
              owner->path, owner->made, source);
    return NULL;
}

gboolean images_weights(const char *from, const ImagesOwner *owners, guint n, Weights **weights,
                        GError **error)
{
    g_autoptr(Weights) loaded = NULL;
    *weights = NULL;
    for (guint i = 0; i < n; i++) {
        const ImagesOwner *owner = owners + i;
        if (feature_spec_is_imported(owner->spec))
            return error_set(error,
                             "%s: was %s on imported features (made by %s), which cannot be computed from "
                             "images here: evaluate it on a cache of features made in the same way",
                             owner->path, owner->made, owner->spec->weights_source);
        if (!owner->spec->weights_hash[0])
            continue;
        if (!loaded && !(loaded = load(from, owner, error)))
            return FALSE;
        if (!same_weights(loaded, owner, error))
            return FALSE;
    }
    if (loaded && loaded->seeded)
        cli_remark("the base is the seeded stand-in %s, not trained weights", loaded->source);
    *weights = g_steal_pointer(&loaded);
    return TRUE;
}

/* ---- Vectors ---- */

typedef struct {
    const char *const *files;
    const FeatureSpec *spec;
    ImagesConsume consume;
    gpointer user;
} Run;

static Produced produce(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user)
{
    const Run *run = user;
    g_autoptr(GBytes) content = NULL;
    Produced produced = pipeline_decode(run->files[index], run->spec, rgb, &content, reason);
    if (produced == PRODUCED)
        sha256(g_bytes_get_data(content, NULL), g_bytes_get_size(content), note);
    return produced;
}

static gboolean consume(guint index, const float *features, const guint8 *note, const char *reason,
                        gpointer user, GError **error)
{
    const Run *run = user;
    return run->consume(index, features, note, reason, run->user, error);
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
    return !interrupted() || error_set(error, "interrupted before all images were predicted");
}
