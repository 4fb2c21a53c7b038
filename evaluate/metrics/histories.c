/* histories: see histories.h. */
#include "evaluate/metrics/histories.h"

#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/plural.h"

#include <math.h>

/* The column "seconds" of a table. */
typedef struct {
    guint column;
    double sum;
} Seconds;

static gboolean take_header(const GPtrArray *names, gpointer user, GError **error)
{
    return g_ptr_array_find_with_equal_func((GPtrArray *)names, "seconds", g_str_equal,
                                            &((Seconds *)user)->column) ||
           error_set(error, "has no column seconds; give what train --history wrote for a dense head");
}

static gboolean take_record(const GPtrArray *fields, gpointer user, GError **error)
{
    Seconds *seconds = user;
    const char *text = seconds->column < fields->len ? fields->pdata[seconds->column] : "";
    char *end;
    double number = g_ascii_strtod(text, &end);
    if (end == text || *end || !isfinite(number) || number < 0)
        return error_set(error, "it has no number of seconds; write the file again with train --history");
    seconds->sum += number;
    return TRUE;
}

static gboolean sum_seconds(const char *path, double *sum, GError **error)
{
    Seconds seconds = {0};
    g_autofree char *text = input_file_plain(path, error);
    gboolean read = text && csv_table(path, text, take_header, take_record, &seconds, error);
    *sum = seconds.sum;
    return read;
}

gboolean histories_read(const char *list, const Comparison *comparison, GError **error)
{
    g_auto(GStrv) paths = g_strsplit(list, ",", -1);
    guint n = MAX(g_strv_length(paths), 1);
    if (n != comparison->models)
        return error_set(error, "--history %s: %u %s for %u %s; leave a name empty if there is none", list, n,
                         plural(n, "name", "names"), comparison->models,
                         plural(comparison->models, "model", "models"));
    for (guint j = 0; j < n && paths[j]; j++) {
        if (*paths[j] && !sum_seconds(paths[j], &comparison->evaluations[j]->train_seconds, error))
            return FALSE;
    }
    return TRUE;
}
