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
    Dataset *dataset;
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
    DatasetItem *item = loading->dataset->items->pdata[index];
    DecodedImages *images = loading->images;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) content = NULL;
    if (interrupted() || g_atomic_pointer_get(&loading->broken))
        return;
    guint8 *rgb = images->pixels + index * pixel_bytes(images);
    if (image_file_decode(item->path, loading->how, rgb, &content, &error)) {
        gsize size;
        const guint8 *bytes = g_bytes_get_data(content, &size);
        sha256(bytes, size, item->hash);
    } else if (g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE)) {
        loading->reasons[index] = g_strdup(error->message);
    } else {
        char *sentence = g_strdup_printf("%s: %s", item->path, error->message);
        if (!g_atomic_pointer_compare_and_exchange(&loading->broken, NULL, sentence))
            g_free(sentence);
    }
    progress_tick(loading->progress, 1);
}

/* Reports the images that could not be read and closes the gaps they leave, also in the dataset. */
static void compact(const Loading *loading)
{
    DecodedImages *images = loading->images;
    Dataset *dataset = loading->dataset;
    gsize bytes = pixel_bytes(images);
    g_autofree gboolean *unread = g_new0(gboolean, dataset->items->len + 1);
    for (guint i = 0; i < dataset->items->len; i++) {
        guint to = images->count;
        unread[i] = loading->reasons[i] != NULL;
        images->count += !unread[i];
        if (unread[i])
            cli_warn("%s: %s", ((const DatasetItem *)dataset->items->pdata[i])->path, loading->reasons[i]);
        else if (to != i)
            memcpy(images->pixels + to * bytes, images->pixels + i * bytes, bytes);
    }
    images->skipped = dataset->items->len - images->count;
    dataset_free(dataset_take(dataset, unread));
}

DecodedImages *decoded_images_load(Dataset *dataset, const Decoding *how, const char *beside, guint threads,
                                   GError **error)
{
    guint n = dataset->items->len;
    g_autoptr(DecodedImages) images = g_new0(DecodedImages, 1);
    images->side = how->side;
    images->dataset = dataset;
    images->room = n * pixel_bytes(images);
    images->pixels = spill_new(beside, images->room, error);
    if (!images->pixels)
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
    if (broken)
        return error_null(error, "%s", broken);
    if (interrupted())
        return error_null(error, "%s: interrupted before training began", dataset->root);
    compact(&loading);
    return images->count ? g_steal_pointer(&images)
                         : error_null(error, "%s: none of its %u %s could be read", dataset->root, n,
                                      plural(n, "image", "images"));
}

void decoded_images_free(DecodedImages *images)
{
    if (!images)
        return;
    spill_free(images->pixels, images->room);
    g_free(images);
}

const guint8 *decoded_images_pixels(const DecodedImages *images, guint index)
{
    return images->pixels + index * pixel_bytes(images);
}
