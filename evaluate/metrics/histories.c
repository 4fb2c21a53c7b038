/* histories: see histories.h. */
#include "evaluate/metrics/histories.h"
#include "common/core/plural.h"

#include "common/core/error.h"
#include "common/core/input_file.h"

#include <math.h>
#include <string.h>

/* The column "seconds" of a comma-separated header, or -1. */
static int seconds_column(const char *header)
{
    g_auto(GStrv) names = g_strsplit(header, ",", -1);
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], "seconds") == 0)
            return i;
    return -1;
}

static gboolean sum_seconds(const char *path, double *sum, GError **error)
{
    g_autofree char *text = input_file_text(path, NULL, error);
    if (!text)
        return FALSE;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    int column = lines[0] ? seconds_column(g_strchomp(lines[0])) : -1;
    if (column < 0)
        return error_set(error, "%s: has no column seconds; give what train --history wrote for a dense head",
                         path);
    *sum = 0;
    for (guint i = 1; lines[i]; i++) {
        if (!*g_strchomp(lines[i]))
            continue;
        g_auto(GStrv) cells = g_strsplit(lines[i], ",", -1);
        char *end = NULL;
        double seconds = (guint)column < g_strv_length(cells) ? g_ascii_strtod(cells[column], &end) : NAN;
        if (!end || end == cells[column] || *end || !isfinite(seconds) || seconds < 0)
            return error_set(
                error, "%s: line %u has no number of seconds; write the file again with train --history",
                path, i + 1);
        *sum += seconds;
    }
    return TRUE;
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
