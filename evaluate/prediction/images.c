/* images: see images.h. */
#include "evaluate/prediction/images.h"

#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/vgg16/weights.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { MAX_LINE = 1 << 16 };

/* Appends what standard input has, once it has some; FALSE at its end or when interrupted. */
static gboolean read_more(GString *pending)
{
    enum { BLOCK = 4096, WAIT_MS = 1000 /* a signal may come just before the wait */ };
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char block[BLOCK];
    int ready;
    while ((ready = poll(&input, 1, WAIT_MS)) <= 0)
        if (interrupted() || (ready < 0 && errno != EINTR))
            return FALSE;
    ssize_t got = read(STDIN_FILENO, block, sizeof block);
    g_string_append_len(pending, block, MAX(got, 0));
    return got > 0;
}

/* Moves a line from pending to the list; FALSE if there is no complete one. */
static gboolean take_line(GString *pending, gboolean ended, Dataset *list)
{
    const char *newline = memchr(pending->str, '\n', pending->len);
    gsize length = newline ? (gsize)(newline - pending->str) : pending->len;
    if (!newline && (!ended || !length))
        return FALSE;
    g_autofree char *line = g_strchomp(g_strndup(pending->str, length));
    g_string_erase(pending, 0, (gssize)MIN(length + 1, pending->len));
    if (*line)
        dataset_add(list, line, 0);
    return TRUE;
}

gboolean images_lines(GString *pending, guint max, Dataset *list, GError **error)
{
    const guint before = list->items->len;
    gboolean ended = FALSE;
    while (list->items->len == before && !ended && !interrupted()) {
        ended = !memchr(pending->str, '\n', pending->len) && !read_more(pending);
        while (list->items->len - before < max && take_line(pending, ended, list))
            ;
        if (pending->len > MAX_LINE && !memchr(pending->str, '\n', pending->len))
            return error_set(error, "standard input: a line has more than %d bytes; give one path a line",
                             MAX_LINE);
    }
    return list->items->len > before && !interrupted();
}

static gboolean read_list(Dataset *list, GError **error)
{
    GError *wrong = NULL;
    g_autoptr(GString) pending = g_string_new(NULL);
    while (images_lines(pending, G_MAXUINT, list, &wrong))
        ;
    if (wrong)
        g_propagate_error(error, wrong);
    return !wrong;
}

static gboolean add_folder(Dataset *list, const char *folder, GError **error)
{
    g_autoptr(Dataset) inside = dataset_unsorted(folder, error);
    for (guint i = 0; inside && i < inside->items->len; i++)
        dataset_add(list, ((const DatasetItem *)inside->items->pdata[i])->path, 0);
    return inside != NULL;
}

Dataset *images_list(const char *const *inputs, GError **error)
{
    g_autoptr(Dataset) list = dataset_new("");
    for (; *inputs; inputs++) {
        gboolean lines = g_str_equal(*inputs, "-"), folder = g_file_test(*inputs, G_FILE_TEST_IS_DIR);
        if ((lines && !read_list(list, error)) || (!lines && folder && !add_folder(list, *inputs, error)))
            return NULL;
        if (!lines && !folder)
            dataset_add(list, *inputs, 0);
    }
    return g_steal_pointer(&list);
}

/* ---- Weights ---- */

static gboolean same_weights(const Weights *weights, const ImagesOwner *owner, GError **error)
{
    const char *hash = weights_hash(weights, vgg16_find(owner->spec->layer));
    if (strcmp(hash, owner->spec->weights_hash) == 0)
        return TRUE;
    return error_set(error,
                     "%s: was %s with the base weights %s (SHA-256 %.12s…), not with %s (%.12s…); give the "
                     "ones it was %s with as --weights",
                     owner->path, owner->made, owner->spec->weights_source, owner->spec->weights_hash,
                     weights->source, hash, owner->made);
}

/* from NULL: what the owner's description gives, or extract would find. */
static Weights *load(const char *from, int cut, const ImagesOwner *owner, GError **error)
{
    const char *source = owner->spec->weights_source;
    g_autofree char *path = from                         ? g_strdup(from)
                            : weights_are_seeded(source) ? g_strdup(source)
                                                         : weights_find();
    if (path)
        return weights_load(path, cut, error);
    return error_null(error, "%s: needs the base weights it was %s with, %s; give that file as --weights",
                      owner->path, owner->made, source);
}

gboolean images_weights(const char *from, const ImagesOwner *owners, guint n, Weights **weights,
                        GError **error)
{
    g_autoptr(Weights) loaded = NULL;
    int cut = -1; /* the last layer of all */
    for (guint i = 0; i < n; i++)
        cut = MAX(cut, vgg16_find(owners[i].spec->layer));
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
        if (!loaded && !(loaded = load(from, cut, owner, error)))
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

Pipeline *images_pipeline(const FeatureSpec *spec, const Weights *weights, const ThreadPool *thread_pool,
                          GError **error)
{
    const PipelineOptions options = {.weights = spec->weights_hash[0] ? weights : NULL,
                                     .spec = spec,
                                     .batch = BASE_DEFAULT_BATCH,
                                     .threads = thread_pool_threads(thread_pool)};
    return pipeline_new(&options, error);
}

gboolean images_complete(GError **error)
{
    return !interrupted() || error_set(error, "interrupted before all images were done");
}

gboolean images_run(Pipeline *pipeline, const char *label, const Dataset *list, PipelineConsume consume,
                    gpointer user, GError **error)
{
    guint n = list->items->len;
    g_autoptr(Contents) contents = contents_open(list, NULL, n, error);
    g_autoptr(Progress) progress = label ? progress_new(label, n, "images") : NULL;
    ((PipelineImages *)user)->contents = contents;
    return contents && pipeline_run(pipeline, n, pipeline_produce, consume, user, progress, error) &&
           images_complete(error);
}
