/* checkpoint: see checkpoint.h. */
#include "train/dense/checkpoint.h"

#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/output_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

static const char magic[16] = "vggcache-ckp1";

/* What a file begins with, without a gap; the pieces and a checksum of both follow. */
typedef struct {
    char magic[sizeof magic];
    guint64 identity; /* its checksum */
    FitState state;
} Head;

typedef struct {
    gpointer bytes;
    gsize size;
} Piece;

/* In parts that a processor's cache holds from the file to the checksum. */
static void add_pieces(GArray *pieces, gpointer bytes, gsize size)
{
    const gsize most = 1 << 20;
    for (gsize at = 0; bytes && at < size; at += most) {
        Piece piece = {(guint8 *)bytes + at, MIN(most, size - at)};
        g_array_append_val(pieces, piece);
    }
}

/* Parameters and slots, layer by layer. */
static GArray *pieces_of(const Network *network, const Trainer *trainer)
{
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        const Parameters *parameters = trainer->parameters[i];
        for (int k = 0; k < 2; k++) {
            gsize size = (k ? layer->bias_count : layer->kernel_count) * sizeof(float);
            add_pieces(pieces, parameters[k].w, size);
            add_pieces(pieces, parameters[k].m, size);
            add_pieces(pieces, parameters[k].v, size);
        }
    }
    return pieces;
}

static Head head_of(const char *identity, const FitState *state)
{
    Head head = {.identity = XXH3_64bits(identity, strlen(identity)), .state = *state};
    memcpy(head.magic, magic, sizeof magic);
    return head;
}

/* Writes or reads the epochs and the pieces. sum: of all, the head included. FALSE if the file ends too early. */
static gboolean pass(FILE *stream, gboolean writing, const Head *head, const History *history, GArray *pieces,
                     guint64 *sum)
{
    XXH3_state_t *state = XXH3_createState();
    const Piece epochs = {history->epochs->data, history->epochs->len * sizeof(EpochMetrics)};
    gboolean good = TRUE;
    g_array_prepend_val(pieces, epochs);
    XXH3_64bits_reset(state);
    XXH3_64bits_update(state, head, sizeof *head);
    for (guint i = 0; good && i < pieces->len; i++) {
        const Piece *piece = &g_array_index(pieces, Piece, i);
        gsize moved = writing ? fwrite(piece->bytes, 1, piece->size, stream)
                              : fread(piece->bytes, 1, piece->size, stream);
        good = moved == piece->size;
        XXH3_64bits_update(state, piece->bytes, moved);
    }
    *sum = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return good;
}

gboolean checkpoint_save(const char *path, const char *identity, const FitState *state,
                         const History *history, const Network *network, const Trainer *trainer,
                         GError **error)
{
    OutputFile *output = output_file_open(path, error);
    if (!output)
        return FALSE;
    FILE *stream = output_file_stream(output);
    const Head head = head_of(identity, state);
    g_autoptr(GArray) pieces = pieces_of(network, trainer);
    guint64 sum;
    if (fwrite(&head, sizeof head, 1, stream) == 1 && pass(stream, TRUE, &head, history, pieces, &sum))
        fwrite(&sum, sizeof sum, 1, stream);
    return output_file_commit(output, error); /* fails where a write did */
}

/* Checks everything but the checksum, before anything is filled. */
static gboolean read_head(FILE *stream, const char *path, const char *identity, const GArray *pieces,
                          Head *head, GError **error)
{
    const Head wanted = head_of(identity, &head->state);
    struct stat file;
    gsize got = fread(head, 1, sizeof *head, stream), expected = sizeof *head + sizeof(guint64);
    if (got < sizeof magic || memcmp(head->magic, magic, sizeof magic) != 0)
        return error_set(error, "%s: not a checkpoint; remove it, or train without --resume", path);
    if (got < sizeof *head || fstat(fileno(stream), &file) != 0 || head->state.epoch < 1 ||
        head->state.epoch > 1 << 24)
        return error_set(error, "%s: the checkpoint is truncated; remove it, or train without --resume",
                         path);
    if (head->identity != wanted.identity)
        return error_set(error,
                         "%s: the checkpoint belongs to a run with other settings or other data; use the "
                         "same ones, or train without --resume",
                         path);
    expected += (gsize)(head->state.epoch - 1) * sizeof(EpochMetrics);
    for (guint i = 0; i < pieces->len; i++)
        expected += g_array_index(pieces, Piece, i).size;
    return (gsize)file.st_size == expected ||
           error_set(error,
                     "%s: the checkpoint has %" G_GINT64_FORMAT " bytes where %" G_GSIZE_FORMAT
                     " are expected; remove it, or train without --resume",
                     path, (gint64)file.st_size, expected);
}

gboolean checkpoint_load(const char *path, const char *identity, FitState *state, History *history,
                         Network *network, Trainer *trainer, GError **error)
{
    FILE *stream = input_file_stream(path, error);
    g_autoptr(GArray) pieces = pieces_of(network, trainer);
    Head head = {0};
    guint64 sum, stored = 0;
    gboolean good = stream && read_head(stream, path, identity, pieces, &head, error);
    if (good) {
        *state = head.state;
        g_array_set_size(history->epochs, (guint)(state->epoch - 1));
        good = (pass(stream, FALSE, &head, history, pieces, &sum) &&
                fread(&stored, sizeof stored, 1, stream) == 1 && stored == sum) ||
               error_set(error, "%s: the checkpoint is damaged; remove it, or train without --resume", path);
    }
    if (stream)
        fclose(stream);
    return good;
}
