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
    gboolean fixed; /* some of its images had a place */
} Unit;

/* Images of a class. */
typedef struct {
    guint all, fixed;   /* fixed: they or others of their units had a place */
    guint wanted, have; /* in the second part */
} Class;

typedef struct {
    PartitionItem *items;
    guint n, n_classes;
    guint *order; /* (n) the items, by unit */
    GArray *units;
    Class *classes; /* (n_classes) */
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

/* NULL: of none. */
static Class *class_of(const Partition *p, const PartitionItem *item)
{
    return item->label < 0 ? NULL : &p->classes[item->label];
}

/* The free images of a unit follow those that have a place. */
static void list_units(Partition *p)
{
    for (guint i = 0; i < p->n; i++)
        p->order[i] = i;
    qsort_r(p->order, p->n, sizeof *p->order, by_unit, p->items);
    for (guint i = 0; i < p->n;) {
        Unit unit = {.hash = G_MAXUINT64, .first = i, .place = -1};
        guint number = p->items[p->order[i]].unit;
        for (; i < p->n && p->items[p->order[i]].unit == number; i++, unit.count++) {
            const PartitionItem *item = &p->items[p->order[i]];
            unit.hash = MIN(unit.hash, item->hash);
            unit.place = item->place >= 0 && unit.place != 0 ? item->place : unit.place;
        }
        unit.fixed = unit.place >= 0;
        g_array_append_val(p->units, unit);
    }
    g_array_sort(p->units, by_hash);
}

static void place_unit(Partition *p, Unit *unit, int place)
{
    unit->place = place;
    for (guint k = 0; k < unit->count; k++) {
        PartitionItem *item = item_at(p, unit, k);
        Class *class = class_of(p, item);
        if (class)
            class->fixed += unit->fixed;
        if (unit->fixed && item->place >= 0)
            continue;
        item->place = place;
        if (class)
            class->have += place == 1;
    }
}

/* By how much the classes come nearer to what is wanted with this unit in the second part: image by image. */
static int gain(Partition *p, const Unit *unit)
{
    int sum = 0;
    for (guint k = 0; k < unit->count; k++) {
        Class *class = class_of(p, item_at(p, unit, k));
        int lacking = class ? (int)class->wanted - (int)class->have++ : 0;
        sum += class ? abs(lacking) - abs(lacking - 1) : 0;
    }
    for (guint k = 0; k < unit->count; k++) {
        Class *class = class_of(p, item_at(p, unit, k));
        if (class)
            class->have--;
    }
    return sum;
}

/* ---- Classes ---- */

static gboolean count_classes(Partition *p, double share, const char *const *names, const char *what,
                              GError **error)
{
    for (guint i = 0; i < p->n; i++) {
        Class *class = class_of(p, &p->items[i]);
        if (!class)
            continue;
        class->all++;
        class->have += p->items[i].place == 1;
    }
    for (guint c = 0; c < p->n_classes; c++) {
        Class *class = &p->classes[c];
        if (class->all == 1)
            return error_set(error, "%s: class %s has only one image, but both parts need at least one", what,
                             names[c]);
        if (class->all)
            class->wanted = (guint)CLAMP(lround(share * class->all), 1, (long)class->all - 1);
    }
    return TRUE;
}

/* Images of a class in a unit. */
static guint count_in(const Partition *p, const Unit *unit, const Class *class)
{
    guint count = 0;
    for (guint k = 0; k < unit->count; k++)
        count += class_of(p, item_at(p, unit, k)) == class;
    return count;
}

/* The smallest free unit that leaves the class something in the first part. */
static void give_class(Partition *p, const Class *class)
{
    Unit *best = NULL;
    for (guint u = 0; u < p->units->len; u++) {
        Unit *unit = &g_array_index(p->units, Unit, u);
        guint count = unit->fixed || unit->place == 1 ? 0 : count_in(p, unit, class);
        if (count && count < class->all && (!best || unit->count < best->count))
            best = unit;
    }
    if (best)
        place_unit(p, best, 1);
}

static void divide(Partition *p)
{
    for (int free = 0; free < 2; free++) /* those that have a place first */
        for (guint u = 0; u < p->units->len; u++) {
            Unit *unit = &g_array_index(p->units, Unit, u);
            if (unit->fixed != free)
                place_unit(p, unit, free ? gain(p, unit) > 0 : unit->place);
        }
    for (guint c = 0; c < p->n_classes; c++) {
        const Class *class = &p->classes[c];
        if (class->all && !class->have && class->fixed < class->all)
            give_class(p, class);
    }
}

static gboolean check_classes(const Partition *p, const char *const *names, const char *what, GError **error)
{
    for (guint c = 0; c < p->n_classes; c++) {
        const Class *class = &p->classes[c];
        if (!class->all || (class->have && class->have < class->all))
            continue;
        if (class->fixed == class->all)
            return error_set(error,
                             "%s: the %s part already has all %u images of class %s, or others of their "
                             "groups, and images stay where they are: name a new CACHE",
                             what, class->have ? "test" : "training", class->all, names[c]);
        return error_set(
            error,
            "%s: the %u images of class %s belong together, by their groups or by those of other "
            "classes, and cannot be divided: give smaller groups",
            what, class->all, names[c]);
    }
    return TRUE;
}

gboolean partition(PartitionItem *items, guint n, double share, const char *const *classes, guint n_classes,
                   const char *what, GError **error)
{
    g_autoptr(GArray) units = g_array_new(FALSE, FALSE, sizeof(Unit));
    g_autofree guint *order = g_new(guint, n + 1);
    g_autofree Class *counts = g_new0(Class, n_classes + 1);
    Partition p = {items, n, n_classes, order, units, counts};
    if (!count_classes(&p, share, classes, what, error))
        return FALSE;
    list_units(&p);
    divide(&p);
    return check_classes(&p, classes, what, error);
}
