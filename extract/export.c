/* export: extract --export; see actions.h. */
#include "common/cache/cache.h"
#include "common/cli/choice.h"
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

/* What cannot be written is kept by the streams, and told at the end. */

/* NumPy's format 1.0 (numpy/lib/format.py): magic, version, length of a Python dict that is padded so that
 * the data begin at a multiple of 64. */
static void write_npy_header(FILE *stream, const char *dtype, const char *shape)
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
    fwrite(before, BEFORE, 1, stream);
    fwrite(header->str, header->len, 1, stream);
}

static gboolean write_features(FILE *stream, Cache *cache, GError **error)
{
    guint n = cache->images;
    gsize size = feature_spec_features(cache->spec);
    g_autofree char *shape = g_strdup_printf("(%u, %" G_GSIZE_FORMAT ")", n, size);
    g_autofree float *buffer = g_new(float, size);
    g_autoptr(Progress) progress = progress_new("Exporting", n, "items");
    write_npy_header(stream, "<f4", shape);
    for (guint i = 0; i < n && !ferror(stream) && !interrupted(); i++, progress_tick(progress, 1)) {
        const float *features = cache_features(cache, i, buffer, error);
        if (!features)
            return FALSE;
        fwrite(features, sizeof(float), size, stream);
        cache_forget(cache, i);
    }
    return !interrupted() ||
           error_set(error, "interrupted before the features were complete: nothing was exported");
}

static void write_labels(FILE *stream, const Cache *cache)
{
    g_autofree char *shape = g_strdup_printf("(%u,)", cache->images);
    write_npy_header(stream, "<i8", shape);
    for (guint i = 0; i < cache->images; i++) {
        gint64 label = cache_item(cache, i)->label;
        fwrite(&label, sizeof label, 1, stream);
    }
}

static void write_items(FILE *stream, const Cache *cache)
{
    g_autoptr(GString) line = g_string_new(NULL);
    fputs("index,path,label,class\n", stream);
    for (guint i = 0; i < cache->images; i++) {
        const CacheItem *item = cache_item(cache, i);
        g_string_printf(line, "%u", i);
        csv_append(line, item->path);
        g_string_append_printf(line, ",%d", item->label);
        csv_append(line, cache_class(cache, item->label));
        g_string_append_c(line, '\n');
        fputs(line->str, stream);
    }
}

enum { FEATURES, LABELS, ITEMS, OUTPUTS }; /* of EXPORT_FILES */

/* All three are complete before the first takes its final name. */
static gboolean export_all(OutputFile **files, const char *folder, Cache *cache, GError **error)
{
    FILE *streams[OUTPUTS];
    for (int i = 0; i < OUTPUTS; i++) {
        g_autofree char *path = g_build_filename(folder, choice_name(EXPORT_FILES, i), NULL);
        if (!(files[i] = output_file_open(path, error)))
            return FALSE;
        streams[i] = output_file_stream(files[i]);
    }
    write_labels(streams[LABELS], cache);
    write_items(streams[ITEMS], cache);
    if (!write_features(streams[FEATURES], cache, error))
        return FALSE;
    for (int i = 0; i < OUTPUTS; i++)
        if (fflush(streams[i]) != 0 || ferror(streams[i]))
            return output_file_commit(g_steal_pointer(&files[i]), error); /* which says why it fails */
    for (int i = 0; i < OUTPUTS; i++)
        if (!output_file_commit(g_steal_pointer(&files[i]), error))
            return FALSE;
    return TRUE;
}

Status extract_export(const Options *options, GError **error)
{
    const char *folder = options->export_folder;
    OutputFile *files[OUTPUTS] = {0};
    g_autoptr(Cache) cache = cache_open(options->arguments[0], error);
    if (!cache)
        return STATUS_FAILED;
    cache_remark_left_out(cache);
    if (g_mkdir_with_parents(folder, 0777)) {
        error_set(error, "cannot make the folder %s: %s", folder, g_strerror(errno));
        return STATUS_FAILED;
    }
    gboolean fine = export_all(files, folder, cache, error);
    for (int i = 0; i < OUTPUTS; i++)
        output_file_discard(files[i]);
    if (!fine)
        return STATUS_FAILED;
    printf("%u %s to %s: features.npy (%u, %" G_GSIZE_FORMAT "), labels.npy, items.csv\n", cache->images,
           plural(cache->images, "item", "items"), folder, cache->images, feature_spec_features(cache->spec));
    return STATUS_DONE;
}
