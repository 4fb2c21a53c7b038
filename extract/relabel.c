/* relabel: extract --labels and --group on a CACHE alone, --apply and --unapply; see actions.h. */
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/dataset/labels.h"
#include "extract/actions.h"
#include "extract/follow.h"

#include <stdio.h>
#include <string.h>

typedef struct Relabelling Relabelling;
struct Relabelling {
    Labels *labels; /* NULL: none given */
    Groups *groups; /* as well */
    CacheWriter *writer;
    Cache *stored; /* what the writer's has */
    /* Changes an item's label by its row of the table and its group, NULL where it has none. FALSE: nothing is said of it. */
    gboolean (*change)(const Relabelling *r, const LabelRow *row, const char *group, CacheLabel *label);
    gboolean at_once;                            /* all is changed, or nothing */
    guint changed, unchanged, lacking, reviewed; /* images; reviewed: a review decided on its class or use */
};

/* The table's class and group, else what the item has. */
static gboolean tabled(const Relabelling *r, const LabelRow *row, const char *group, CacheLabel *label)
{
    CacheLabel new = cache_label_unreviewed(*label);
    if (row) {
        new.class_name = row->class_name;
        new.tabled = TRUE;
        new.group = r->labels->has[LABELS_GROUP] ? row->group : new.group;
    }
    if (r->groups)
        new.group = group;
    *label = cache_label_reviewed(label, new);
    return row || !r->labels;
}

/* What was decided, over what the item would have without a review. */
static gboolean decided(const Relabelling *r, const LabelRow *row, const char *group, CacheLabel *label)
{
    CacheLabel unreviewed = cache_label_unreviewed(*label);
    if (!row)
        return FALSE;
    label->before = unreviewed.class_name;
    label->before_tabled = unreviewed.tabled;
    label->excluded = row->action == LABELS_EXCLUDE;
    if (row->action == LABELS_RELABEL) {
        label->class_name = row->class_name;
        label->tabled = TRUE;
    }
    return TRUE;
}

static gboolean undone(const Relabelling *r, const LabelRow *row, const char *group, CacheLabel *label)
{
    gboolean found = label->before != NULL;
    *label = cache_label_unreviewed(*label);
    return found;
}

static gboolean relabel_item(Relabelling *r, const CacheItem *stored, GError **error)
{
    g_autofree char *path = cache_path_image(stored->path);
    g_autofree char *group = r->groups ? groups_find(r->groups, path) : NULL;
    CacheLabel label = stored->given;
    gboolean found = r->change(r, r->labels ? labels_find(r->labels, path) : NULL, group, &label);
    gboolean other = !g_str_equal(label.class_name, stored->given.class_name) ||
                     g_strcmp0(label.group, stored->given.group) != 0;
    guint8 hash[CACHE_HASH];
    r->reviewed += !stored->copy && cache_label_action(&label) != LABELS_KEEP;
    if (!stored->copy)
        *(!found ? &r->lacking : other ? &r->changed : &r->unchanged) += 1;
    if (cache_label_same(&label, &stored->given))
        return TRUE;
    if (!cache_writer_lookup(r->writer, stored->path, hash))
        return error_set(error, "the features of %s fail their checksum: run extract again to recompute them",
                         stored->path);
    cache_writer_copy(r->writer, stored->path, stored->path, &label);
    return r->at_once || cache_writer_commit_often(r->writer, error);
}

static CacheWriter *open_existing(const char *path, GError **error)
{
    g_autoptr(Cache) cache = cache_open(path, error);
    if (!cache)
        return NULL;
    g_autoptr(FeatureSpec) spec = feature_spec_copy(cache->spec);
    g_clear_pointer(&cache, cache_close);
    return cache_writer_open(path, spec, NULL, error);
}

static void relabelling_clear(Relabelling *r)
{
    labels_free(r->labels);
    groups_free(r->groups);
    cache_close(r->stored);
    cache_writer_close(r->writer);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Relabelling, relabelling_clear)

static gboolean relabelling_open(Relabelling *r, const char *path, GError **error)
{
    return (r->writer = open_existing(path, error)) && (r->stored = cache_writer_list(r->writer, error));
}

/* Before anything is changed: an expression that matches nothing is a mistake. */
static gboolean check_groups(const Relabelling *r, const char *by, const char *path, GError **error)
{
    for (guint i = 0; r->groups && i < r->stored->all; i++) {
        g_autofree char *group = groups_find(r->groups, cache_item(r->stored, i)->path);
        if (group)
            return TRUE;
    }
    return !r->groups || error_set(error, "--group %s: gives none of the images of %s a group", by, path);
}

static gboolean relabel_all(Relabelling *r, GError **error)
{
    for (guint i = 0; i < r->stored->all && !interrupted(); i++)
        if (!relabel_item(r, cache_item(r->stored, i), error))
            return FALSE;
    if (interrupted() && r->at_once)
        return error_set(error, "interrupted before anything was changed");
    return cache_writer_commit(r->writer, error) &&
           (!interrupted() || error_set(error, "interrupted: run the same command to continue"));
}

Status extract_relabel(const Options *options, GError **error)
{
    const char *path = options->arguments[0], *table = options->filter.labels;
    g_auto(Relabelling) r = {.change = tabled};
    if ((table && !(r.labels = labels_read(table, LABELS_CLASSES, error))) ||
        (options->filter.group && !(r.groups = groups_new(options->filter.group, error))) ||
        !relabelling_open(&r, path, error) || !check_groups(&r, options->filter.group, path, error) ||
        !relabel_all(&r, error))
        return STATUS_FAILED;
    if (table && r.changed + r.unchanged == 0) {
        error_set(error, "%s: none of the images of %s is in it", table, path);
        return STATUS_FAILED;
    }
    guint rows = r.labels ? g_hash_table_size(r.labels->rows) : 0;
    if (rows > r.changed + r.unchanged)
        cli_warn("%u of the images in %s are not in %s", rows - r.changed - r.unchanged, table, path);
    if (r.lacking)
        cli_remark("%s: %u %s not in %s and left as before", path, r.lacking,
                   plural(r.lacking, "image is", "images are"), table);
    follow_remark_reviewed(path, r.reviewed);
    printf("%u relabelled, %u unchanged\n", r.changed, r.unchanged + r.lacking);
    return STATUS_DONE;
}

/* FALSE and error if the cache lacks an image of the table. */
static gboolean check_known(const Relabelling *r, const char *path, GError **error)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter rows;
    gpointer image;
    for (guint i = 0; i < r->stored->all; i++)
        if (!cache_item(r->stored, i)->copy)
            g_hash_table_add(known, (gpointer)cache_item(r->stored, i)->path);
    g_hash_table_iter_init(&rows, r->labels->rows);
    while (g_hash_table_iter_next(&rows, &image, NULL))
        if (!g_hash_table_contains(known, image))
            return error_set(error, "%s: its image %s is not in %s, in which nothing was changed",
                             r->labels->file, (const char *)image, path);
    return TRUE;
}

Status extract_apply(const Options *options, GError **error)
{
    const char *path = options->arguments[0];
    guint counts[] = {[LABELS_KEEP] = 0, [LABELS_RELABEL] = 0, [LABELS_EXCLUDE] = 0};
    g_auto(Relabelling) r = {.change = decided, .at_once = TRUE};
    GHashTableIter rows;
    gpointer row;
    if (!(r.labels = labels_read(options->apply, LABELS_DECISIONS, error)) ||
        !relabelling_open(&r, path, error) || !check_known(&r, path, error) || !relabel_all(&r, error))
        return STATUS_FAILED;
    g_hash_table_iter_init(&rows, r.labels->rows);
    while (g_hash_table_iter_next(&rows, NULL, &row))
        counts[((const LabelRow *)row)->action]++;
    printf("%u kept, %u relabelled, %u excluded\n", counts[LABELS_KEEP], counts[LABELS_RELABEL],
           counts[LABELS_EXCLUDE]);
    return STATUS_DONE;
}

Status extract_unapply(const Options *options, GError **error)
{
    g_auto(Relabelling) r = {.change = undone, .at_once = TRUE};
    if (!relabelling_open(&r, options->arguments[0], error) || !relabel_all(&r, error))
        return STATUS_FAILED;
    guint n = r.changed + r.unchanged;
    printf("%u %s undone\n", n, plural(n, "decision", "decisions"));
    return STATUS_DONE;
}
