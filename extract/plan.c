#include "extract/plan.h"

#include "common/cli/progress.h"
#include "common/image/image_file.h"
#include "common/util/crew.h"

#include <string.h>

void content_hash(GBytes *content, guint8 hash[CACHE_HASH])
{
    gsize size, digest_size = CACHE_HASH;
    const guchar *bytes = g_bytes_get_data(content, &size);
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, bytes, (gssize)size);
    g_checksum_get_digest(checksum, hash, &digest_size);
}

typedef struct {
    const Dataset *dataset;
    CacheWriter *writer;
    guint8 *states;
    Progress *progress;
} Comparison;

/* A file that cannot be read counts as changed: decoding it will say what is wrong. */
static ImageState compare(CacheWriter *writer, const DatasetItem *item)
{
    guint8 stored[CACHE_HASH], now[CACHE_HASH];
    if (!cache_writer_lookup(writer, item->key, stored))
        return IMAGE_NEW;
    g_autoptr(GBytes) content = image_file_read(item->path, NULL);
    if (!content)
        return IMAGE_CHANGED;
    content_hash(content, now);
    return memcmp(stored, now, CACHE_HASH) == 0 ? IMAGE_UNCHANGED : IMAGE_CHANGED;
}

static void compare_task(guint task, guint worker, gpointer data)
{
    Comparison *comparison = data;
    if (interrupted())
        return;
    comparison->states[task] = (guint8)compare(comparison->writer, comparison->dataset->items->pdata[task]);
    progress_tick(comparison->progress, 1);
}

Plan *plan_new(const Dataset *dataset, CacheWriter *writer, guint threads)
{
    guint n = dataset->items->len;
    g_autoptr(Plan) plan = g_new0(Plan, 1);
    g_autoptr(Progress) progress = progress_new("Comparing", n, "images");
    g_autoptr(Crew) crew = crew_new(threads);
    plan->states = g_new0(guint8, n);
    plan->work = g_new(guint, n);
    Comparison comparison = {dataset, writer, plan->states, progress};
    crew_run(crew, n, compare_task, &comparison);
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
