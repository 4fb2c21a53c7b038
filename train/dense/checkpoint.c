/* checkpoint: see checkpoint.h. */
#include "train/dense/checkpoint.h"

#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/output_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

static const char magic[16] = "vggcache-ckp1";
enum { CHUNK = 1 << 20 };

/* A file written or read from front to back, with a running checksum. */
typedef struct {
    FILE *file;
    XXH3_state_t *sum;
    gboolean writing, failed;
} Stream;

static void pass(Stream *stream, void *bytes, gsize size)
{
    for (gsize done = 0; done < size && !stream->failed;) {
        gsize piece = MIN(CHUNK, size - done);
        char *at = (char *)bytes + done;
        gsize moved =
            stream->writing ? fwrite(at, 1, piece, stream->file) : fread(at, 1, piece, stream->file);
        stream->failed = moved != piece;
        XXH3_64bits_update(stream->sum, at, moved);
        done += moved;
    }
}

/* The one list of what a layer's part holds, for both directions, and with stream NULL for its size, which it returns. */
static gsize pass_parameters(Stream *stream, const Network *network, const Trainer *trainer)
{
    gsize all = 0;
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        const Parameters *parameters = trainer_parameters(trainer, i);
        for (int k = 0; k < 2; k++) {
            float *const arrays[] = {parameters[k].w, parameters[k].m, parameters[k].v};
            gsize size = (k ? layer->bias_count : layer->kernel_count) * sizeof(float);
            for (int a = 0; a < 3; a++) {
                if (arrays[a] && stream)
                    pass(stream, arrays[a], size);
                all += arrays[a] ? size : 0;
            }
        }
    }
    return all;
}

static guint64 identity_sum(const char *identity)
{
    return XXH3_64bits(identity, strlen(identity));
}

/* Bytes of the file. */
static gsize checkpoint_size(guint epochs, const Network *network, const Trainer *trainer)
{
    return sizeof magic + 2 * sizeof(guint64) + sizeof(FitState) + epochs * sizeof(EpochMetrics) +
           pass_parameters(NULL, network, trainer);
}

static void pass_all(Stream *stream, guint64 *identity, FitState *state, const History *history,
                     const Network *network, const Trainer *trainer)
{
    pass(stream, identity, sizeof *identity);
    pass(stream, state, sizeof *state);
    if (!stream->writing)
        g_array_set_size(history->epochs, (guint)(state->epoch - 1));
    pass(stream, history->epochs->data, history->epochs->len * sizeof(EpochMetrics));
    pass_parameters(stream, network, trainer);
}

gboolean checkpoint_save(const char *path, const char *identity, const FitState *state,
                         const History *history, const Network *network, const Trainer *trainer,
                         GError **error)
{
    OutputFile *output = output_file_open(path, error);
    if (!output)
        return FALSE;
    FitState written = *state;
    guint64 sum, of_identity = identity_sum(identity);
    char head[sizeof magic];
    Stream stream = {output_file_stream(output), XXH3_createState(), TRUE, FALSE};
    memcpy(head, magic, sizeof head);
    XXH3_64bits_reset(stream.sum);
    pass(&stream, head, sizeof head);
    pass_all(&stream, &of_identity, &written, history, network, trainer);
    sum = XXH3_64bits_digest(stream.sum);
    pass(&stream, &sum, sizeof sum);
    XXH3_freeState(stream.sum);
    return output_file_commit(output, error);
}

/* Checks everything but the checksum of the parameters, before anything is filled. */
static gboolean check_head(Stream *stream, const char *path, const char *identity, const Network *network,
                           const Trainer *trainer, GError **error)
{
    char head[sizeof magic];
    guint64 found;
    FitState state;
    struct stat file;
    if (fread(head, sizeof head, 1, stream->file) != 1 || memcmp(head, magic, sizeof head) != 0)
        return error_set(error, "%s: not a checkpoint; remove it, or train without --resume", path);
    if (fread(&found, sizeof found, 1, stream->file) != 1 ||
        fread(&state, sizeof state, 1, stream->file) != 1 || fstat(fileno(stream->file), &file) != 0 ||
        state.epoch < 1 || state.epoch > 1 << 24)
        return error_set(error, "%s: the checkpoint is truncated; remove it, or train without --resume",
                         path);
    if (found != identity_sum(identity))
        return error_set(error,
                         "%s: the checkpoint belongs to a run with other settings or other data; use the "
                         "same ones, or train without --resume",
                         path);
    gsize expected = checkpoint_size((guint)(state.epoch - 1), network, trainer);
    if ((gsize)file.st_size != expected)
        return error_set(error,
                         "%s: the checkpoint has %" G_GINT64_FORMAT " bytes where %" G_GSIZE_FORMAT
                         " are expected; remove it, or train without --resume",
                         path, (gint64)file.st_size, expected);
    return fseek(stream->file, sizeof head, SEEK_SET) == 0;
}

gboolean checkpoint_load(const char *path, const char *identity, FitState *state, History *history,
                         Network *network, Trainer *trainer, GError **error)
{
    Stream stream = {input_file_stream(path, error), NULL, FALSE, FALSE};
    guint64 found, sum, stored = 0;
    if (!stream.file)
        return FALSE;
    gboolean good = check_head(&stream, path, identity, network, trainer, error);
    if (good) {
        stream.sum = XXH3_createState();
        XXH3_64bits_reset(stream.sum);
        XXH3_64bits_update(stream.sum, magic, sizeof magic);
        pass_all(&stream, &found, state, history, network, trainer);
        sum = XXH3_64bits_digest(stream.sum);
        good = !stream.failed && fread(&stored, sizeof stored, 1, stream.file) == 1 && stored == sum;
        XXH3_freeState(stream.sum);
        if (!good)
            error_set(error, "%s: the checkpoint is damaged; remove it, or train without --resume", path);
    }
    fclose(stream.file);
    return good;
}
