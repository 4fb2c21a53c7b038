/* split: see split.h. */
#include "extract/split.h"

#include "common/dataset/partition.h"

#include <string.h>

char *split_test_path(const char *cache)
{
    gsize length = strlen(cache);
    while (length > 1 && cache[length - 1] == '/')
        length--;
    return g_strdup_printf("%.*s.test", (int)length, cache);
}

Dataset *split_test(Dataset *dataset, double share, const Follow *follow, GError **error)
{
    guint n = dataset->items->len;
    g_autofree PartitionItem *items = g_new0(PartitionItem, n + 1);
    g_autofree const char **groups = g_new0(const char *, n + 1);
    g_autofree gboolean *taken = g_new0(gboolean, n + 1);
    for (guint i = 0; i < n; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        int place = follow_part(follow, item);
        place = place < 0 && dataset->parted ? item->test : place;
        items[i] = (PartitionItem){.hash = partition_hash(item->key), .label = item->label, .place = place};
        groups[i] = follow_label(follow, item).group;
    }
    partition_group(items, n, groups);
    if (!partition(items, n, share, (const char *const *)dataset->classes->pdata, dataset->classes->len,
                   "--split-test", error))
        return NULL;
    for (guint i = 0; i < n; i++)
        taken[i] = items[i].place == 1;
    return dataset_take(dataset, taken);
}
