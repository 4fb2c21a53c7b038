/* validation_split: see validation_split.h. */
#include "train/data/validation_split.h"

#include "common/core/error.h"
#include "common/dataset/partition.h"

#include <string.h>

static gint by_folder_and_name(gconstpointer a, gconstpointer b, gpointer user)
{
    const char *const *keys = user;
    const char *one = keys[*(const guint *)a], *two = keys[*(const guint *)b];
    const char *end = strrchr(one, '/'), *other = strrchr(two, '/');
    gsize length = end ? (gsize)(end - one) : 0, others = other ? (gsize)(other - two) : 0;
    int order = memcmp(one, two, MIN(length, others));
    if (!order)
        order = (length > others) - (length < others);
    return order ? order : strcmp(one + length, two + others);
}

static gint by_hash(gconstpointer a, gconstpointer b, gpointer user)
{
    const char *const *keys = user;
    guint i = *(const guint *)a, j = *(const guint *)b;
    guint64 one = partition_hash(keys[i]), two = partition_hash(keys[j]);
    return one != two ? (one < two ? -1 : 1) : (i > j) - (i < j);
}

/* The first of each class. */
static gboolean *take_first(const ValidationImages *images, double split, ValidationOrder order)
{
    guint n = images->n;
    gboolean *validates = g_new(gboolean, n + 1);
    g_autofree guint *count = g_new0(guint, images->classes + 1), *seen = g_new0(guint, images->classes + 1);
    g_autofree guint *walk = g_new(guint, n + 1);
    for (guint i = 0; i < n; i++) {
        count[images->labels[i]]++;
        walk[i] = i;
    }
    qsort_r(walk, n, sizeof *walk, order == VALIDATION_HASH ? by_hash : by_folder_and_name,
            (gpointer)images->keys);
    for (guint i = 0; i < n; i++) {
        int label = images->labels[walk[i]];
        validates[walk[i]] = seen[label]++ < (guint)(split * count[label]);
    }
    return validates;
}

static gboolean *keep_groups(const ValidationImages *images, double split, GError **error)
{
    guint n = images->n;
    g_autofree PartitionItem *items = g_new0(PartitionItem, n + 1);
    for (guint i = 0; i < n; i++)
        items[i] =
            (PartitionItem){.hash = partition_hash(images->keys[i]), .label = images->labels[i], .place = -1};
    partition_group(items, n, images->groups);
    if (!partition(items, n, split, images->names, images->classes, "--validation-split", error))
        return NULL;
    gboolean *validates = g_new(gboolean, n + 1);
    for (guint i = 0; i < n; i++)
        validates[i] = items[i].place == 1;
    return validates;
}

gboolean *validation_split(const ValidationImages *images, double split, ValidationOrder order,
                           GError **error)
{
    const char *group = NULL;
    for (guint i = 0; i < images->n && !group; i++)
        group = images->groups[i];
    if (!group || split <= 0)
        return take_first(images, split, order);
    if (order == VALIDATION_HASH)
        return keep_groups(images, split, error);
    error_set(error, "--validation-order keras would part images of a group, such as %s: use hash", group);
    return NULL;
}
