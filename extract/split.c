/* split: see split.h. */
#include "extract/split.h"

#include "common/core/error.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

typedef enum { FREE, IN_TRAIN, IN_TEST } Place; /* 1 + the part */

typedef struct {
    guint64 hash;
    guint index; /* of the item */
    int label;
    Place place;
} Candidate;

char *split_test_path(const char *cache)
{
    gsize length = strlen(cache);
    while (length > 1 && cache[length - 1] == '/')
        length--;
    return g_strdup_printf("%.*s.test", (int)length, cache);
}

static int by_label_and_hash(gconstpointer first, gconstpointer second)
{
    const Candidate *a = first, *b = second;
    if (a->label != b->label)
        return a->label < b->label ? -1 : 1;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static Candidate *list_candidates(const Dataset *dataset, const Follow *follow)
{
    Candidate *candidates = g_new(Candidate, dataset->items->len);
    for (guint i = 0; i < dataset->items->len; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        candidates[i] = (Candidate){XXH3_64bits(item->key, strlen(item->key)), i, item->label,
                                    (Place)(1 + follow_part(follow, item))};
    }
    qsort(candidates, dataset->items->len, sizeof *candidates, by_label_and_hash);
    return candidates;
}

/* One class's n images, lowest hash first: free ones join the test part until it has its share. */
static gboolean divide_class(Candidate *images, guint n, double share, const char *class_name, GError **error)
{
    if (n < 2)
        return error_set(error, "--split-test: class %s has only one image, but both parts need at least one",
                         class_name);
    guint wanted = CLAMP((guint)lround(share * n), 1, n - 1), tested = 0;
    for (guint i = 0; i < n; i++)
        tested += images[i].place == IN_TEST;
    for (guint i = 0; i < n && tested < wanted; i++)
        if (images[i].place == FREE) {
            images[i].place = IN_TEST;
            tested++;
        }
    if (tested == 0 || tested == n)
        return error_set(error,
                         "--split-test: the %s part already has all %u images of class %s, and images stay "
                         "where they are: name a new CACHE",
                         tested ? "test" : "training", n, class_name);
    return TRUE;
}

Dataset *split_test(Dataset *dataset, double share, const Follow *follow, GError **error)
{
    guint n = dataset->items->len, first = 0;
    g_autofree Candidate *candidates = list_candidates(dataset, follow);
    g_autofree gboolean *taken = g_new0(gboolean, n);
    for (guint end = 1; end <= n; end++) {
        if (end < n && candidates[end].label == candidates[first].label)
            continue;
        const char *name = dataset->classes->pdata[candidates[first].label];
        if (!divide_class(candidates + first, end - first, share, name, error))
            return NULL;
        for (; first < end; first++)
            taken[candidates[first].index] = candidates[first].place == IN_TEST;
    }
    return dataset_take(dataset, taken);
}
