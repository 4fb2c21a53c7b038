/* import: features computed by another program, from a NumPy matrix into a cache. */
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/sha256.h"
#include "common/dataset/labels.h"
#include "extract/actions.h"
#include "extract/npy.h"

#include <stdio.h>
#include <string.h>

/* The path and the class of each row. */
typedef struct {
    GPtrArray *paths, *classes; /* char* */
} Names;

/* ---- Labels ---- */

/* Numbers become names of equal width, so that byte order is numerical order. */
static gboolean names_from_labels(Names *names, const char *path, GError **error)
{
    g_autoptr(Npy) npy = npy_open(path, "i1 i2 i4 u1 u2 u4 u8 i8", 1, error);
    gsize rows = npy ? npy->rows : 0;
    g_autofree gint64 *labels = g_new(gint64, rows + 1);
    gint64 largest = 0;
    for (gsize i = 0; i < rows; i++) {
        if (!npy_read_integer(npy, &labels[i], error))
            return FALSE;
        if (labels[i] < 0)
            return error_set(
                error, "%s: label %" G_GSIZE_FORMAT " (from 0) is negative: classes are numbered from 0",
                path, i);
        largest = MAX(largest, labels[i]);
    }
    g_autofree char *widest = g_strdup_printf("%" G_GINT64_FORMAT, largest);
    for (gsize i = 0; i < rows; i++) {
        char *name = g_strdup_printf("%0*" G_GINT64_FORMAT, (int)strlen(widest), labels[i]);
        g_ptr_array_add(names->classes, name);
        g_ptr_array_add(names->paths, g_strdup_printf("%s/%08" G_GSIZE_FORMAT, name, i));
    }
    return npy != NULL;
}

/* The rows are in the order of the features. */
static gboolean names_from_items(Names *names, const char *path, GError **error)
{
    g_autoptr(Labels) labels = labels_read(path, LABELS_ITEMS, error);
    GHashTableIter rows;
    gpointer value;
    if (!labels)
        return FALSE;
    g_ptr_array_set_size(names->paths, (int)g_hash_table_size(labels->rows));
    g_ptr_array_set_size(names->classes, (int)g_hash_table_size(labels->rows));
    g_hash_table_iter_init(&rows, labels->rows);
    while (g_hash_table_iter_next(&rows, NULL, &value)) {
        const LabelRow *row = value;
        if (cache_path_copy(row->path))
            return error_set(error,
                             "%s: the path %s ends in # and a number, which is reserved for augmented copies",
                             path, row->path);
        names->paths->pdata[row->number] = g_strdup(row->path);
        names->classes->pdata[row->number] = g_strdup(row->class_name);
    }
    return TRUE;
}

static gboolean read_names(Names *names, const char *path, GError **error)
{
    return g_str_has_suffix(path, ".npy") ? names_from_labels(names, path, error)
                                          : names_from_items(names, path, error);
}

/* ---- Features ---- */

typedef struct {
    Npy *features;
    const Names *names;
    CacheWriter *writer;
    guint added, unchanged, changed;
} Import;

/* Both the features and the class are compared: the class may have been corrected. */
static void import_row(Import *import, guint i, const float *values)
{
    const char *path = import->names->paths->pdata[i], *class_name = import->names->classes->pdata[i];
    guint8 hash[CACHE_HASH], stored[CACHE_HASH];
    Sha256 *sum = sha256_new();
    sha256_update(sum, values, import->features->columns * sizeof *values);
    sha256_update(sum, class_name, strlen(class_name));
    sha256_finish(sum, hash);
    gboolean known = cache_writer_lookup(import->writer, path, stored);
    if (known && sha256_equal(hash, stored)) {
        import->unchanged++;
        return;
    }
    *(known ? &import->changed : &import->added) += 1;
    cache_writer_put(import->writer, path, &(CacheLabel){.class_name = class_name}, hash, values);
}

static gboolean import_rows(Import *import, GError **error)
{
    guint n = import->names->paths->len;
    g_autofree float *values = g_new(float, import->features->columns);
    g_autoptr(Progress) progress = progress_new("Importing", n, "items");
    for (guint i = 0; i < n && !interrupted(); i++, progress_tick(progress, 1)) {
        if (!npy_read_floats(import->features, values, error))
            return FALSE;
        import_row(import, i, values);
        if (!cache_writer_commit_often(import->writer, error))
            return FALSE;
    }
    return cache_writer_commit(import->writer, error);
}

static gboolean check_sizes(const Options *options, const Npy *features, const Names *names, GError **error)
{
    if (features->columns > FEATURE_SPEC_MAX_IMPORTED)
        return error_set(error, "%s: vectors of %" G_GSIZE_FORMAT " features exceed the limit of %d",
                         options->import, features->columns, FEATURE_SPEC_MAX_IMPORTED);
    return features->rows == names->paths->len ||
           error_set(error, "%s has %" G_GSIZE_FORMAT " rows, but %s has %u", options->import, features->rows,
                     options->arguments[0], names->paths->len);
}

Status extract_import(const Options *options, GError **error)
{
    const char *path = options->arguments[1];
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free),
                         classes = g_ptr_array_new_with_free_func(g_free);
    Names names = {paths, classes};
    g_autoptr(Npy) features = npy_open(options->import, "f2 f4", 4, error);
    if (!features || !read_names(&names, options->arguments[0], error) ||
        !check_sizes(options, features, &names, error))
        return STATUS_FAILED;
    g_autoptr(FeatureSpec) spec = feature_spec_imported(options->made_by, features->shape);
    CacheForm form = {.store = options->store};
    g_autoptr(CacheWriter) writer = cache_writer_open(path, spec, &form, error);
    Import import = {.features = features, .names = &names, .writer = writer};
    if (!writer || !import_rows(&import, error))
        return STATUS_FAILED;
    printf("%u new, %u unchanged, %u changed\n", import.added, import.unchanged, import.changed);
    if (!interrupted())
        return STATUS_DONE;
    error_set(error, "interrupted; %s keeps what was imported: run the same command to continue", path);
    return STATUS_FAILED;
}
