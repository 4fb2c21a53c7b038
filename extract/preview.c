/* preview: some images with augmented copies of each, on one sheet. */
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/dataset/contents.h"
#include "common/image/image_file.h"
#include "common/plot/augment_sheet.h"
#include "common/vgg16/vgg16.h"
#include "extract/actions.h"

#include <stdio.h>

enum { IMAGES = 6, COPIES = 7, BYTES = VGG16_SIDE * VGG16_SIDE * 3 };

/* *rgb: an item's pixels, which the caller frees, or NULL, after a remark, if it cannot be used. FALSE and error if the
 * machine failed, not the image. */
static gboolean decode(Contents *contents, guint i, const Decoding *how, guint8 **rgb, GError **error)
{
    const char *path = contents_item(contents, i)->path;
    g_autoptr(GError) problem = NULL;
    g_autofree guint8 *pixels = g_malloc(BYTES);
    g_autoptr(GBytes) content = contents_read(contents, i, &problem);
    gboolean done = content && image_file_decode_content(content, how, pixels, &problem);
    *rgb = done ? g_steal_pointer(&pixels) : NULL;
    if (g_error_matches(problem, IMAGE_ERROR, IMAGE_ERROR_MACHINE))
        return error_set(error, "%s: %s", path, problem->message);
    if (!done)
        cli_warn("%s: %s", path, problem->message);
    return TRUE;
}

/* Images spread evenly over the folder, so that all classes are represented. */
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
    const Decoding how = {options->preset, options->fit, options->preset == PRESET_VIPS, VGG16_SIDE};
    g_autoptr(GPtrArray) rgb = g_ptr_array_new_with_free_func(g_free), keys = g_ptr_array_new();
    for (guint i = 0; i < wanted && !interrupted(); i++) {
        guint8 *pixels;
        if (!decode(contents, i, &how, &pixels, error))
            return STATUS_FAILED;
        if (!pixels)
            continue;
        g_ptr_array_add(rgb, pixels);
        g_ptr_array_add(keys, contents_item(contents, i)->key);
    }
    if (!augment_sheet_write(options->preview, &options->augmentation, (guint64)options->common.seed,
                             (const char *const *)keys->pdata, (const guint8 *const *)rgb->pdata, rgb->len,
                             COPIES, VGG16_SIDE, error))
        return STATUS_FAILED;
    printf("%s: %u %s with %d augmented copies each\n", options->preview, rgb->len,
           plural(rgb->len, "image", "images"), COPIES);
    return rgb->len < wanted ? STATUS_SKIPPED : STATUS_DONE;
}
