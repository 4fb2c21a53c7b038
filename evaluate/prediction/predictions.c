/* predictions: see predictions.h. */
#include "evaluate/prediction/predictions.h"

#include "common/cli/cli.h"
#include "common/core/csv.h"
#include "common/core/output_file.h"

#include <string.h>

static void append_header(GString *text, const Comparison *comparison)
{
    g_string_append(text, "path,true,predicted");
    for (guint c = 0; c < comparison->classes; c++)
        csv_append(text, comparison->names[c]);
    g_string_append_c(text, '\n');
}

static void append_image(GString *text, const Evaluation *evaluation, guint index)
{
    const Comparison *comparison = evaluation->comparison;
    const float *scores = evaluation_scores(evaluation, index);
    csv_append(text, comparison->items[index]->key);
    csv_append(text, comparison_label(comparison, index));
    csv_append(text, evaluation_answer(evaluation, index));
    for (guint c = 0; c < comparison->classes; c++)
        csv_append_float(text, scores[c]);
    g_string_append_c(text, '\n');
}

static gboolean write_model(const Evaluation *evaluation, const char *path, GError **error)
{
    const Comparison *comparison = evaluation->comparison;
    OutputFile *file = output_file_open(path, error);
    if (!file)
        return FALSE;
    g_autoptr(GString) text = g_string_new(NULL);
    append_header(text, comparison);
    for (guint i = 0; i < comparison->n; i++) {
        append_image(text, evaluation, i);
        fwrite(text->str, 1, text->len, output_file_stream(file)); /* errors are kept by the stream */
        g_string_truncate(text, 0);
    }
    return output_file_commit(file, error);
}

/* a/b.csv -> a/b-NAME.csv; slashes in a name do not create folders. */
static char *path_for(const char *path, const char *name)
{
    g_autofree char *flat = g_strdelimit(g_strdup(name), "/", '_');
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    gsize stem = dot && dot > (slash ? slash + 1 : path) ? (gsize)(dot - path) : strlen(path);
    return g_strdup_printf("%.*s-%s%s", (int)stem, path, flat, path + stem);
}

gboolean predictions_write(const Comparison *comparison, const char *path, GError **error)
{
    guint models = comparison->models;
    for (guint j = 0; j < models; j++) {
        const Evaluation *evaluation = comparison->evaluations[j];
        g_autofree char *own = models > 1 ? path_for(path, evaluation->name) : g_strdup(path);
        if (!write_model(evaluation, own, error))
            return FALSE;
        if (models > 1)
            cli_remark("wrote %s", own);
    }
    return TRUE;
}
