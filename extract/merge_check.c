/* merge_check: what a merged cache lacks; see merge.h. */
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/plural.h"
#include "common/dataset/tar_box.h"
#include "extract/merge.h"

#include <stdio.h>
#include <string.h>

/* ---- Shards ---- */

static char *name_of(CacheShard shard)
{
    return g_strdup_printf("%u/%u", shard.index, shard.count);
}

/* A clause on the shards of this extraction that are not given; adds none if all are. */
static void add_missing(GString *text, guint count, GHashTable *given)
{
    enum { NAMED = 10 };
    g_autoptr(GString) names = g_string_new(NULL);
    guint missing = 0;
    for (guint index = 0; index < count; index++) {
        g_autofree char *name = name_of((CacheShard){index, count});
        if (!g_hash_table_contains(given, name) && missing++ < NAMED)
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", name);
    }
    if (missing)
        g_string_append_printf(text, "%s%u of %u shards %s not given: %s%s", text->len ? "; " : "", missing,
                               count, plural(missing, "was", "were"), names->str,
                               missing > NAMED ? ", …" : "");
}

char *merge_missing_shards(const CacheShard *shards, guint n)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GHashTable) given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                          counts = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < n; i++)
        g_hash_table_add(given, name_of(shards[i]));
    for (guint i = 0; i < n; i++)
        if (g_hash_table_add(counts, GUINT_TO_POINTER(shards[i].count)))
            add_missing(text, shards[i].count, given);
    return text->len ? g_strdup(text->str) : NULL;
}

/* ---- Images ---- */

static void add_known(GHashTable *known, const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    g_hash_table_add(known, g_strdup(path));
    if (dot && dot > slash)
        g_hash_table_add(known, g_strndup(path, (gsize)(dot - path)));
}

/* The paths in the cache, used and skipped, with and without their endings, as in lists. */
static GHashTable *known_paths(const Cache *cache)
{
    GHashTable *known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < cache->images; i++)
        add_known(known, cache_item(cache, i)->path);
    for (guint i = 0; i < cache->skipped->len; i++)
        add_known(known, cache_skipped(cache, i).path);
    return known;
}

/* char* of what should be there: class/name, by a folder, an archive or a list. */
static GPtrArray *wanted(const Options *options, GError **error)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    if (g_file_test(options->check, G_FILE_TEST_IS_DIR) || tar_box_recognizes(options->check)) {
        g_autoptr(Dataset) dataset = dataset_scan(options->check, &options->filter, error);
        for (guint i = 0; dataset && i < dataset->items->len; i++)
            g_ptr_array_add(paths, g_strdup(((const DatasetItem *)dataset->items->pdata[i])->key));
        return dataset ? g_steal_pointer(&paths) : NULL;
    }
    g_autofree char *text = input_file_plain(options->check, error);
    if (!text)
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++)
        if (*g_strstrip(lines[i]))
            g_ptr_array_add(paths, g_strdup(lines[i]));
    return g_steal_pointer(&paths);
}

gboolean merge_check(const Options *options, const char *path, guint *missing, GError **error)
{
    g_autoptr(GPtrArray) paths = wanted(options, error);
    g_autoptr(Cache) cache = paths ? cache_open(path, error) : NULL;
    if (!cache)
        return FALSE;
    g_autoptr(GHashTable) known = known_paths(cache);
    *missing = 0;
    for (guint i = 0; i < paths->len; i++)
        if (!g_hash_table_contains(known, paths->pdata[i])) {
            g_autofree char *path = cli_printable(paths->pdata[i]);
            printf("%s: in no shard\n", path);
            ++*missing;
        }
    printf("%u of %u images of %s are missing\n", *missing, paths->len, options->check);
    return TRUE;
}
