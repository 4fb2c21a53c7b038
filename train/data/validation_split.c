/* validation_split: see validation_split.h. */
#include "train/data/validation_split.h"

#include "common/core/error.h"
#include "common/dataset/partition.h"

#include <string.h>

static gint by_folder_and_name(gconstpointer a, gconstpointer b, gpointer user)
{
    const SplitImage *images = user;
    const char *one = images[*(const guint *)a].key, *two = images[*(const guint *)b].key;
    const char *end = strrchr(one, '/'), *other = strrchr(two, '/');
    gsize length = end ? (gsize)(end - one) : 0, others = other ? (gsize)(other - two) : 0;
    int order = memcmp(one, two, MIN(length, others));
    if (!order)
        order = (length > others) - (length < others);
    return order ? order : strcmp(one + length, two + others);
}

static gint by_hash(gconstpointer a, gconstpointer b, gpointer user)
{
    const SplitImage *images = user;
    guint i = *(const guint *)a, j = *(const guint *)b;
    guint64 one = partition_hash(images[i].key), two = partition_hash(images[j].key);
    return one != two ? (one < two ? -1 : 1) : (i > j) - (i < j);
}

/* The first of each class. */
static gboolean *take_first(const SplitImages *all, double split, ValidationOrder order)
{
    guint n = all->n;
    gboolean *validates = g_new(gboolean, n + 1);
    g_autofree guint *count = g_new0(guint, all->classes + 1), *seen = g_new0(guint, all->classes + 1);
    g_autofree guint *walk = g_new(guint, n + 1);
    for (guint i = 0; i < n; i++) {
        count[all->images[i].label]++;
        walk[i] = i;
    }
    qsort_r(walk, n, sizeof *walk, order == VALIDATION_HASH ? by_hash : by_folder_and_name,
            (gpointer)all->images);
    for (guint i = 0; i < n; i++) {
        int label = all->images[walk[i]].label;
        validates[walk[i]] = seen[label]++ < (guint)(split * count[label]);
    }
    return validates;
}

static gboolean *keep_groups(const SplitImages *all, double split, GError **error)
{
    guint n = all->n;
    g_autofree PartitionItem *items = g_new0(PartitionItem, n + 1);
    g_autofree const char **groups = g_new(const char *, n + 1);
    for (guint i = 0; i < n; i++) {
        const SplitImage *image = &all->images[i];
        items[i] = (PartitionItem){.hash = partition_hash(image->key), .label = image->label, .place = -1};
        groups[i] = image->group;
    }
    partition_group(items, n, groups);
    if (!partition(items, n, split, all->names, all->classes, "--validation-split", error))
        return NULL;
    gboolean *validates = g_new(gboolean, n + 1);
    for (guint i = 0; i < n; i++)
        validates[i] = items[i].place == 1;
    return validates;
}

gboolean *validation_split(const SplitImages *all, double split, ValidationOrder order, GError **error)
{
    const char *group = NULL;
    for (guint i = 0; i < all->n && !group; i++)
        group = all->images[i].group;
    if (!group || split <= 0)
        return take_first(all, split, order);
    if (order == VALIDATION_HASH)
        return keep_groups(all, split, error);
    error_set(error, "--validation-order keras would part images of a group, such as %s: use hash", group);
    return NULL;
}

/* ---- Parts ---- */

SplitPart split_part(const SplitImages *all, const gboolean *answers, gboolean answer)
{
    SplitPart part = {0, g_new(guint32, all->n + 1), g_new(int, all->n + 1), NULL};
    g_autofree const char **groups = g_new(const char *, all->n + 1);
    for (guint i = 0; i < all->n; i++) {
        if (answers && answers[i] != answer)
            continue;
        part.items[part.count] = i;
        part.labels[part.count] = all->images[i].label;
        groups[part.count++] = all->images[i].group;
    }
    part.units = partition_units(groups, part.count);
    return part;
}

gboolean split_parts(const SplitImages *all, double split, ValidationOrder order, SplitPart parts[2],
                     GError **error)
{
    g_autofree gboolean *validates = validation_split(all, split, order, error);
    if (!validates)
        return FALSE;
    for (int i = 0; i < 2; i++)
        parts[i] = split_part(all, validates, i);
    return split <= 0 || (parts[0].count && parts[1].count) ||
           error_set(error,
                     "%s: a validation split of %g leaves %u images for training and %u for validation; "
                     "choose another --validation-split, or 0 for none",
                     all->path, split, parts[0].count, parts[1].count);
}

void split_part_clear(SplitPart *part)
{
    g_clear_pointer(&part->items, g_free);
    g_clear_pointer(&part->labels, g_free);
    g_clear_pointer(&part->units, g_free);
}

TrainedOn *split_trained_on(const SplitImages *all, const SplitPart *part)
{
    TrainedOn *trained_on = trained_on_new();
    for (guint i = 0; i < part->count; i++)
        trained_on_add(trained_on, all->images[part->items[i]].hash);
    return trained_on_finish(trained_on);
}
