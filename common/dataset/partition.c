/* partition: see partition.h. */
#include "common/dataset/partition.h"

#include "common/core/error.h"
#include "common/core/plural.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

typedef struct {
    guint64 hash;
    guint first, count; /* in the order of units */
    int place;
} Unit;

typedef struct {
    PartitionItem *items;
    guint n, classes;
    guint *order; /* (n) the items, by unit */
    GArray *units;
    guint *images, *wanted, *have, *fixed; /* (classes) */
} Partition;

guint64 partition_hash(const char *name)
{
    return XXH3_64bits(name, strlen(name));
}

guint *partition_units(const char *const *groups, guint n)
{
    g_autofree guint *units = g_new(guint, n + 1);
    g_autoptr(GHashTable) first = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < n; i++) {
        gpointer unit;
        units[i] = i;
        if (!groups[i])
            continue;
        if (g_hash_table_lookup_extended(first, groups[i], NULL, &unit))
            units[i] = GPOINTER_TO_UINT(unit);
        else
            g_hash_table_insert(first, (gpointer)groups[i], GUINT_TO_POINTER(i));
    }
    return g_hash_table_size(first) ? g_steal_pointer(&units) : NULL;
}

void partition_group(PartitionItem *items, guint n, const char *const *groups)
{
    g_autofree guint *units = partition_units(groups, n);
    for (guint i = 0; i < n; i++)
        items[i].unit = units ? units[i] : i;
}

PartitionItem *partition_items(const Dataset *dataset)
{
    guint n = dataset->items->len;
    PartitionItem *items = g_new0(PartitionItem, n + 1);
    g_autofree const char **groups = g_new(const char *, n + 1);
    for (guint i = 0; i < n; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        items[i] = (PartitionItem){.hash = partition_hash(item->key), .label = item->label, .place = -1};
        groups[i] = item->group;
    }
    partition_group(items, n, groups);
    return items;
}

/* ---- Units ---- */

static int by_unit(gconstpointer a, gconstpointer b, gpointer items)
{
    guint i = *(const guint *)a, j = *(const guint *)b;
    const PartitionItem *first = (PartitionItem *)items + i, *second = (PartitionItem *)items + j;
    return first->unit != second->unit ? (first->unit < second->unit ? -1 : 1) : i < j ? -1 : i > j;
}

static int by_hash(gconstpointer a, gconstpointer b)
{
    const Unit *first = a, *second = b;
    return first->hash != second->hash ? (first->hash < second->hash ? -1 : 1)
                                       : (first->first < second->first ? -1 : first->first > second->first);
}

static PartitionItem *item_at(const Partition *p, const Unit *unit, guint k)
{
    return &p->items[p->order[unit->first + k]];
}

/* The free images of a unit follow those that have a place. */
static void list_units(Partition *p)
{
    for (guint i = 0; i < p->n; i++)
        p->order[i] = i;
    qsort_r(p->order, p->n, sizeof *p->order, by_unit, p->items);
    for (guint i = 0; i < p->n;) {
        Unit unit = {G_MAXUINT64, i, 0, -1};
        guint number = p->items[p->order[i]].unit;
        for (; i < p->n && p->items[p->order[i]].unit == number; i++, unit.count++) {
            const PartitionItem *item = &p->items[p->order[i]];
            unit.hash = MIN(unit.hash, item->hash);
            unit.place = item->place >= 0 && unit.place != 0 ? item->place : unit.place;
        }
        g_array_append_val(p->units, unit);
    }
    g_array_sort(p->units, by_hash);
}

static void place_unit(Partition *p, Unit *unit, int place)
{
    unit->place = place;
    for (guint k = 0; k < unit->count; k++) {
        PartitionItem *item = item_at(p, unit, k);
        if (item->place < 0 && item->label >= 0 && place == 1)
            p->have[item->label]++;
        item->place = item->place < 0 ? place : item->place;
    }
}

/* Images of a class in a unit. */
static guint count_in(const Partition *p, const Unit *unit, int label)
{
    guint count = 0;
    for (guint k = 0; k < unit->count; k++)
        count += item_at(p, unit, k)->label == label;
    return count;
}

/* By how much the classes come nearer to what is wanted with this unit in the second part. */
static int gain(const Partition *p, const Unit *unit)
{
    int sum = 0;
    for (guint k = 0; k < unit->count; k++) {
        int label = item_at(p, unit, k)->label;
        gboolean seen = label < 0;
        for (guint before = 0; before < k && !seen; before++)
            seen = item_at(p, unit, before)->label == label;
        if (seen)
            continue;
        int lacking = (int)p->wanted[label] - (int)p->have[label];
        sum += abs(lacking) - abs(lacking - (int)count_in(p, unit, label));
    }
    return sum;
}

/* ---- Classes ---- */

static gboolean count_classes(Partition *p, double share, const char *const *classes, const char *what,
                              GError **error)
{
    for (guint i = 0; i < p->n; i++) {
        const PartitionItem *item = &p->items[i];
        if (item->label < 0)
            continue;
        p->images[item->label]++;
        p->fixed[item->label] += item->place >= 0;
        p->have[item->label] += item->place == 1;
    }
    for (guint c = 0; c < p->classes; c++) {
        if (p->images[c] == 1)
            return error_set(error, "%s: class %s has only one image, but both parts need at least one", what,
                             classes[c]);
        if (p->images[c])
            p->wanted[c] = (guint)CLAMP(lround(share * p->images[c]), 1, (long)p->images[c] - 1);
    }
    return TRUE;
}

/* The smallest free unit that leaves the class something in the first part. */
static void give_class(Partition *p, guint label)
{
    Unit *best = NULL;
    for (guint u = 0; u < p->units->len; u++) {
        Unit *unit = &g_array_index(p->units, Unit, u);
        guint count = unit->place == 0 && item_at(p, unit, 0)->place == 0 ? count_in(p, unit, (int)label) : 0;
        if (count && count < p->images[label] && (!best || unit->count < best->count))
            best = unit;
    }
    for (guint k = 0; best && k < best->count; k++) {
        PartitionItem *item = item_at(p, best, k);
        item->place = 1;
        if (item->label >= 0)
            p->have[item->label]++;
    }
}

static gboolean check_classes(const Partition *p, const char *const *classes, const char *what,
                              GError **error)
{
    for (guint c = 0; c < p->classes; c++) {
        if (p->have[c] && p->have[c] < p->images[c])
            continue;
        if (p->images[c] && p->fixed[c] == p->images[c])
            return error_set(
                error,
                "%s: the %s part already has all %u images of class %s, and images stay where they are: "
                "name a new CACHE",
                what, p->have[c] ? "test" : "training", p->images[c], classes[c]);
        if (p->images[c])
            return error_set(
                error,
                "%s: the %u images of class %s belong together, by their groups or by those of other "
                "classes, and cannot be divided: give smaller groups",
                what, p->images[c], classes[c]);
    }
    return TRUE;
}

static void divide(Partition *p)
{
    gboolean *free_units = g_new0(gboolean, p->units->len + 1);
    for (guint u = 0; u < p->units->len; u++) {
        Unit *unit = &g_array_index(p->units, Unit, u);
        free_units[u] = unit->place < 0;
        if (unit->place >= 0)
            place_unit(p, unit, unit->place);
    }
    for (guint u = 0; u < p->units->len; u++) {
        Unit *unit = &g_array_index(p->units, Unit, u);
        if (free_units[u])
            place_unit(p, unit, gain(p, unit) > 0);
    }
    g_free(free_units);
    for (guint c = 0; c < p->classes; c++)
        if (p->images[c] && !p->have[c] && p->fixed[c] < p->images[c])
            give_class(p, c);
}

gboolean partition(PartitionItem *items, guint n, double share, const char *const *classes, guint n_classes,
                   const char *what, GError **error)
{
    g_autoptr(GArray) units = g_array_new(FALSE, FALSE, sizeof(Unit));
    g_autofree guint *order = g_new(guint, n + 1), *counts = g_new0(guint, 4 * (n_classes + 1));
    Partition p = {items,
                   n,
                   n_classes,
                   order,
                   units,
                   counts,
                   counts + n_classes + 1,
                   counts + 2 * (n_classes + 1),
                   counts + 3 * (n_classes + 1)};
    if (!count_classes(&p, share, classes, what, error))
        return FALSE;
    list_units(&p);
    divide(&p);
    return check_classes(&p, classes, what, error);
}
