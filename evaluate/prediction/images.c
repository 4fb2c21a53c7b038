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

/* Moves a line from pending to files; FALSE if there is no complete one. */
static gboolean take_line(GString *pending, gboolean ended, GPtrArray *files)
{
    const char *newline = memchr(pending->str, '\n', pending->len);
    gsize length = newline ? (gsize)(newline - pending->str) : pending->len;
    if (!newline && (!ended || !length))
        return FALSE;
    char *line = g_strchomp(g_strndup(pending->str, length));
    g_string_erase(pending, 0, (gssize)MIN(length + 1, pending->len));
    if (*line)
        g_ptr_array_add(files, line);
    else
        g_free(line);
    return TRUE;
}

gboolean images_lines(GString *pending, guint max, GPtrArray *files, GError **error)
{
    gboolean ended = FALSE;
    g_ptr_array_set_size(files, 0);
    while (!files->len && !ended && !interrupted()) {
        ended = !memchr(pending->str, '\n', pending->len) && !read_more(pending);
        while (files->len < max && take_line(pending, ended, files))
            ;
        if (pending->len > MAX_LINE && !memchr(pending->str, '\n', pending->len))
            return error_set(error, "standard input: a line has more than %d bytes; give one path a line",
                             MAX_LINE);
    }
    return files->len > 0 && !interrupted();
}

static gboolean read_list(GPtrArray *files, GError **error)
{
    GError *wrong = NULL;
    g_autoptr(GString) pending = g_string_new(NULL);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    while (images_lines(pending, G_MAXUINT, lines, &wrong))
        while (lines->len)
            g_ptr_array_add(files, g_ptr_array_steal_index(lines, 0));
    if (wrong)
        g_propagate_error(error, wrong);
    return !wrong;
}

GPtrArray *images_list(const char *const *inputs, GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    for (; *inputs; inputs++) {
        if (strcmp(*inputs, "-") == 0) {
            if (!read_list(files, error))
                return NULL;
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
    error_set(error, "%s: needs the base weights it was %s with, %s; give that file as --weights",
              owner->path, owner->made, source);
    return NULL;
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

struct ImagesRunner {
    const ImagesOptions *options;
    Pipeline *pipeline;
    const char *const *files;
    ImagesConsume consume;
    gpointer user;
};

static Produced produce(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user)
{
    const ImagesRunner *runner = user;
    g_autoptr(GBytes) content = NULL;
    Produced produced = pipeline_decode(runner->files[index], runner->options->spec, rgb, &content, reason);
    if (produced == PRODUCED)
        sha256(g_bytes_get_data(content, NULL), g_bytes_get_size(content), note);
    return produced;
}

static gboolean consume(guint index, const float *features, const guint8 *note, const char *reason,
                        gpointer user, GError **error)
{
    const ImagesRunner *runner = user;
    return runner->consume(index, features, note, reason, runner->user, error);
}

ImagesRunner *images_runner_new(const ImagesOptions *options, GError **error)
{
    const PipelineOptions pipeline_options = {.weights = options->weights,
                                              .spec = options->spec,
                                              .batch = BASE_DEFAULT_BATCH,
                                              .threads = options->threads};
    Pipeline *pipeline = pipeline_new(&pipeline_options, error);
    if (!pipeline)
        return NULL;
    ImagesRunner *runner = g_new0(ImagesRunner, 1);
    *runner = (ImagesRunner){.options = options, .pipeline = pipeline};
    return runner;
}

void images_runner_free(ImagesRunner *runner)
{
    if (!runner)
        return;
    pipeline_free(runner->pipeline);
    g_free(runner);
}

gboolean images_runner_run(ImagesRunner *runner, const char *const *files, guint n, ImagesConsume consumer,
                           gpointer user, GError **error)
{
    const char *label = runner->options->label;
    g_autoptr(Progress) progress = label ? progress_new(label, n, "images") : NULL;
    runner->files = files;
    runner->consume = consumer;
    runner->user = user;
    return pipeline_run(runner->pipeline, n, produce, consume, runner, progress, error) &&
           (!interrupted() || error_set(error, "interrupted before all images were predicted"));
}

gboolean images_run(const ImagesOptions *options, const char *const *files, guint n, ImagesConsume consumer,
                    gpointer user, GError **error)
{
    g_autoptr(ImagesRunner) runner = images_runner_new(options, error);
    return runner && images_runner_run(runner, files, n, consumer, user, error);
}
