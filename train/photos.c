/* photos: see photos.h. */
#include "train/photos.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/image/image_file.h"
#include "common/util/crew.h"
#include "common/util/sha256.h"
#include "train/spill.h"

#include <string.h>

typedef struct {
    const Dataset *dataset;
    Preset preset;
    Photos *photos; /* item i at place i */
    char **reasons; /* (items) why one cannot be used, else NULL */
    Progress *progress;
} Loading;

static gsize pixel_bytes(const Photos *photos)
{
    return (gsize)photos->side * photos->side * 3;
}

static void load_item(guint index, guint worker, gpointer data)
{
    const Loading *loading = data;
    const DatasetItem *item = loading->dataset->items->pdata[index];
    Photos *photos = loading->photos;
    g_autoptr(GError) error = NULL;
    gsize size;
    if (interrupted())
        return;
    g_autoptr(GBytes) content = image_file_read(item->path, &error);
    const guint8 *bytes = content ? g_bytes_get_data(content, &size) : NULL;
    if (content && image_decode(bytes, size, loading->preset, photos->side, IMAGE_MAX_PIXELS,
                                photos->pixels + index * pixel_bytes(photos), &error)) {
        sha256(bytes, size, photos->hashes[index]);
    } else {
        loading->reasons[index] = g_strdup(error->message);
    }
    progress_tick(loading->progress, 1);
}

/* Closes the gaps of items that cannot be used, and names those. */
static void compact(const Loading *loading)
{
    Photos *photos = loading->photos;
    gsize bytes = pixel_bytes(photos);
    for (guint i = 0; i < loading->dataset->items->len; i++) {
        const DatasetItem *item = loading->dataset->items->pdata[i];
        guint to = photos->count;
        if (loading->reasons[i]) {
            cli_warn("%s: %s", item->path, loading->reasons[i]);
            photos->skipped++;
            continue;
        }
        photos->labels[to] = item->label;
        photos->keys[to] = item->key;
        if (to != i) {
            memcpy(photos->hashes[to], photos->hashes[i], CACHE_HASH);
            memcpy(photos->pixels + to * bytes, photos->pixels + i * bytes, bytes);
        }
        photos->count++;
    }
}

static Photos *photos_new(const Dataset *dataset, int side, const char *beside, GError **error)
{
    guint n = dataset->items->len;
    g_autoptr(Photos) photos = g_new0(Photos, 1);
    photos->side = side;
    photos->labels = g_new(int, n);
    photos->keys = g_new(const char *, n);
    photos->hashes = g_malloc0_n(n, CACHE_HASH);
    photos->room = n * pixel_bytes(photos);
    photos->pixels = spill_new(beside, photos->room, error);
    return photos->pixels ? g_steal_pointer(&photos) : NULL;
}

Photos *photos_load(const Dataset *dataset, Preset preset, int side, const char *beside, guint threads,
                    GError **error)
{
    guint n = dataset->items->len;
    g_autoptr(Photos) photos = photos_new(dataset, side, beside, error);
    if (!photos)
        return NULL;
    g_autoptr(Crew) crew = crew_new(threads);
    g_autoptr(GPtrArray) reasons = g_ptr_array_new_full(n, g_free);
    g_ptr_array_set_size(reasons, (int)n);
    g_autoptr(Progress) progress = progress_new("Decoding", n, "images");
    Loading loading = {dataset, preset, photos, (char **)reasons->pdata, progress};
    crew_run(crew, n, load_item, &loading);
    if (interrupted()) {
        cli_error(error, "%s: interrupted before the training began", dataset->root);
        return NULL;
    }
    compact(&loading);
    if (!photos->count) {
        cli_error(error, "%s: none of its %u images can be used", dataset->root, n);
        return NULL;
    }
    return g_steal_pointer(&photos);
}

void photos_free(Photos *photos)
{
    if (!photos)
        return;
    spill_free(photos->pixels, photos->room);
    g_free(photos->labels);
    g_free(photos->keys);
    g_free(photos->hashes);
    g_free(photos);
}

const guint8 *photos_pixels(const Photos *photos, guint index)
{
    return photos->pixels + index * pixel_bytes(photos);
}
