/* plan: see plan.h. */
#include "extract/plan.h"

#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/thread_pool.h"
#include "common/dataset/contents.h"
#include "extract/copies.h"

#include <string.h>

typedef struct {
    const Dataset *dataset;
    CacheWriter *writer;
    const char *how;
    guint8 *states;               /* ImageState; what is in the cache is IMAGE_CHANGED until it is compared */
    guint8 (*hashes)[CACHE_HASH]; /* in the cache */
    guint *stored;                /* indices of the items that are in the cache, in reading order */
    Contents *contents;           /* of those */
    Progress *progress;
} Comparison;

static void look_up(guint task, guint worker, gpointer data)
{
    Comparison *comparison = data;
    const DatasetItem *item = comparison->dataset->items->pdata[task];
    if (!interrupted() && cache_writer_lookup(comparison->writer, item->key, comparison->hashes[task]))
        comparison->states[task] = IMAGE_CHANGED;
}

/* A file that cannot be read counts as changed: decoding will report what is wrong. */
static void compare(guint task, guint worker, gpointer data)
{
    Comparison *comparison = data;
    guint8 now[CACHE_HASH];
    guint index = comparison->stored[task];
    if (interrupted())
        return;
    g_autoptr(GBytes) content = contents_read(comparison->contents, task, NULL);
    if (content) {
        copies_hash(content, contents_item(comparison->contents, task)->key, comparison->how, now);
        if (memcmp(comparison->hashes[index], now, CACHE_HASH) == 0)
            comparison->states[index] = IMAGE_UNCHANGED;
    }
    progress_tick(comparison->progress, 1);
}

/* The items in one of two states, in reading order; *count: how many. */
static guint *list_items(const Dataset *dataset, const guint8 *states, ImageState one, ImageState other,
                         guint *count)
{
    guint *list = g_new(guint, dataset->items->len), n = 0;
    for (guint i = 0; i < dataset->items->len; i++)
        if (states[i] == one || states[i] == other)
            list[n++] = i;
    contents_order(dataset, list, n);
    *count = n;
    return list;
}

static gboolean compare_all(Comparison *comparison, ThreadPool *thread_pool, GError **error)
{
    guint n, all = comparison->dataset->items->len;
    thread_pool_run(thread_pool, all, look_up, comparison);
    g_autofree guint *stored =
        list_items(comparison->dataset, comparison->states, IMAGE_CHANGED, IMAGE_CHANGED, &n);
    g_autoptr(Contents) contents = contents_open(comparison->dataset, stored, n, error);
    if (!contents)
        return FALSE;
    g_autoptr(Progress) progress = progress_new("Comparing", n, "images");
    comparison->stored = stored;
    comparison->contents = contents;
    comparison->progress = progress;
    thread_pool_run(thread_pool, n, compare, comparison);
    return TRUE;
}

Plan *plan_new(const Dataset *dataset, CacheWriter *writer, const char *how, guint threads, GError **error)
{
    guint n = dataset->items->len;
    g_autoptr(Plan) plan = g_new0(Plan, 1);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    plan->states = g_new0(guint8, n);
    g_autofree guint8 *hashes = g_malloc_n(n, CACHE_HASH);
    Comparison comparison = {.dataset = dataset,
                             .writer = writer,
                             .how = how,
                             .states = plan->states,
                             .hashes = (guint8(*)[CACHE_HASH])hashes};
    if (!compare_all(&comparison, thread_pool, error))
        return NULL;
    if (interrupted()) {
        error_set(error, "interrupted before anything was computed: run the same command to continue");
        return NULL;
    }
    plan->work = list_items(dataset, plan->states, IMAGE_NEW, IMAGE_CHANGED, &plan->n_work);
    plan->unchanged = n - plan->n_work;
    return g_steal_pointer(&plan);
}

void plan_free(Plan *plan)
{
    if (!plan)
        return;
    g_free(plan->states);
    g_free(plan->work);
    g_free(plan);
}
