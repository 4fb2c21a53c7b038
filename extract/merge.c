/* merge: merges shards into one cache, item by item, so that memory does not grow with their size; says which shards, and
 * with --check which of the images, are in none. */
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/dataset/tar_box.h"
#include "extract/actions.h"
#include "extract/new_cache.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

enum { DUPLICATES_NAMED = 5 };

typedef struct {
    const Options *options;
    CacheWriter *writer;
    float *buffer;    /* (D) */
    GHashTable *ours; /* set of XXH3-64 of the paths that this run has put, as pointers: some 20 bytes each */
    GArray *shards;   /* CacheShard of each */
    guint added, unchanged, duplicates, skipped;
} Merge;

static void merge_clear(Merge *merge)
{
    cache_writer_close(merge->writer);
    g_free(merge->buffer);
    g_hash_table_unref(merge->ours);
    g_array_unref(merge->shards);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Merge, merge_clear)

static gpointer path_key(const char *path)
{
    return GSIZE_TO_POINTER(XXH3_64bits(path, strlen(path)));
}

/* An image that an earlier run has merged is unchanged; one that this run has put came from two shards. */
static void note_duplicate(Merge *merge, const Cache *shard, const char *path)
{
    merge->unchanged++;
    if (g_hash_table_contains(merge->ours, path_key(path)) && merge->duplicates++ < DUPLICATES_NAMED)
        cli_warn("%s: %s is also in an earlier shard, with the same content", shard->path, path);
}

/* The same path with different content is another image: only the user knows which one to keep. */
static gboolean merge_item(Merge *merge, Cache *shard, guint index, GError **error)
{
    const CacheItem *item = cache_item(shard, index);
    guint8 hash[CACHE_HASH];
    if (cache_writer_lookup(merge->writer, item->path, hash)) {
        if (!sha256_equal(hash, item->hash))
            return error_set(
                error, "%s: %s is already in the cache with different content: remove the wrong one first",
                shard->path, item->path);
        note_duplicate(merge, shard, item->path);
        return TRUE;
    }
    const float *features = cache_features(shard, index, merge->buffer, error);
    if (!features)
        return FALSE;
    g_hash_table_add(merge->ours, path_key(item->path));
    merge->added++;
    return new_cache_put(merge->writer, shard, index, features, error);
}

static gboolean merge_shard(Merge *merge, Cache *shard, GError **error)
{
    guint n = shard->all;
    CacheShard part = shard->catalog->shard;
    g_array_append_val(merge->shards, part);
    g_autoptr(Progress) progress = progress_new(shard->path, n, "items");
    for (guint i = 0; i < n && !interrupted(); i++, progress_tick(progress, 1))
        if (!merge_item(merge, shard, i, error))
            return FALSE;
    if (!interrupted())
        merge->skipped += new_cache_skip(merge->writer, shard);
    if (*shard->catalog->passed)
        cache_writer_passed(merge->writer, shard->catalog->passed);
    return cache_writer_commit(merge->writer, error);
}

/* If the cache does not exist yet, the first shard alone decides its feature specification and store. */
static gboolean open_writer(Merge *merge, const Cache *shard, GError **error)
{
    const Options *options = merge->options;
    CacheStore its = shard->catalog->store;
    CacheForm form = {.store = options->store ? options->store : its == CACHE_FLOAT16 ? &its : NULL};
    merge->buffer = g_new(float, feature_spec_features(shard->spec));
    merge->writer = cache_writer_open(options->arguments[0], shard->spec, &form, error);
    return merge->writer || (g_prefix_error(error, "%s cannot be merged: ", shard->path), FALSE);
}

/* Features once rounded to float16 cannot be made exact again. */
static gboolean check_shard(const Merge *merge, const Cache *shard, GError **error)
{
    g_autofree char *difference = feature_spec_difference(shard->spec, merge->writer->spec);
    if (difference)
        return error_set(error, "%s cannot be merged: it was made with different settings (%s)", shard->path,
                         difference);
    if (shard->catalog->store == CACHE_FLOAT16 && merge->writer->encoding != CACHE_FLOAT16)
        return error_set(error,
                         "%s cannot be merged: its features were rounded to float16, and the cache's were "
                         "not; merge into a new cache with --store float16",
                         shard->path);
    return TRUE;
}

static gboolean merge_path(Merge *merge, const char *path, GError **error)
{
    g_autoptr(Cache) shard = cache_open(path, error);
    return shard && (merge->writer || open_writer(merge, shard, error)) && check_shard(merge, shard, error) &&
           merge_shard(merge, shard, error);
}

/* ---- Shards that were not given ---- */

static gpointer shard_key(CacheShard shard)
{
    return GSIZE_TO_POINTER((gsize)shard.count << 32 | shard.index);
}

/* A clause on the shards of this extraction that are not given; adds none if all are. */
static void add_missing(GString *text, guint count, GHashTable *given)
{
    enum { NAMED = 10 };
    g_autoptr(GString) names = g_string_new(NULL);
    guint missing = 0;
    for (guint index = 0; index < count; index++)
        if (!g_hash_table_contains(given, shard_key((CacheShard){index, count})) && missing++ < NAMED)
            g_string_append_printf(names, "%s%u/%u", names->len ? ", " : "", index, count);
    if (missing)
        g_string_append_printf(text, "%s%u of %u shards %s not given: %s%s", text->len ? "; " : "", missing,
                               count, plural(missing, "was", "were"), names->str,
                               missing > NAMED ? ", …" : "");
}

/* If the shards are parts of an extraction in N parts, a sentence for each such N on the missing ones; "" if there are
 * none. */
static GString *missing_shards(const GArray *shards)
{
    GString *text = g_string_new(NULL);
    g_autoptr(GHashTable) given = g_hash_table_new(NULL, NULL), counts = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < shards->len; i++)
        g_hash_table_add(given, shard_key(g_array_index(shards, CacheShard, i)));
    for (guint i = 0; i < shards->len; i++) {
        guint count = g_array_index(shards, CacheShard, i).count;
        if (g_hash_table_add(counts, GUINT_TO_POINTER(count)))
            add_missing(text, count, given);
    }
    return text;
}

/* ---- Images that are in none ---- */

typedef struct {
    GHashTable *known; /* paths in the cache, used and skipped, with and without their endings, as in lists */
    guint all, missing;
} Check;

static void add_known(const Check *check, const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    g_hash_table_add(check->known, g_strdup(path));
    if (dot && dot > slash)
        g_hash_table_add(check->known, g_strndup(path, (gsize)(dot - path)));
}

static void look_for(Check *check, const char *path)
{
    check->all++;
    if (g_hash_table_contains(check->known, path))
        return;
    g_autofree char *safe = cli_printable(path);
    printf("%s: in no shard\n", safe);
    check->missing++;
}

/* Prints each image of options->check (a folder, an archive, or a list of class/name lines) that the cache neither contains
 * nor records as skipped; *missing: their number. */
static gboolean check_images(const Options *options, guint *missing, GError **error)
{
    gboolean is_list =
        !g_file_test(options->check, G_FILE_TEST_IS_DIR) && !tar_box_recognizes(options->check);
    g_autoptr(Dataset) dataset = is_list ? NULL : dataset_scan(options->check, &options->filter, error);
    g_autofree char *list = is_list ? input_file_plain(options->check, error) : NULL;
    g_autoptr(Cache) cache = dataset || list ? cache_open(options->arguments[0], error) : NULL;
    if (!cache)
        return FALSE;
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Check check = {known, 0, 0};
    for (guint i = 0; i < cache->images; i++)
        add_known(&check, cache_item(cache, i)->path);
    for (guint i = 0; i < cache->skipped->len; i++)
        add_known(&check, cache_skipped(cache, i).path);
    for (guint i = 0; dataset && i < dataset->items->len; i++)
        look_for(&check, ((const DatasetItem *)dataset->items->pdata[i])->key);
    g_auto(GStrv) lines = g_strsplit(list ? list : "", "\n", -1);
    for (char **line = lines; *line; line++)
        if (*g_strstrip(*line))
            look_for(&check, *line);
    printf("%u of %u images of %s are missing\n", check.missing, check.all, options->check);
    *missing = check.missing;
    return TRUE;
}

/* ---- All ---- */

/* What is missing. */
static Status report(const Merge *merge, GError **error)
{
    const Options *options = merge->options;
    g_autoptr(GString) shards = missing_shards(merge->shards);
    guint missing = 0;
    if (merge->duplicates > DUPLICATES_NAMED)
        cli_warn("%u %s in more than one shard", merge->duplicates,
                 plural(merge->duplicates, "image is", "images are"));
    if (shards->len)
        cli_warn("%s; merging them later completes %s", shards->str, options->arguments[0]);
    if (options->check && !check_images(options, &missing, error))
        return STATUS_FAILED;
    return missing || shards->len ? STATUS_SKIPPED : STATUS_DONE;
}

Status extract_merge(const Options *options, GError **error)
{
    g_auto(Merge) merge = {.options = options,
                           .ours = g_hash_table_new(NULL, NULL),
                           .shards = g_array_new(FALSE, FALSE, sizeof(CacheShard))};
    for (char **shard = options->arguments + 1; *shard && !interrupted(); shard++)
        if (!merge_path(&merge, *shard, error))
            return STATUS_FAILED;
    g_clear_pointer(&merge.writer, cache_writer_close);
    printf("%u new, %u unchanged, %u skipped\n", merge.added, merge.unchanged, merge.skipped);
    if (!interrupted())
        return report(&merge, error);
    error_set(error, "interrupted; %s keeps what was merged: run the same command to continue",
              options->arguments[0]);
    return STATUS_FAILED;
}
