#include "extract/plan.h"

#include "common/cli/progress.h"
#include "common/core/interrupt.h"
#include "common/core/thread_pool.h"
#include "common/image/image_file.h"
#include "extract/copies.h"

#include <string.h>

typedef struct {
    const Dataset *dataset;
    CacheWriter *writer;
    const char *how;
    guint8 *states;
    Progress *progress;
} Comparison;

/* A file that cannot be read counts as changed: decoding it will say what is wrong. */
static ImageState compare(CacheWriter *writer, const char *how, const DatasetItem *item)
{
    guint8 stored[CACHE_HASH], now[CACHE_HASH];
    if (!cache_writer_lookup(writer, item->key, stored))
        return IMAGE_NEW;
    g_autoptr(GBytes) content = image_file_read(item->path, NULL);
    if (!content)
        return IMAGE_CHANGED;
    copies_hash(content, item->key, how, now);
    return memcmp(stored, now, CACHE_HASH) == 0 ? IMAGE_UNCHANGED : IMAGE_CHANGED;
}

static void compare_task(guint task, guint worker, gpointer data)
{
    Comparison *comparison = data;
    if (interrupted())
        return;
    comparison->states[task] =
        (guint8)compare(comparison->writer, comparison->how, comparison->dataset->items->pdata[task]);
    progress_tick(comparison->progress, 1);
}

Plan *plan_new(const Dataset *dataset, CacheWriter *writer, const char *how, guint threads)
{
    guint n = dataset->items->len;
    g_autoptr(Plan) plan = g_new0(Plan, 1);
    g_autoptr(Progress) progress = progress_new("Comparing", n, "images");
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    plan->states = g_new0(guint8, n);
    plan->work = g_new(guint, n);
    Comparison comparison = {dataset, writer, how, plan->states, progress};
    thread_pool_run(thread_pool, n, compare_task, &comparison);
    for (guint i = 0; i < n; i++)
        if (plan->states[i] != IMAGE_UNCHANGED)
            plan->work[plan->n_work++] = i;
    plan->unchanged = n - plan->n_work;
    return interrupted() ? NULL : g_steal_pointer(&plan);
}

void plan_free(Plan *plan)
{
    if (!plan)
        return;
    g_free(plan->states);
    g_free(plan->work);
    g_free(plan);
}
