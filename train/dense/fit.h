/* fit: a network fitted to samples, epoch after epoch, with the semantics of Keras's Model.fit and its
 * callbacks (keras/src/callbacks: EarlyStopping, ModelCheckpoint, ReduceLROnPlateau).
 *
 * Training order: a seeded shuffle an epoch; the last batch may be smaller. Monitored: val_loss, or loss
 * where there is no validation. An epoch is the best if its monitored loss is lower than any before (a NaN
 * never is); it is kept at once. The training ends after `patience` epochs without a better one, after
 * `epochs`, when interrupted() becomes true, or when a loss is not finite.
 *
 * Same network, samples, options and seed: the same result to the bit, for any number of threads, resumed or
 * not. */
#pragma once
#include "common/model/history.h"
#include "train/data/batches.h"

typedef struct {
    Optimizer optimizer;
    int batch, epochs, patience;
    double reduce_factor; /* of the learning rate on a plateau; 0: never. Keras's min_delta is 1e-4, its
                             cooldown 0 */
    int reduce_patience;
    double min_lr;
    const float *class_weights; /* (L) of a training image's loss, or NULL */
    guint64 seed;

    const char *history, *plot, *plot_title; /* files rewritten after each epoch, or NULL */
    const char *checkpoint;                  /* file (checkpoint.h), or NULL: none is written */
    gboolean resume;                         /* from that file, where it exists */
    const char *identity;                    /* tells trainings apart: settings and data the caller chose */

    /* Stores the network as it is now: called for each new best epoch, history complete up to it. */
    gboolean (*keep)(const History *history, gpointer user, GError **error);
    gpointer user;
} FitOptions;

typedef enum { FIT_COMPLETE, FIT_STOPPED_EARLY, FIT_INTERRUPTED } FitEnd;

/* Prints a line an epoch on stdout, a progress bar on stderr. validation: NULL for none. history: empty;
 * filled, and what it holds is right after a failure too. FALSE with a sentence: a loss not finite (what was
 * kept stays), a sample that cannot be read, a file that cannot be written, a checkpoint that does not fit. */
gboolean fit(Network *network, const FitOptions *options, const BatchSource *training,
             const BatchSource *validation, ThreadPool *thread_pool, History *history, FitEnd *end,
             GError **error);
