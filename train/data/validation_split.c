/* validation_split: see validation_split.h. */
#include "train/data/validation_split.h"

#include "common/core/error.h"
#include "common/dataset/partition.h"

#include <string.h>

static const DatasetItem *item_at(const Dataset *images, guint index)
{
    return images->items->pdata[index];
}

static gint by_folder_and_name(gconstpointer a, gconstpointer b, gpointer images)
{
    const char *one = item_at(images, *(const guint *)a)->key, *two = item_at(images, *(const guint *)b)->key;
    const char *end = strrchr(one, '/'), *other = strrchr(two, '/');
    gsize length = end ? (gsize)(end - one) : 0, others = other ? (gsize)(other - two) : 0;
    int order = memcmp(one, two, MIN(length, others));
    if (!order)
        order = (length > others) - (length < others);
    return order ? order : strcmp(one + length, two + others);
}

static gint by_hash(gconstpointer a, gconstpointer b, gpointer images)
{
    guint i = *(const guint *)a, j = *(const guint *)b;
    guint64 one = partition_hash(item_at(images, i)->key), two = partition_hash(item_at(images, j)->key);
    return one != two ? (one < two ? -1 : 1) : (i > j) - (i < j);
}

/* The first of each class. */
static gboolean *take_first(const Dataset *all, double split, ValidationOrder order)
{
    guint n = all->items->len, classes = all->classes->len;
    gboolean *validates = g_new(gboolean, n + 1);
    g_autofree guint *count = g_new0(guint, classes + 1), *seen = g_new0(guint, classes + 1);
    g_autofree guint *walk = g_new(guint, n + 1);
    for (guint i = 0; i < n; i++) {
        count[item_at(all, i)->label]++;
        walk[i] = i;
    }
    qsort_r(walk, n, sizeof *walk, order == VALIDATION_HASH ? by_hash : by_folder_and_name, (gpointer)all);
    for (guint i = 0; i < n; i++) {
        int label = item_at(all, walk[i])->label;
        validates[walk[i]] = seen[label]++ < (guint)(split * count[label]);
    }
    return validates;
}

static gboolean *keep_groups(const Dataset *all, double split, GError **error)
{
    guint n = all->items->len;
    g_autofree PartitionItem *items = partition_items(all);
    if (!partition(items, n, split, (const char *const *)all->classes->pdata, all->classes->len,
                   "--validation-split", error))
        return NULL;
    gboolean *validates = g_new(gboolean, n + 1);
    for (guint i = 0; i < n; i++)
        validates[i] = items[i].place == 1;
    return validates;
}

gboolean *validation_split(const Dataset *all, double split, ValidationOrder order, GError **error)
{
    const char *group = NULL;
    for (guint i = 0; i < all->items->len && !group; i++)
        group = item_at(all, i)->group;
    if (!group || split <= 0)
        return take_first(all, split, order);
    if (order == VALIDATION_HASH)
        return keep_groups(all, split, error);
    return error_null(error, "--validation-order keras would part images of a group, such as %s: use hash",
                      group);
}

/* ---- Parts ---- */

SplitPart split_part(const Dataset *all, const gboolean *answers, gboolean answer)
{
    guint n = all->items->len;
    SplitPart part = {0, g_new(guint32, n + 1), g_new(int, n + 1), NULL};
    g_autofree const char **groups = g_new(const char *, n + 1);
    for (guint i = 0; i < n; i++) {
        if (answers && answers[i] != answer)
            continue;
        part.items[part.count] = i;
        part.labels[part.count] = item_at(all, i)->label;
        groups[part.count++] = item_at(all, i)->group;
    }
    part.units = partition_units(groups, part.count);
    return part;
}

gboolean split_parts(const Dataset *all, double split, ValidationOrder order, SplitPart parts[2],
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
                     all->root, split, parts[0].count, parts[1].count);
}

void split_part_clear(SplitPart *part)
{
    g_clear_pointer(&part->items, g_free);
    g_clear_pointer(&part->labels, g_free);
    g_clear_pointer(&part->units, g_free);
}

TrainedOn *split_trained_on(const Dataset *all, const SplitPart *part)
{
    TrainedOn *trained_on = trained_on_new();
    for (guint i = 0; i < part->count; i++)
        trained_on_add(trained_on, item_at(all, part->items[i])->hash);
    return trained_on_finish(trained_on);
}
