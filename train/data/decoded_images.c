/* decoded_images: see decoded_images.h. */
#include "train/data/decoded_images.h"

#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/sha256.h"
#include "common/core/thread_pool.h"
#include "common/image/image_file.h"
#include "train/data/spill.h"

#include <string.h>

typedef struct {
    const Dataset *dataset;
    Preset preset;
    DecodedImages *images; /* item i at index i */
    char **reasons;        /* (items) why an image could not be read, else NULL */
    Progress *progress;
} Loading;

static gsize pixel_bytes(const DecodedImages *images)
{
    return (gsize)images->side * images->side * 3;
}

static void load_item(guint index, guint worker, gpointer data)
{
    const Loading *loading = data;
    const DatasetItem *item = loading->dataset->items->pdata[index];
    DecodedImages *images = loading->images;
    g_autoptr(GError) error = NULL;
    gsize size;
    if (interrupted())
        return;
    g_autoptr(GBytes) content = image_file_read(item->path, &error);
    const guint8 *bytes = content ? g_bytes_get_data(content, &size) : NULL;
    if (content && image_decode(bytes, size, loading->preset, images->side, IMAGE_MAX_PIXELS,
                                images->pixels + index * pixel_bytes(images), &error)) {
        sha256(bytes, size, images->hashes[index]);
    } else {
        loading->reasons[index] = g_strdup(error->message);
    }
    progress_tick(loading->progress, 1);
}

/* Names the images that could not be read and closes their gaps. */
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
        images->labels[to] = item->label;
        images->keys[to] = item->key;
        if (to != i) {
            memcpy(images->hashes[to], images->hashes[i], CACHE_HASH);
            memcpy(images->pixels + to * bytes, images->pixels + i * bytes, bytes);
        }
        images->count++;
    }
}

static DecodedImages *decoded_images_new(const Dataset *dataset, int side, const char *beside, GError **error)
{
    guint n = dataset->items->len;
    g_autoptr(DecodedImages) images = g_new0(DecodedImages, 1);
    images->side = side;
    images->labels = g_new(int, n);
    images->keys = g_new(const char *, n);
    images->hashes = g_malloc0_n(n, CACHE_HASH);
    images->room = n * pixel_bytes(images);
    images->pixels = spill_new(beside, images->room, error);
    return images->pixels ? g_steal_pointer(&images) : NULL;
}

DecodedImages *decoded_images_load(const Dataset *dataset, Preset preset, int side, const char *beside,
                                   guint threads, GError **error)
{
    guint n = dataset->items->len;
    g_autoptr(DecodedImages) images = decoded_images_new(dataset, side, beside, error);
    if (!images)
        return NULL;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    g_autoptr(GPtrArray) reasons = g_ptr_array_new_full(n, g_free);
    g_ptr_array_set_size(reasons, (int)n);
    g_autoptr(Progress) progress = progress_new("Decoding", n, "images");
    Loading loading = {dataset, preset, images, (char **)reasons->pdata, progress};
    thread_pool_run(thread_pool, n, load_item, &loading);
    if (interrupted()) {
        error_set(error, "%s: interrupted before training began", dataset->root);
        return NULL;
    }
    compact(&loading);
    if (!images->count) {
        error_set(error, "%s: none of its %u images could be read", dataset->root, n);
        return NULL;
    }
    return g_steal_pointer(&images);
}

void decoded_images_free(DecodedImages *images)
{
    if (!images)
        return;
    spill_free(images->pixels, images->room);
    g_free(images->labels);
    g_free(images->keys);
    g_free(images->hashes);
    g_free(images);
}

const guint8 *decoded_images_pixels(const DecodedImages *images, guint index)
{
    return images->pixels + index * pixel_bytes(images);
}
