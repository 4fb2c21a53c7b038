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

enum { MAX_PARTS = 2 };

/* An item or skipped input of a cache. */
typedef struct {
    const char *path;
    const CacheItem *item; /* NULL: skipped */
    guint part;
    gboolean gone;               /* its file */
    const char *now, *now_class; /* the path that it was moved to, with its class */
} Known;

struct Follow {
    const Dataset *dataset;
    const Options *options;
    CacheWriter *const *writers;
    Cache *stored[MAX_PARTS];
    GPtrArray *known;     /* Known */
    GHashTable *paths;    /* char* -> Known */
    GHashTable *contents; /* hash -> GPtrArray of Known, which are images */
};

typedef enum { IMAGE_NEW, IMAGE_CHANGED, IMAGE_UNCHANGED } ImageState;

static const char *const interruption =
    "interrupted before anything was computed: run the same command to continue";

/* ---- What the caches have ---- */

/* Neither a skipped input nor an augmented copy. */
static gboolean is_image(const Known *known)
{
    return known->item && !known->item->copy;
}

static void add_known(Follow *follow, const char *path, const CacheItem *item, guint part)
{
    Known *known = g_new(Known, 1);
    *known = (Known){.path = path, .item = item, .part = part};
    g_ptr_array_add(follow->known, known);
    g_hash_table_insert(follow->paths, (gpointer)path, known);
    if (!is_image(known))
        return;
    GPtrArray *alike = g_hash_table_lookup(follow->contents, item->hash);
    if (!alike)
        g_hash_table_insert(follow->contents, (gpointer)item->hash, alike = g_ptr_array_new());
    g_ptr_array_add(alike, known);
}

static gboolean read_stored(Follow *follow, guint part, GError **error)
{
    if (!follow->writers[part])
        return TRUE;
    Cache *stored = follow->stored[part] = cache_writer_list(follow->writers[part], error);
    for (guint i = 0; stored && i < stored->all; i++)
        add_known(follow, cache_item(stored, i)->path, cache_item(stored, i), part);
    for (guint i = 0; stored && i < stored->skipped->len; i++)
        add_known(follow, cache_skipped(stored, i).path, NULL, part);
    return stored != NULL;
}

/* The image of an item or of an augmented copy; NULL if it is not in the cache. */
static const Known *image_of(const Follow *follow, const Known *known)
{
    g_autofree char *image = cache_path_image(known->path);
    return cache_path_copy(known->path) ? g_hash_table_lookup(follow->paths, image) : known;
}

/* ---- Which files have gone ---- */

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

/* In an archive, an image is there whatever the options select. */
static gboolean find_gone(Follow *follow, GError **error)
{
    const Dataset *dataset = follow->dataset;
    const DatasetFilter everything = {.class_names = follow->options->filter.class_names};
    g_autoptr(GHashTable) keys = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(Dataset) archive = NULL;
    add_keys(keys, dataset);
    for (guint i = 0; i < follow->known->len; i++) {
        Known *known = follow->known->pdata[i];
        g_autofree char *image = cache_path_image(known->path);
        if (g_hash_table_contains(keys, image))
            continue;
        if (!dataset->archived && !look_for(known, dataset->root, image, error))
            return FALSE;
        if (dataset->archived && !archive) {
            if (!(archive = dataset_scan(dataset->root, &everything, error)))
                return FALSE;
            add_keys(keys, archive);
        }
        if (dataset->archived)
            known->gone = !g_hash_table_contains(keys, image);
    }
    return TRUE;
}

/* ---- The content of the images ---- */

typedef struct {
    Contents *contents;
    Progress *progress;
} Hashing;

/* What cannot be read will be reported when it is decoded. */
static void hash_content(guint task, guint worker, gpointer data)
{
    const Hashing *hashing = data;
    if (!interrupted())
        contents_hash(hashing->contents, task);
    progress_tick(hashing->progress, 1);
}

static gboolean hash_images(Follow *follow, GError **error)
{
    guint n = g_hash_table_size(follow->contents) ? follow->dataset->items->len : 0;
    g_autoptr(Contents) contents = contents_open(follow->dataset, NULL, n, error);
    if (!contents)
        return FALSE;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)follow->options->common.threads);
    g_autoptr(Progress) progress = progress_new("Comparing", n, "images");
    Hashing hashing = {contents, progress};
    thread_pool_run(thread_pool, n, hash_content, &hashing);
    return !interrupted() || error_set(error, "%s", interruption);
}

Follow *follow_new(const Dataset *dataset, CacheWriter *const *writers, guint n, const Options *options,
                   GError **error)
{
    g_autoptr(Follow) follow = g_new0(Follow, 1);
    follow->dataset = dataset;
    follow->options = options;
    follow->writers = writers;
    follow->known = g_ptr_array_new_with_free_func(g_free);
    follow->paths = g_hash_table_new(g_str_hash, g_str_equal);
    follow->contents =
        g_hash_table_new_full(sha256_hash, sha256_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    for (guint part = 0; part < n; part++)
        if (!read_stored(follow, part, error))
            return NULL;
    return find_gone(follow, error) && hash_images(follow, error) ? g_steal_pointer(&follow) : NULL;
}

void follow_free(Follow *follow)
{
    if (!follow)
        return;
    g_hash_table_unref(follow->contents);
    g_hash_table_unref(follow->paths);
    g_ptr_array_unref(follow->known);
    for (guint part = 0; part < MAX_PARTS; part++)
        cache_close(follow->stored[part]);
    g_free(follow);
}

/* ---- Where an image comes from ---- */

static gboolean was_read(const DatasetItem *item)
{
    static const guint8 none[CACHE_HASH];
    return !sha256_equal(item->hash, none);
}

/* The images with this content; NULL for none, or if the path is that of an item. */
static const GPtrArray *alike(const Follow *follow, const DatasetItem *item)
{
    const Known *known = g_hash_table_lookup(follow->paths, item->key);
    return was_read(item) && !(known && known->item) ? g_hash_table_lookup(follow->contents, item->hash)
                                                     : NULL;
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
static Known *find_source(const Plan *plan, const DatasetItem *item)
{
    const GPtrArray *sources = alike(plan->follow, item);
    Known *best = NULL;
    int best_rank = -1;
    for (guint i = 0; sources && i < sources->len; i++) {
        Known *source = sources->pdata[i];
        int rank = (source->gone && !source->now ? 2 : 0) + same_name(source->path, item->key);
        if (source->part == plan->part && rank > best_rank) {
            best = source;
            best_rank = rank;
        }
    }
    return best;
}

/* ---- Labels ---- */

/* The label of an image that has this one so far (NULL: none): what a table said stays until a table says otherwise,
 * as does the group, and what a review decided stays in any case. */
static CacheLabel label_of(const Follow *follow, const DatasetItem *item, const Known *known)
{
    const Dataset *dataset = follow->dataset;
    const CacheLabel *before = known && known->item ? &known->item->given : NULL;
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

CacheLabel follow_label(const Follow *follow, const DatasetItem *item)
{
    return label_of(follow, item, g_hash_table_lookup(follow->paths, item->key));
}

/* ---- Moving and copying ---- */

/* FALSE: the record's checksum fails, which it would get anew. */
static gboolean take_from(Plan *plan, Known *source, const DatasetItem *item)
{
    CacheLabel label = label_of(plan->follow, item, source);
    const char *path = source->path;
    guint8 hash[CACHE_HASH];
    if (!source->now &&
        (!cache_writer_lookup(plan->writer, path, hash) || !sha256_equal(hash, source->item->hash)))
        return FALSE;
    cache_writer_copy(plan->writer, source->now ? source->now : path, item->key, &label);
    if (source->gone && !source->now) {
        cache_writer_remove(plan->writer, path);
        source->now = item->key;
        source->now_class = label.class_name;
        plan->moved++;
    } else if (!plan->copied++) {
        plan->first_from = path;
        plan->first_copy = item->key;
    }
    return TRUE;
}

/* Gives an item that is unchanged its label. */
static void relabel(Plan *plan, const DatasetItem *item)
{
    const Known *known = g_hash_table_lookup(plan->follow->paths, item->key);
    CacheLabel label = label_of(plan->follow, item, known);
    if (!known || !known->item || cache_label_same(&label, &known->item->given))
        return; /* or, without an item, another part has it as a skipped input */
    plan->relabelled += !known->item->copy && !g_str_equal(label.class_name, known->item->given.class_name);
    cache_writer_copy(plan->writer, item->key, item->key, &label);
}

/* Items whose file has gone and that were not moved; copies of a moved image are removed in any case. */
static void leave_behind(Plan *plan)
{
    const Follow *follow = plan->follow;
    gboolean prune = follow->options->prune;
    for (guint i = 0; i < follow->known->len; i++) {
        const Known *known = follow->known->pdata[i];
        if (known->part != plan->part || !known->gone)
            continue;
        const Known *image = image_of(follow, known);
        gboolean moved = image && image->now;
        if (moved && known == image)
            continue;
        if (moved || prune)
            cache_writer_remove(plan->writer, known->path);
        if (!moved && (known->item || prune) && !plan->missing++)
            plan->first_missing = known->path;
    }
}

/* ---- What is said ---- */

void follow_remark_reviewed(const char *cache, guint n)
{
    if (n)
        cli_remark("%s: what a review decided on %u %s stays (--unapply takes it back)", cache, n,
                   plural(n, "image", "images"));
}

static void remark_on_classes(const Plan *plan, const char *cache)
{
    g_autoptr(GHashTable) sizes = g_hash_table_new(g_str_hash, g_str_equal); /* class -> its images */
    g_autoptr(GHashTable) moved =
        g_hash_table_new(g_str_hash, g_str_equal); /* to the same class; "" for others */
    GHashTableIter all;
    gpointer name, size;
    guint reviewed = 0;
    for (guint i = 0; i < plan->follow->known->len; i++) {
        const Known *known = plan->follow->known->pdata[i];
        if (known->part != plan->part || !is_image(known))
            continue;
        char *class_name = (char *)known->item->given.class_name;
        const char *to = known->now ? known->now_class : "", *others = g_hash_table_lookup(moved, class_name);
        g_hash_table_insert(moved, class_name, (gpointer)(!others || g_str_equal(others, to) ? to : ""));
        size = g_hash_table_lookup(sizes, class_name);
        g_hash_table_insert(sizes, class_name, GUINT_TO_POINTER(GPOINTER_TO_UINT(size) + 1));
        reviewed += (!known->gone || known->now) && cache_label_action(&known->item->given) != LABELS_KEEP;
    }
    follow_remark_reviewed(cache, reviewed);
    g_hash_table_iter_init(&all, sizes);
    while (g_hash_table_iter_next(&all, &name, &size)) {
        const char *to = g_hash_table_lookup(moved, name);
        guint n = GPOINTER_TO_UINT(size);
        if (*to && !g_str_equal(to, name))
            cli_remark("the class %s is now %s: its %u %s moved, and none is computed", (const char *)name,
                       to, n, plural(n, "image is", "images are"));
    }
}

static void remark(const Plan *plan, const char *cache)
{
    const Options *options = plan->follow->options;
    remark_on_classes(plan, cache);
    if (plan->copied)
        cli_remark("%u %s the same content as others, whose features are copied (the first: %s, as %s)",
                   plan->copied, plural(plan->copied, "image has", "images have"), plan->first_copy,
                   plan->first_from);
    if (plan->missing && !options->prune && !options->keep_missing)
        cli_warn("the files of %u %s of %s have gone from %s (the first: %s): --prune removes the items, "
                 "--keep-missing keeps them without this line",
                 plan->missing, plural(plan->missing, "item", "items"), cache, options->arguments[0],
                 plan->first_missing);
    if (plan->relabelled)
        cli_remark("%u %s another class by the table", plan->relabelled,
                   plural(plan->relabelled, "image has", "images have"));
}

/* ---- Augmented copies ---- */

/* Appends copies 1 … n of each of the dataset's items: all first copies, then all second copies, … */
static void add_copies(Dataset *dataset, guint n)
{
    guint images = dataset->items->len;
    for (guint copy = 1; copy <= n; copy++)
        for (guint i = 0; i < images; i++) {
            DatasetItem *image = dataset->items->pdata[i];
            DatasetItem *item = g_rc_box_dup(sizeof *image, image);
            item->path = g_strdup(image->path);
            item->key = g_strdup_printf("%s#%u", image->key, copy);
            item->group = g_strdup(image->group);
            g_ptr_array_add(dataset->items, item);
        }
}

/* The hash to store for the item `key` of a file with this SHA-256: the same; for a copy, SHA-256 of it and of how it was
 * made, so that copies made with other settings count as changed. */
static void hash_to_store(const guint8 content[CACHE_HASH], const char *key, const char *how,
                          guint8 hash[CACHE_HASH])
{
    memcpy(hash, content, CACHE_HASH);
    if (!cache_path_copy(key))
        return;
    Sha256 *of_copy = sha256_new();
    sha256_update(of_copy, hash, CACHE_HASH);
    sha256_update(of_copy, how, strlen(how));
    sha256_finish(of_copy, hash);
}

/* ---- What is left to compute ---- */

/* A file that could not be read counts as changed: decoding will report what is wrong. */
static void compare(guint task, guint worker, gpointer data)
{
    const Plan *plan = data;
    const DatasetItem *item = plan->dataset->items->pdata[task];
    guint8 stored[CACHE_HASH], now[CACHE_HASH];
    if (interrupted() || !cache_writer_lookup(plan->writer, item->key, stored))
        return;
    hash_to_store(item->hash, item->key, plan->follow->options->how, now);
    plan->states[task] = was_read(item) && sha256_equal(stored, now) ? IMAGE_UNCHANGED : IMAGE_CHANGED;
}

/* Of each image: its features stay, or are those of another one, or have to be computed. */
static gboolean decide(Plan *plan, GError **error)
{
    for (guint i = 0; i < plan->dataset->items->len && !interrupted(); i++) {
        const DatasetItem *item = plan->dataset->items->pdata[i];
        Known *source = cache_path_copy(item->key) ? NULL : find_source(plan, item);
        if (plan->states[i] == IMAGE_UNCHANGED)
            relabel(plan, item);
        else if (!source || !take_from(plan, source, item))
            plan->work[plan->n_work++] = i;
        if (!cache_writer_commit_often(plan->writer, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean follow_all(Plan *plan, GError **error)
{
    const Options *options = plan->follow->options;
    add_copies(plan->dataset, plan->part ? 0 : (guint)options->copies);
    guint n = plan->dataset->items->len;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)options->common.threads);
    plan->states = g_new0(guint8, n + 1);
    plan->work = g_new(guint, n + 1);
    thread_pool_run(thread_pool, n, compare, plan);
    if (!interrupted() && !decide(plan, error))
        return FALSE;
    if (!interrupted())
        leave_behind(plan);
    g_autofree char *passed = dataset_passed(plan->dataset);
    cache_writer_passed(plan->writer, passed);
    return cache_writer_commit(plan->writer, error) &&
           (!interrupted() || error_set(error, "%s", interruption));
}

Plan *follow_plan(Follow *follow, Dataset *dataset, guint part, GError **error)
{
    g_autoptr(Plan) plan = g_new0(Plan, 1);
    *plan = (Plan){.follow = follow, .dataset = dataset, .part = part, .writer = follow->writers[part]};
    if (!follow_all(plan, error))
        return NULL;
    if (follow->stored[part]) /* a new cache knows nothing */
        remark(plan, follow->stored[part]->path);
    plan->moved += plan->relabelled;
    plan->unchanged = dataset->items->len - plan->n_work - plan->moved - plan->copied;
    return g_steal_pointer(&plan);
}

void plan_put(Plan *plan, guint index, const guint8 content[CACHE_HASH], const float *features)
{
    const DatasetItem *item = plan->dataset->items->pdata[index];
    CacheLabel label = follow_label(plan->follow, item);
    guint8 hash[CACHE_HASH];
    hash_to_store(content, item->key, plan->follow->options->how, hash);
    cache_writer_put(plan->writer, item->key, &label, hash, features);
    *(plan->states[index] == IMAGE_CHANGED ? &plan->changed : &plan->added) += 1;
}

void plan_free(Plan *plan)
{
    if (!plan)
        return;
    g_free(plan->states);
    g_free(plan->work);
    g_free(plan);
}
