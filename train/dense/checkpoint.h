/* checkpoint: everything a training run needs to continue from the middle of an epoch as if it had never stopped.
 *
 * A file for the machine that wrote it, between two runs of the same program; not for keeping. Native byte
 * order:
 *   +-----------------+------------+----------+-------------------------+----------------------------------+----------+
 *   | "vggcache-ckp1" | identity   | FitState | metrics of epochs done  | of each layer: kernel, its slots,|
 * XXH3-64  | | 16 bytes        | XXH3-64    |          | EpochMetrics each       | bias, its slots: float32
 * | of it all|
 *   +-----------------+------------+----------+-------------------------+----------------------------------+----------+
 * identity: of all settings and data that the result depends on (fit.c). A file of another length or sum is
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

/* Fills state, history, the network's parameters and the trainer's slots; on failure, FALSE with a sentence,
 * they are undefined. */
gboolean checkpoint_load(const char *path, const char *identity, FitState *state, History *history,
                         Network *network, Trainer *trainer, GError **error);
