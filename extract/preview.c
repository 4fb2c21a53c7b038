#include "common/cli/cli.h"
#include "common/core/interrupt.h"
#include "common/image/image_file.h"
#include "common/plot/augment_sheet.h"
#include "common/vgg16/vgg16.h"
#include "extract/actions.h"

#include <stdio.h>

enum { IMAGES = 6, COPIES = 7, BYTES = VGG16_SIDE * VGG16_SIDE * 3 };

/* Pixels of an item, or NULL with a remark where it cannot be used. */
static guint8 *decode(const DatasetItem *item, Preset preset)
{
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *rgb = g_malloc(BYTES);
    if (image_file_decode(item->path, preset, VGG16_SIDE, rgb, NULL, &error))
        return g_steal_pointer(&rgb);
    cli_warn("%s: %s", item->path, error->message);
    return NULL;
}

/* Images from all over the folder, so that its classes are among them. */
Status preview(const Options *options, GError **error)
{
    if (!image_file_startup("extract", error))
        return STATUS_FAILED;
    g_autoptr(Dataset) dataset = dataset_scan(options->arguments[0], &options->filter, error);
    if (!dataset)
        return STATUS_FAILED;
    guint n = dataset->items->len, wanted = MIN(IMAGES, n);
    g_autoptr(GPtrArray) rgb = g_ptr_array_new_with_free_func(g_free), keys = g_ptr_array_new();
    for (guint i = 0; i < wanted && !interrupted(); i++) {
        const DatasetItem *item = dataset->items->pdata[(gsize)i * n / wanted];
        guint8 *pixels = decode(item, options->preset);
        if (!pixels)
            continue;
        g_ptr_array_add(rgb, pixels);
        g_ptr_array_add(keys, item->key);
    }
    if (!augment_sheet_write(options->preview, &options->augmentation, (guint64)options->common.seed,
                             (const char *const *)keys->pdata, (const guint8 *const *)rgb->pdata, rgb->len,
                             COPIES, VGG16_SIDE, error))
        return STATUS_FAILED;
    printf("%s: %u image%s and %d augmented copies of each\n", options->preview, rgb->len,
           rgb->len == 1 ? "" : "s", COPIES);
    return rgb->len < wanted ? STATUS_SKIPPED : STATUS_DONE;
}
