/* history: see history.h. */
#include "common/model/history.h"

#include "common/core/output_file.h"

#include <math.h>

History history_new(void)
{
    return (History){g_array_new(FALSE, TRUE, sizeof(EpochMetrics)), 0};
}

void history_clear(History *history)
{
    g_clear_pointer(&history->epochs, g_array_unref);
}

const EpochMetrics *history_epoch(const History *history, int epoch)
{
    return &g_array_index(history->epochs, EpochMetrics, epoch - 1);
}

char *history_line(const History *history, int epoch, int epochs)
{
    const EpochMetrics *e = history_epoch(history, epoch);
    g_autofree char *validation = isnan(e->val_loss) ? g_strdup("")
                                                     : g_strdup_printf("  val_loss %.4f  val_accuracy %.4f",
                                                                       e->val_loss, e->val_accuracy);
    return g_strdup_printf("Epoch %d/%d  loss %.4f  accuracy %.4f%s  %.1fs", epoch, epochs, e->loss,
                           e->accuracy, validation, e->seconds);
}

/* Enough digits to read the same double back; nothing for NaN. */
static void add_number(GString *text, double value, char end)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append(text, isnan(value) ? "" : g_ascii_dtostr(digits, sizeof digits, value));
    g_string_append_c(text, end);
}

gboolean history_write_csv(const History *history, const char *path, GError **error)
{
    g_autoptr(GString) text = g_string_new("epoch,loss,accuracy,val_loss,val_accuracy,seconds\n");
    for (guint i = 1; i <= history->epochs->len; i++) {
        const EpochMetrics *e = history_epoch(history, (int)i);
        g_string_append_printf(text, "%u,", i);
        add_number(text, e->loss, ',');
        add_number(text, e->accuracy, ',');
        add_number(text, e->val_loss, ',');
        add_number(text, e->val_accuracy, ',');
        g_string_append_printf(text, "%.3f\n", e->seconds);
    }
    return output_file_write(path, text->str, text->len, error);
}

json_t *history_to_json(const History *history)
{
    json_t *array = json_array();
    for (guint i = 1; i <= history->epochs->len; i++) {
        const EpochMetrics *e = history_epoch(history, (int)i);
        json_array_append_new(array, json_pack("{s:i, s:f, s:f, s:f, s:o*, s:o*}", "epoch", (int)i, "loss",
                                               e->loss, "accuracy", e->accuracy, "learning_rate",
                                               e->learning_rate, "val_loss", json_real(e->val_loss),
                                               "val_accuracy", json_real(e->val_accuracy)));
    }
    return array;
}

/* As json_real is NULL for NaN, a number that is not there. */
static double number_or_nan(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

gboolean history_from_json(const json_t *array, History *history)
{
    *history = history_new();
    for (gsize i = 0; i < json_array_size(array); i++) {
        const json_t *object = json_array_get(array, i);
        EpochMetrics e = {number_or_nan(object, "loss"),     number_or_nan(object, "accuracy"),
                          number_or_nan(object, "val_loss"), number_or_nan(object, "val_accuracy"),
                          number_or_nan(object, "seconds"),  number_or_nan(object, "learning_rate")};
        if (isnan(e.loss) || isnan(e.accuracy))
            return FALSE;
        g_array_append_val(history->epochs, e);
    }
    return history->epochs->len > 0;
}
