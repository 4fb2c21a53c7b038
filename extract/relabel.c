/* relabel: extract --labels and --group on a CACHE alone; see actions.h. */
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/dataset/labels.h"
#include "extract/actions.h"

#include <stdio.h>
#include <string.h>

enum { COMMIT_EVERY = 512 };

typedef struct {
    Labels *labels; /* NULL: none given */
    Groups *groups; /* as well */
    CacheWriter *writer;
    guint changed, unchanged, lacking; /* images */
} Relabelling;

/* The table's class and group, else what the item has. *group: to be freed. */
static CacheLabel new_label(Relabelling *r, const CacheStored *stored, const char *path, char **group,
                            gboolean *found)
{
    CacheLabel label = stored->label;
    const LabelRow *row = r->labels ? labels_find(r->labels, path) : NULL;
    *found = row || !r->labels;
    if (row) {
        label.class_name = row->class_name;
        label.tabled = TRUE;
        label.group = r->labels->has_groups ? row->group : label.group;
    }
    if (r->groups)
        label.group = *group = groups_find(r->groups, path);
    return label;
}

static gboolean relabel_item(Relabelling *r, const CacheStored *stored, GError **error)
{
    guint copy;
    gboolean found;
    g_autofree char *group = NULL, *path = g_strndup(stored->path, cache_path_image(stored->path, &copy));
    CacheLabel label = new_label(r, stored, path, &group, &found), before = stored->label;
    gboolean other =
        !g_str_equal(label.class_name, before.class_name) || g_strcmp0(label.group, before.group) != 0;
    guint8 hash[CACHE_HASH];
    if (!copy)
        *(!found ? &r->lacking : other ? &r->changed : &r->unchanged) += 1;
    if (!other && label.tabled == before.tabled)
        return TRUE;
    if (!cache_writer_lookup(r->writer, stored->path, hash))
        return error_set(error, "the features of %s fail their checksum: run extract again to recompute them",
                         stored->path);
    cache_writer_copy(r->writer, stored->path, stored->path, &label);
    return cache_writer_pending(r->writer) < COMMIT_EVERY || cache_writer_commit(r->writer, error);
}

static CacheWriter *open_existing(const char *path, GError **error)
{
    g_autoptr(Cache) cache = cache_open(path, error);
    if (!cache)
        return NULL;
    g_autoptr(FeatureSpec) spec = feature_spec_copy(cache_feature_spec(cache));
    g_clear_pointer(&cache, cache_close);
    return cache_writer_open(path, spec, NULL, error);
}

static gboolean relabel_all(Relabelling *r, GError **error)
{
    g_autoptr(GArray) stored = cache_writer_stored(r->writer, error);
    for (guint i = 0; stored && i < stored->len && !interrupted(); i++) {
        const CacheStored *item = &g_array_index(stored, CacheStored, i);
        if (item->label.class_name && !relabel_item(r, item, error))
            return FALSE;
    }
    return stored && cache_writer_commit(r->writer, error) &&
           (!interrupted() || error_set(error, "interrupted: run the same command to continue"));
}

Status relabel(const Options *options, GError **error)
{
    const char *path = options->arguments[0], *table = options->filter.labels;
    g_autoptr(Labels) labels = table ? labels_read(table, TRUE, error) : NULL;
    g_autoptr(Groups) groups = NULL;
    if ((table && !labels) || (options->filter.group && !(groups = groups_new(options->filter.group, error))))
        return STATUS_FAILED;
    g_autoptr(CacheWriter) writer = open_existing(path, error);
    Relabelling r = {labels, groups, writer, 0, 0, 0};
    if (!writer || !relabel_all(&r, error))
        return STATUS_FAILED;
    if (table && r.changed + r.unchanged == 0) {
        error_set(error, "%s: none of the images of %s is in it", table, path);
        return STATUS_FAILED;
    }
    guint rows = labels ? g_hash_table_size(labels->rows) : 0;
    if (rows > r.changed + r.unchanged)
        cli_warn("%u of the images in %s are not in %s", rows - r.changed - r.unchanged, table, path);
    if (r.lacking)
        cli_remark("%s: %u %s not in %s and left as before", path, r.lacking,
                   plural(r.lacking, "image is", "images are"), table);
    printf("%u relabelled, %u unchanged\n", r.changed, r.unchanged + r.lacking);
    return STATUS_DONE;
}
