/* history: the metrics of every epoch, as CSV and JSON. */
#pragma once
#include <glib.h>
#include <jansson.h>

typedef struct {
    double loss, accuracy;         /* mean over the epoch's batches during training, as Keras shows them */
    double val_loss, val_accuracy; /* at the epoch's end; NaN without validation */
    double seconds;                /* training and validation */
    double learning_rate;
} EpochMetrics;

typedef struct {
    GArray *epochs; /* EpochMetrics, from epoch 1 */
    int best;       /* the epoch whose weights are kept; 0: none yet */
} History;

History history_new(void);
void history_clear(History *history);
const EpochMetrics *history_epoch(const History *history, int epoch); /* from 1 */

/* "Epoch 3/50  loss 0.5212  accuracy 0.8312  val_loss 0.6120  val_accuracy 0.8001  4.1s". Caller frees. */
char *history_line(const History *history, int epoch, int epochs);

/* Columns epoch,loss,accuracy,val_loss,val_accuracy,seconds; the val_ columns are empty without validation. Replaces
 * the file only when complete. */
gboolean history_write_csv(const History *history, const char *path, GError **error);

/* [{"epoch": 1, "loss": …, "accuracy": …, "learning_rate": …, "val_loss": …, "val_accuracy": …}, …];
 * without validation the last two are omitted. Seconds are never included, so that identical runs give identical model
 * files. */
json_t *history_to_json(const History *history);

/* Reads what history_to_json wrote. FALSE if it is anything else or has no epoch; history must be cleared in that case
 * too. best is left 0. */
gboolean history_from_json(const json_t *array, History *history);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(History, history_clear)
