/* merge_check: what a merged cache lacks; see merge.h. */
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/plural.h"
#include "common/dataset/tar_box.h"
#include "extract/merge.h"

#include <stdio.h>
#include <string.h>

/* ---- Shards ---- */

static gboolean is_given(CacheShard shard, const CacheShard *shards, guint n)
{
    for (guint i = 0; i < n; i++)
        if (shards[i].index == shard.index && shards[i].count == shard.count)
            return TRUE;
    return FALSE;
}

static gboolean count_is_new(const CacheShard *shards, guint i)
{
    for (guint before = 0; before < i; before++)
        if (shards[before].count == shards[i].count)
            return FALSE;
    return shards[i].count > 0;
}

char *merge_missing_shards(const CacheShard *shards, guint n)
{
    enum { NAMED = 10 };
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < n; i++) {
        if (!count_is_new(shards, i))
            continue;
        g_autoptr(GString) names = g_string_new(NULL);
        guint missing = 0;
        for (CacheShard shard = {0, shards[i].count}; shard.index < shard.count; shard.index++)
            if (!is_given(shard, shards, n) && missing++ < NAMED)
                g_string_append_printf(names, "%s%u/%u", names->len ? ", " : "", shard.index, shard.count);
        if (missing)
            g_string_append_printf(text, "%s%u of %u shards %s not given: %s%s", text->len ? "; " : "",
                                   missing, shards[i].count, plural(missing, "was", "were"), names->str,
                                   missing > NAMED ? ", …" : "");
    }
    return text->len ? g_strdup(text->str) : NULL;
}

/* ---- Images ---- */

/* The paths in the cache, used and skipped, with and without their endings, as in lists. */
typedef struct {
    GHashTable *known; /* set of char* */
    GStringChunk *shortened;
} Known;

static void known_clear(Known *known)
{
    g_hash_table_unref(known->known);
    g_string_chunk_free(known->shortened);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Known, known_clear)

static void add_known(Known *known, const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    g_hash_table_add(known->known, (gpointer)path);
    if (dot && dot > slash)
        g_hash_table_add(known->known, g_string_chunk_insert_len(known->shortened, path, dot - path));
}

static Known known_new(const Cache *cache)
{
    Known known = {g_hash_table_new(g_str_hash, g_str_equal), g_string_chunk_new(1 << 16)};
    for (guint i = 0; i < cache_count(cache); i++)
        add_known(&known, cache_item(cache, i)->path);
    for (guint i = 0; i < cache_skipped_count(cache); i++)
        add_known(&known, cache_skipped(cache, i).path);
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
    g_auto(Known) known = known_new(cache);
    *missing = 0;
    for (guint i = 0; i < paths->len; i++)
        if (!g_hash_table_contains(known.known, paths->pdata[i])) {
            g_autofree char *path = cli_printable(paths->pdata[i]);
            printf("%s: in no shard\n", path);
            ++*missing;
        }
    printf("%u of %u images of %s are missing\n", *missing, paths->len, options->check);
    return TRUE;
}
