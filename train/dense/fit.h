/* fit: fits a network to images' vectors, epoch by epoch, with the semantics of Keras's Model.fit and its
 * callbacks (keras/src/callbacks: EarlyStopping, ModelCheckpoint, ReduceLROnPlateau).
 *
 * Training order: a seeded shuffle per epoch; the last batch may be smaller. Monitored: val_loss, or loss
 * without validation data. An epoch is the best so far if its monitored loss is lower than all before (a
 * NaN never is); its model is kept at once. Training ends after `patience` epochs without improvement,
 * after `epochs`, when interrupted() becomes true, or when a loss is not finite.
 *
 * Same network, images, options and seed: the same result to the bit, for any number of threads, resumed
 * or not. */
#pragma once
#include "common/model/history.h"
#include "train/data/batches.h"
#include "train/options.h"

typedef struct {
    const BatchSource *training;
    const BatchSource *validation; /* NULL: without */
    const FitChoice *how;
    const Results *results; /* of which model, resume, history and plot count */
    ThreadPool *thread_pool;
    guint64 seed;
    gboolean unscaled;           /* the features are those of a cache as they are */
    const double *class_weights; /* (L) weight of a training image's loss by its class, or NULL */
    const char *plot_title;
    const char *checkpoint; /* file (checkpoint.h), or NULL: none is written, or read to resume */
    const char *identity;   /* distinguishes runs: settings and data chosen by the caller */

    /* Stores the network as it is now: called for each new best epoch, history complete up to it. */
    gboolean (*keep)(const History *history, gpointer user, GError **error);
    gpointer user;

    /* The best epoch that is kept already, as a checkpoint has the last state, not the best. A later one than the
     * checkpoint's, left by a kill between a new best epoch and the next checkpoint, comes again; with an earlier one, or
     * none, the training is not resumed. */
    int kept_epoch;
} FitOptions;

typedef enum { FIT_FAILED, FIT_COMPLETE, FIT_STOPPED_EARLY, FIT_INTERRUPTED } FitEnd;

/* Prints one line per epoch on stdout and a progress bar on stderr. history: empty; it is filled, and valid after a failure
 * too. FIT_FAILED and error if a loss is not finite (what was kept stays), an image cannot be read, a file cannot be
 * written, or a checkpoint does not fit. */
FitEnd fit_network(Network *network, const FitOptions *options, History *history, GError **error);
