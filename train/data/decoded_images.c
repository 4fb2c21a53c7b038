/* decoded_images: see decoded_images.h. */
#include "train/data/decoded_images.h"

#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/core/sha256.h"
#include "common/core/thread_pool.h"
#include "common/image/image_file.h"
#include "train/data/spill.h"

#include <string.h>

typedef struct {
    const Dataset *dataset;
    const Decoding *how;
    DecodedImages *images; /* item i at index i */
    char **reasons;        /* (items) why an image could not be read, else NULL */
    Progress *progress;
    char *broken; /* a sentence where the machine failed, not an image */
} Loading;

static gsize pixel_bytes(const DecodedImages *images)
{
    return (gsize)images->side * images->side * 3;
}

static void load_item(guint index, guint worker, gpointer data)
{
    Loading *loading = data;
    const DatasetItem *item = loading->dataset->items->pdata[index];
    DecodedImages *images = loading->images;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) content = NULL;
    if (interrupted() || g_atomic_pointer_get(&loading->broken))
        return;
    guint8 *rgb = images->pixels + index * pixel_bytes(images);
    if (image_file_decode(item->path, loading->how, rgb, &content, &error)) {
        gsize size;
        const guint8 *bytes = g_bytes_get_data(content, &size);
        sha256(bytes, size, images->hashes[index]);
    } else if (g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE)) {
        loading->reasons[index] = g_strdup(error->message);
    } else {
        char *sentence = g_strdup_printf("%s: %s", item->path, error->message);
        if (!g_atomic_pointer_compare_and_exchange(&loading->broken, NULL, sentence))
            g_free(sentence);
    }
    progress_tick(loading->progress, 1);
}

/* Reports the images that could not be read and closes the gaps they leave. */
static void compact(const Loading *loading)
{
    DecodedImages *images = loading->images;
    gsize bytes = pixel_bytes(images);
    for (guint i = 0; i < loading->dataset->items->len; i++) {
        const DatasetItem *item = loading->dataset->items->pdata[i];
        guint to = images->count;
        if (loading->reasons[i]) {
            cli_warn("%s: %s", item->path, loading->reasons[i]);
            images->skipped++;
            continue;
        }
        images->list[to] = (SplitImage){item->key, item->group, images->hashes[i], item->label};
        if (to != i)
            memcpy(images->pixels + to * bytes, images->pixels + i * bytes, bytes);
        images->count++;
    }
}

static DecodedImages *decoded_images_new(const Dataset *dataset, int side, const char *beside, GError **error)
{
    guint n = dataset->items->len;
    g_autoptr(DecodedImages) images = g_new0(DecodedImages, 1);
    images->side = side;
    images->list = g_new(SplitImage, n);
    images->hashes = g_malloc0_n(n, CACHE_HASH);
    images->room = n * pixel_bytes(images);
    images->pixels = spill_new(beside, images->room, error);
    return images->pixels ? g_steal_pointer(&images) : NULL;
}

DecodedImages *decoded_images_load(const Dataset *dataset, const Decoding *how, const char *beside,
                                   guint threads, GError **error)
{
    guint n = dataset->items->len;
    g_autoptr(DecodedImages) images = decoded_images_new(dataset, how->side, beside, error);
    if (!images)
        return NULL;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    g_autoptr(GPtrArray) reasons = g_ptr_array_new_full(n, g_free);
    g_ptr_array_set_size(reasons, (int)n);
    g_autoptr(Progress) progress = progress_new("Decoding", n, "images");
    Loading loading = {dataset, how, images, (char **)reasons->pdata, progress, NULL};
    gint64 began = g_get_monotonic_time();
    thread_pool_run(thread_pool, n, load_item, &loading);
    images->seconds = (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
    g_autofree char *broken = loading.broken;
    if (broken) {
        error_set(error, "%s", broken);
        return NULL;
    }
    if (interrupted()) {
        error_set(error, "%s: interrupted before training began", dataset->root);
        return NULL;
    }
    compact(&loading);
    if (!images->count) {
        error_set(error, "%s: none of its %u %s could be read", dataset->root, n,
                  plural(n, "image", "images"));
        return NULL;
    }
    return g_steal_pointer(&images);
}

MemoryNeed decoded_images_memory(guint images, int side)
{
    return (MemoryNeed){.files = (gsize)images * (gsize)side * (gsize)side * 3};
}

void decoded_images_free(DecodedImages *images)
{
    if (!images)
        return;
    spill_free(images->pixels, images->room);
    g_free(images->list);
    g_free(images->hashes);
    g_free(images);
}

const guint8 *decoded_images_pixels(const DecodedImages *images, guint index)
{
    return images->pixels + index * pixel_bytes(images);
}
