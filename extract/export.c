/* export: extract --export; see actions.h. */
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "extract/actions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char *path;
    OutputFile *file;
    FILE *stream; /* of file */
} Output;

static gboolean fail(const Output *output, GError **error)
{
    return error_set(error, "%s: cannot write: %s", output->path, g_strerror(errno));
}

static gboolean output_open(Output *output, const char *folder, const char *name, GError **error)
{
    output->path = g_build_filename(folder, name, NULL);
    output->file = output_file_open(output->path, error);
    output->stream = output->file ? output_file_stream(output->file) : NULL;
    return output->file != NULL;
}

/* NumPy's format 1.0 (numpy/lib/format.py): magic, version, length of a Python dict that is padded so that
 * the data begin at a multiple of 64. */
static gboolean write_npy_header(Output *output, const char *dtype, const char *shape, GError **error)
{
    enum { BEFORE = 10, ALIGNMENT = 64 };
    g_autoptr(GString) header = g_string_new(NULL);
    g_string_printf(header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shape);
    while ((BEFORE + header->len + 1) % ALIGNMENT)
        g_string_append_c(header, ' ');
    g_string_append_c(header, '\n');
    guint8 before[BEFORE] = "\x93NUMPY\x01";
    before[8] = (guint8)(header->len & 255);
    before[9] = (guint8)(header->len >> 8);
    return (fwrite(before, BEFORE, 1, output->stream) == 1 &&
            fwrite(header->str, header->len, 1, output->stream) == 1) ||
           fail(output, error);
}

static gboolean write_features(Output *output, Cache *cache, GError **error)
{
    guint n = cache_count(cache);
    gsize size = feature_spec_features(cache_feature_spec(cache));
    g_autofree char *shape = g_strdup_printf("(%u, %" G_GSIZE_FORMAT ")", n, size);
    g_autofree float *buffer = g_new(float, size);
    g_autoptr(Progress) progress = progress_new("Exporting", n, "items");
    if (!write_npy_header(output, "<f4", shape, error))
        return FALSE;
    for (guint i = 0; i < n; i++, progress_tick(progress, 1)) {
        const float *features = cache_features(cache, i, buffer, error);
        if (!features)
            return FALSE;
        if (fwrite(features, sizeof(float), size, output->stream) != size)
            return fail(output, error);
        cache_forget(cache, i);
        if (interrupted())
            return error_set(error, "interrupted before %s was complete: nothing was exported", output->path);
    }
    return TRUE;
}

static gboolean write_labels(Output *output, const Cache *cache, GError **error)
{
    g_autofree char *shape = g_strdup_printf("(%u,)", cache_count(cache));
    if (!write_npy_header(output, "<i8", shape, error))
        return FALSE;
    for (guint i = 0; i < cache_count(cache); i++) {
        gint64 label = cache_item(cache, i)->label;
        if (fwrite(&label, sizeof label, 1, output->stream) != 1)
            return fail(output, error);
    }
    return TRUE;
}

static gboolean write_items(Output *output, const Cache *cache, GError **error)
{
    FILE *stream = output->stream;
    g_autoptr(GString) line = g_string_new(NULL);
    fputs("index,path,label,class\n", stream);
    for (guint i = 0; i < cache_count(cache); i++) {
        const CacheItem *item = cache_item(cache, i);
        g_string_printf(line, "%u,", i);
        csv_append(line, item->path);
        g_string_append_printf(line, ",%d,", item->label);
        csv_append(line, cache_class(cache, item->label));
        g_string_append_c(line, '\n');
        fputs(line->str, stream);
    }
    return !ferror(stream) || fail(output, error);
}

enum { FEATURES, LABELS, ITEMS, OUTPUTS };
static const char *const names[OUTPUTS] = {"features.npy", "labels.npy", "items.csv"};

/* All three are complete before the first takes its final name. */
static gboolean export_all(Output *outputs, const char *folder, Cache *cache, GError **error)
{
    for (int i = 0; i < OUTPUTS; i++)
        if (!output_open(&outputs[i], folder, names[i], error))
            return FALSE;
    if (!write_features(&outputs[FEATURES], cache, error) || !write_labels(&outputs[LABELS], cache, error) ||
        !write_items(&outputs[ITEMS], cache, error))
        return FALSE;
    for (int i = 0; i < OUTPUTS; i++)
        if (fflush(outputs[i].stream) != 0)
            return fail(&outputs[i], error);
    for (int i = 0; i < OUTPUTS; i++)
        if (!output_file_commit(g_steal_pointer(&outputs[i].file), error))
            return FALSE;
    return TRUE;
}

Status export_cache(const Options *options, GError **error)
{
    const char *folder = options->export_folder;
    Output outputs[OUTPUTS] = {0};
    g_autoptr(Cache) cache = cache_open(options->arguments[0], error);
    if (!cache)
        return STATUS_FAILED;
    cache_remark_left_out(cache);
    if (g_mkdir_with_parents(folder, 0777)) {
        error_set(error, "cannot make the folder %s: %s", folder, g_strerror(errno));
        return STATUS_FAILED;
    }
    gboolean fine = export_all(outputs, folder, cache, error);
    for (int i = 0; i < OUTPUTS; i++) {
        output_file_discard(outputs[i].file);
        g_free(outputs[i].path);
    }
    if (!fine)
        return STATUS_FAILED;
    printf("%u %s to %s: features.npy (%u, %" G_GSIZE_FORMAT "), labels.npy, items.csv\n", cache_count(cache),
           plural(cache_count(cache), "item", "items"), folder, cache_count(cache),
           feature_spec_features(cache_feature_spec(cache)));
    return STATUS_DONE;
}
