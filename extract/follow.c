/* follow: see follow.h. */
#include "extract/follow.h"

#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/core/sha256.h"
#include "common/core/thread_pool.h"
#include "common/dataset/contents.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { COMMIT_EVERY = 512, MAX_PARTS = 2 };

/* An item or skipped input of a cache. */
typedef struct {
    const CacheStored *stored;
    guint part;
    guint copy;      /* k of an augmented copy */
    gboolean gone;   /* its file */
    const char *now; /* the path that it was moved to */
} Known;

struct Follow {
    const Options *options;
    CacheWriter *const *writers;
    GArray *stored[MAX_PARTS];
    GArray *known;
    GHashTable *paths;    /* char* -> Known */
    GHashTable *contents; /* hash -> GPtrArray of Known, which are images */
    GHashTable *hashes;   /* DatasetItem -> its hash, of those whose path is not that of an item */
};

/* ---- What the caches have ---- */

static guint hash_of_hash(gconstpointer hash)
{
    guint value;
    memcpy(&value, hash, sizeof value);
    return value;
}

static gboolean same_hash(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, CACHE_HASH) == 0;
}

static gboolean read_stored(Follow *follow, guint part, GError **error)
{
    if (!follow->writers[part])
        return TRUE;
    GArray *stored = follow->stored[part] = cache_writer_stored(follow->writers[part], error);
    for (guint i = 0; stored && i < stored->len; i++) {
        Known known = {.stored = &g_array_index(stored, CacheStored, i), .part = part};
        cache_path_image(known.stored->path, &known.copy);
        g_array_append_val(follow->known, known);
    }
    return stored != NULL;
}

static void index_known(Follow *follow)
{
    for (guint i = 0; i < follow->known->len; i++) {
        Known *known = &g_array_index(follow->known, Known, i);
        g_hash_table_insert(follow->paths, known->stored->path, known);
        if (known->copy || !known->stored->label.class_name)
            continue;
        GPtrArray *alike = g_hash_table_lookup(follow->contents, known->stored->hash);
        if (!alike)
            g_hash_table_insert(follow->contents, (gpointer)known->stored->hash, alike = g_ptr_array_new());
        g_ptr_array_add(alike, known);
    }
}

/* The image of an item or of an augmented copy; NULL if it is not in the cache. */
static const Known *image_of(const Follow *follow, const Known *known)
{
    guint copy;
    const char *path = known->stored->path;
    g_autofree char *image = g_strndup(path, cache_path_image(path, &copy));
    return known->copy ? g_hash_table_lookup(follow->paths, image) : known;
}

/* ---- Which files have gone ---- */

/* All images of an archive, whatever the options select. */
static Dataset *whole_archive(const Follow *follow, const char *root, GError **error)
{
    const DatasetFilter everything = {.class_names = follow->options->filter.class_names};
    return dataset_scan(root, &everything, error);
}

static void add_keys(GHashTable *keys, const Dataset *dataset)
{
    for (guint i = 0; i < dataset->items->len; i++)
        g_hash_table_add(keys, ((const DatasetItem *)dataset->items->pdata[i])->key);
}

/* FALSE and error if the disk fails. What cannot be looked at for another reason has not gone. */
static gboolean look_for(Known *known, const char *root, const char *image, GError **error)
{
    struct stat status;
    g_autofree char *file = g_build_filename(root, image, NULL);
    int code = stat(file, &status) ? errno : 0;
    known->gone = code == ENOENT || code == ENOTDIR || (!code && S_ISDIR(status.st_mode));
    return code != EIO || error_set(error, "%s: cannot be read: %s", file, g_strerror(code));
}

static gboolean find_gone(Follow *follow, const Dataset *dataset, GError **error)
{
    g_autoptr(GHashTable) keys = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(Dataset) archive = NULL;
    add_keys(keys, dataset);
    for (guint i = 0; i < follow->known->len; i++) {
        Known *known = &g_array_index(follow->known, Known, i);
        guint copy;
        g_autofree char *image = g_strndup(known->stored->path, cache_path_image(known->stored->path, &copy));
        if (g_hash_table_contains(keys, image))
            continue;
        if (dataset->archived && !archive) {
            if (!(archive = whole_archive(follow, dataset->root, error)))
                return FALSE;
            add_keys(keys, archive);
        }
        if (dataset->archived)
            known->gone = !g_hash_table_contains(keys, image);
        else if (!look_for(known, dataset->root, image, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- The content of images that the caches lack ---- */

typedef struct {
    Contents *contents;
    guint8 (*hashes)[CACHE_HASH];
    gboolean *read;
    Progress *progress;
} Hashing;

/* What cannot be read will be reported when it is decoded. */
static void hash_content(guint task, guint worker, gpointer data)
{
    Hashing *hashing = data;
    g_autoptr(GBytes) content = interrupted() ? NULL : contents_read(hashing->contents, task, NULL);
    if (content) {
        sha256(g_bytes_get_data(content, NULL), g_bytes_get_size(content), hashing->hashes[task]);
        hashing->read[task] = TRUE;
    }
    progress_tick(hashing->progress, 1);
}

/* Indices of the images that no cache has as an item, in reading order. */
static GArray *list_lacking(const Follow *follow, const Dataset *dataset)
{
    GArray *lacking = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; i < dataset->items->len; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        const Known *known = g_hash_table_lookup(follow->paths, item->key);
        if (!known || !known->stored->label.class_name)
            g_array_append_val(lacking, i);
    }
    contents_order(dataset, (guint *)lacking->data, lacking->len);
    return lacking;
}

static gboolean hash_lacking(Follow *follow, const Dataset *dataset, GError **error)
{
    g_autoptr(GArray) lacking = list_lacking(follow, dataset);
    guint n = g_hash_table_size(follow->contents) ? lacking->len : 0;
    g_autoptr(Contents) contents = contents_open(dataset, (guint *)lacking->data, n, error);
    if (!contents)
        return FALSE;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)follow->options->common.threads);
    g_autoptr(Progress) progress = progress_new("Comparing", n, "images");
    g_autofree guint8 *hashes = g_malloc_n(n + 1, CACHE_HASH);
    g_autofree gboolean *read = g_new0(gboolean, n + 1);
    Hashing hashing = {contents, (guint8(*)[CACHE_HASH])hashes, read, progress};
    thread_pool_run(thread_pool, n, hash_content, &hashing);
    if (interrupted())
        return error_set(error, "interrupted before anything was computed: run the same command to continue");
    for (guint i = 0; i < n; i++)
        if (read[i])
            g_hash_table_insert(follow->hashes, (gpointer)contents_item(contents, i),
                                g_memdup2(hashing.hashes[i], CACHE_HASH));
    return TRUE;
}

Follow *follow_new(const Dataset *dataset, CacheWriter *const *writers, guint n, const Options *options,
                   GError **error)
{
    g_autoptr(Follow) follow = g_new0(Follow, 1);
    follow->options = options;
    follow->writers = writers;
    follow->known = g_array_new(FALSE, FALSE, sizeof(Known));
    follow->paths = g_hash_table_new(g_str_hash, g_str_equal);
    follow->contents =
        g_hash_table_new_full(hash_of_hash, same_hash, NULL, (GDestroyNotify)g_ptr_array_unref);
    follow->hashes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    for (guint part = 0; part < n; part++)
        if (!read_stored(follow, part, error))
            return NULL;
    index_known(follow);
    return find_gone(follow, dataset, error) && hash_lacking(follow, dataset, error)
               ? g_steal_pointer(&follow)
               : NULL;
}

void follow_free(Follow *follow)
{
    if (!follow)
        return;
    g_hash_table_unref(follow->hashes);
    g_hash_table_unref(follow->contents);
    g_hash_table_unref(follow->paths);
    g_array_unref(follow->known);
    for (guint part = 0; part < MAX_PARTS; part++)
        g_clear_pointer(&follow->stored[part], g_array_unref);
    g_free(follow);
}

/* ---- Where an image comes from ---- */

/* The images with this content; NULL for none, or if the path is known. */
static const GPtrArray *alike(const Follow *follow, const DatasetItem *item)
{
    const guint8 *hash = g_hash_table_lookup(follow->hashes, item);
    return hash ? g_hash_table_lookup(follow->contents, hash) : NULL;
}

int follow_part(const Follow *follow, const DatasetItem *item)
{
    const Known *known = g_hash_table_lookup(follow->paths, item->key);
    const GPtrArray *sources = alike(follow, item);
    if (!known && sources)
        known = sources->pdata[0];
    return known ? (int)known->part : -1;
}

static gboolean same_name(const char *path, const char *other)
{
    g_autofree char *name = g_path_get_basename(path), *its = g_path_get_basename(other);
    return g_str_equal(name, its);
}

/* One whose file has gone is moved, and rather one of the same name. */
static Known *find_source(const Follow *follow, const DatasetItem *item, guint part)
{
    const GPtrArray *sources = alike(follow, item);
    Known *best = NULL;
    int best_rank = -1;
    for (guint i = 0; sources && i < sources->len; i++) {
        Known *source = sources->pdata[i];
        int rank = (source->gone && !source->now ? 2 : 0) + same_name(source->stored->path, item->key);
        if (source->part == part && rank > best_rank) {
            best = source;
            best_rank = rank;
        }
    }
    return best;
}

/* ---- Labels ---- */

/* The label of an image that has this one so far (NULL: none): what a table said stays until a table says otherwise,
 * as does the group, and what a review decided stays in any case. */
static CacheLabel label_of(const Dataset *dataset, const DatasetItem *item, const Known *known)
{
    const CacheLabel *before = known && known->stored->label.class_name ? &known->stored->label : NULL;
    CacheLabel label = {dataset->classes->pdata[item->label], item->group, .tabled = dataset->tabled};
    if (!before)
        return label;
    CacheLabel unreviewed = cache_label_unreviewed(*before);
    if (unreviewed.tabled && !dataset->tabled) {
        label.class_name = unreviewed.class_name;
        label.tabled = TRUE;
    }
    if (!dataset->grouped)
        label.group = before->group;
    return cache_label_reviewed(before, label);
}

CacheLabel follow_label(const Follow *follow, const Dataset *dataset, const DatasetItem *item)
{
    return label_of(dataset, item, g_hash_table_lookup(follow->paths, item->key));
}

gboolean follow_relabel(Follow *follow, const Dataset *dataset, guint part, const guint8 *taken,
                        guint *relabelled, GError **error)
{
    CacheWriter *writer = follow->writers[part];
    *relabelled = 0;
    for (guint i = 0; i < dataset->items->len && !interrupted(); i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        const Known *known = taken[i] ? g_hash_table_lookup(follow->paths, item->key) : NULL;
        if (!known || !known->stored->label.class_name)
            continue;
        CacheLabel label = label_of(dataset, item, known);
        const CacheLabel *before = &known->stored->label;
        gboolean other_class = !g_str_equal(label.class_name, before->class_name);
        if (cache_label_same(&label, before))
            continue;
        cache_writer_copy(writer, item->key, item->key, &label);
        *relabelled += other_class && !known->copy;
        if (cache_writer_pending(writer) >= COMMIT_EVERY && !cache_writer_commit(writer, error))
            return FALSE;
    }
    return cache_writer_commit(writer, error);
}

/* ---- Moving and copying ---- */

/* What became of the images of a class. */
typedef struct {
    guint images, moved;
    const char *to; /* their new class; NULL while none moved, "" for several */
} Renamed;

typedef struct {
    Follow *follow;
    CacheWriter *writer;
    guint part;
    FollowCounts *counts;
    GHashTable *classes;       /* name -> Renamed */
    const char *first_missing; /* to be named */
    const char *first_from, *first_copy;
} Changes;

static void note_move(Changes *changes, const Known *source, const char *class_name)
{
    Renamed *renamed = g_hash_table_lookup(changes->classes, source->stored->label.class_name);
    renamed->moved++;
    renamed->to = !renamed->to || g_str_equal(renamed->to, class_name) ? class_name : "";
}

/* The record is checked before it gets another checksum. */
static void take_from(Changes *changes, Known *source, const DatasetItem *item, const CacheLabel *label)
{
    const char *path = source->stored->path;
    guint8 hash[CACHE_HASH];
    if (!source->now &&
        (!cache_writer_lookup(changes->writer, path, hash) || !same_hash(hash, source->stored->hash)))
        return;
    cache_writer_copy(changes->writer, source->now ? source->now : path, item->key, label);
    if (source->gone && !source->now) {
        cache_writer_remove(changes->writer, path);
        source->now = item->key;
        changes->counts->moved++;
        note_move(changes, source, label->class_name);
    } else if (!changes->counts->copied++) {
        changes->first_from = path;
        changes->first_copy = item->key;
    }
}

static gboolean take_images(Changes *changes, const Dataset *dataset, GError **error)
{
    for (guint i = 0; i < dataset->items->len && !interrupted(); i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        Known *source = find_source(changes->follow, item, changes->part);
        CacheLabel label = label_of(dataset, item, source);
        if (source)
            take_from(changes, source, item, &label);
        if (cache_writer_pending(changes->writer) >= COMMIT_EVERY &&
            !cache_writer_commit(changes->writer, error))
            return FALSE;
    }
    return TRUE;
}

/* Items whose file has gone and that were not moved; copies of a moved image are removed in any case. */
static void leave_behind(Changes *changes)
{
    const Follow *follow = changes->follow;
    for (guint i = 0; i < follow->known->len; i++) {
        const Known *known = &g_array_index(follow->known, Known, i);
        const Known *image = known->part == changes->part && known->gone ? image_of(follow, known) : NULL;
        gboolean moved = image && image->now;
        if (known->part != changes->part || !known->gone || (moved && !known->copy))
            continue;
        if (moved || follow->options->prune)
            cache_writer_remove(changes->writer, known->stored->path);
        if (moved || !(known->stored->label.class_name || follow->options->prune))
            continue;
        changes->first_missing = changes->counts->missing++ ? changes->first_missing : known->stored->path;
    }
}

/* ---- What is said ---- */

static void count_classes(Changes *changes)
{
    for (guint i = 0; i < changes->follow->known->len; i++) {
        const Known *known = &g_array_index(changes->follow->known, Known, i);
        if (known->part != changes->part || known->copy || !known->stored->label.class_name)
            continue;
        Renamed *renamed = g_hash_table_lookup(changes->classes, known->stored->label.class_name);
        if (!renamed)
            g_hash_table_insert(changes->classes, (gpointer)known->stored->label.class_name,
                                renamed = g_new0(Renamed, 1));
        renamed->images++;
    }
}

static guint count_reviewed(const Changes *changes)
{
    guint n = 0;
    for (guint i = 0; i < changes->follow->known->len; i++) {
        const Known *known = &g_array_index(changes->follow->known, Known, i);
        n += known->part == changes->part && !known->copy && (!known->gone || known->now) &&
             known->stored->label.class_name && cache_label_action(&known->stored->label) != LABELS_KEEP;
    }
    return n;
}

void follow_remark_reviewed(const char *cache, guint n)
{
    if (n)
        cli_remark("%s: what a review decided on %u %s stays (--unapply takes it back)", cache, n,
                   plural(n, "image", "images"));
}

static void report(const Changes *changes, const char *cache)
{
    const Options *options = changes->follow->options;
    const FollowCounts *counts = changes->counts;
    GHashTableIter all;
    gpointer name, value;
    follow_remark_reviewed(cache, count_reviewed(changes));
    g_hash_table_iter_init(&all, changes->classes);
    while (g_hash_table_iter_next(&all, &name, &value)) {
        const Renamed *renamed = value;
        if (renamed->moved == renamed->images && *renamed->to && !g_str_equal(renamed->to, name))
            cli_remark("the class %s is now %s: its %u %s moved, and none is computed", (const char *)name,
                       renamed->to, renamed->images, plural(renamed->images, "image is", "images are"));
    }
    if (counts->copied)
        cli_remark("%u %s the same content as others, whose features are copied (the first: %s, as %s)",
                   counts->copied, plural(counts->copied, "image has", "images have"), changes->first_copy,
                   changes->first_from);
    if (counts->missing && !options->prune && !options->keep_missing)
        cli_warn("the files of %u %s of %s have gone from %s (the first: %s): --prune removes the items, "
                 "--keep-missing "
                 "keeps them without this line",
                 counts->missing, plural(counts->missing, "item", "items"), cache, options->arguments[0],
                 changes->first_missing);
}

gboolean follow_apply(Follow *follow, const Dataset *dataset, guint part, const char *cache,
                      FollowCounts *counts, GError **error)
{
    g_autoptr(GHashTable) classes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    Changes changes = {.follow = follow,
                       .writer = follow->writers[part],
                       .part = part,
                       .counts = counts,
                       .classes = classes};
    *counts = (FollowCounts){0};
    count_classes(&changes);
    if (!take_images(&changes, dataset, error))
        return FALSE;
    if (!interrupted())
        leave_behind(&changes);
    g_autofree char *passed = dataset_passed(dataset);
    cache_writer_passed(changes.writer, passed);
    if (!cache_writer_commit(changes.writer, error))
        return FALSE;
    if (interrupted())
        return error_set(error, "interrupted before anything was computed: run the same command to continue");
    report(&changes, cache);
    return TRUE;
}
