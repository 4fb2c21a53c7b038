/* checkpoint: everything a training run needs to continue from the middle of an epoch as if it had never stopped.
 *
 * For the same program on the same machine only, in native byte order:
 *
 *   +-----------------+----------+----------+---------------------+----------------------------+----------------+
 *   | "vggcache-ckp1" | identity | FitState | EpochMetrics of     | per layer: kernel, its     | XXH3-64 of all |
 *   | 16 bytes        | XXH3-64  |          | each finished epoch | slots, bias, its slots f32 | before it      |
 *   +-----------------+----------+----------+---------------------+----------------------------+----------------+
 *
 * identity: of all settings and data that the result depends on (fit.c). A file of another length or checksum is
 * refused. */
#pragma once
#include "common/model/history.h"
#include "common/network/trainer.h"

typedef struct {
    gint64 epoch;                 /* current epoch, from 1 */
    gint64 batches;               /* of it that are done */
    double loss, correct, images; /* sums over them */
    double seconds;               /* that they took */
    double best;                  /* lowest monitored loss; infinity before the first epoch */
    gint64 best_epoch, waited;    /* epochs since then */
    double plateau_best;          /* the same for the learning rate */
    gint64 plateau_waited;
    double learning_rate;
    guint64 steps;
} FitState;

gboolean checkpoint_save(const char *path, const char *identity, const FitState *state,
                         const History *history, const Network *network, const Trainer *trainer,
                         GError **error);

/* Fills state, history, the network's parameters and the trainer's slots; on failure (FALSE and error)
 * they are undefined. */
gboolean checkpoint_load(const char *path, const char *identity, FitState *state, History *history,
                         Network *network, Trainer *trainer, GError **error);
