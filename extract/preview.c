#include "common/cli/cli.h"
#include "common/core/interrupt.h"
#include "common/dataset/contents.h"
#include "common/image/image_file.h"
#include "common/plot/augment_sheet.h"
#include "common/vgg16/vgg16.h"
#include "extract/actions.h"

#include <stdio.h>

enum { IMAGES = 6, COPIES = 7, BYTES = VGG16_SIDE * VGG16_SIDE * 3 };

/* Pixels of an item, or NULL with a remark where it cannot be used. */
static guint8 *decode(Contents *contents, guint i, Preset preset)
{
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *rgb = g_malloc(BYTES);
    g_autoptr(GBytes) content = contents_read(contents, i, &error);
    if (content && image_file_decode_content(content, preset, VGG16_SIDE, rgb, &error))
        return g_steal_pointer(&rgb);
    cli_warn("%s: %s", contents_item(contents, i)->path, error->message);
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
    guint chosen[IMAGES];
    for (guint i = 0; i < wanted; i++)
        chosen[i] = (guint)((gsize)i * n / wanted);
    contents_order(dataset, chosen, wanted);
    g_autoptr(Contents) contents = contents_open(dataset, chosen, wanted, error);
    if (!contents)
        return STATUS_FAILED;
    g_autoptr(GPtrArray) rgb = g_ptr_array_new_with_free_func(g_free), keys = g_ptr_array_new();
    for (guint i = 0; i < wanted && !interrupted(); i++) {
        guint8 *pixels = decode(contents, i, options->preset);
        if (!pixels)
            continue;
        g_ptr_array_add(rgb, pixels);
        g_ptr_array_add(keys, contents_item(contents, i)->key);
    }
    if (!augment_sheet_write(options->preview, &options->augmentation, (guint64)options->common.seed,
                             (const char *const *)keys->pdata, (const guint8 *const *)rgb->pdata, rgb->len,
                             COPIES, VGG16_SIDE, error))
        return STATUS_FAILED;
    printf("%s: %u image%s and %d augmented copies of each\n", options->preview, rgb->len,
           rgb->len == 1 ? "" : "s", COPIES);
    return rgb->len < wanted ? STATUS_SKIPPED : STATUS_DONE;
}
