/* preview: some images with augmented copies of each, on one sheet. */
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/dataset/contents.h"
#include "common/image/image_file.h"
#include "common/pipeline/pipeline.h"
#include "common/plot/canvas.h"
#include "common/vgg16/vgg16.h"
#include "extract/actions.h"

#include <stdio.h>

enum { IMAGES = 6, COPIES = 7, BYTES = VGG16_SIDE * VGG16_SIDE * 3 };

/* A row an image: itself, then COPIES augmented copies. */
typedef struct {
    const Options *options;
    GPtrArray *keys, *rgb; /* rgb (SIDE, SIDE, 3): of the same images */
} Sheet;

enum { CELL = 112, GAP = 8, HEAD = 22, LABEL = 16 };

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Sheet *sheet = figure->of;
    const Options *options = sheet->options;
    const CanvasTheme *theme = canvas_theme(canvas);
    g_autofree guint8 *changed = g_malloc(BYTES);
    for (guint copy = 0; copy <= COPIES; copy++) {
        double x = GAP + copy * (double)(CELL + GAP);
        g_autofree char *title = copy ? g_strdup_printf("copy %u", copy) : g_strdup("original");
        canvas_text(canvas, x + CELL / 2.0, GAP + HEAD / 2.0, (CanvasFont){11, theme->ink, TRUE},
                    ALIGN_CENTER, 0, title);
        for (guint i = 0; i < sheet->rgb->len; i++) {
            const char *key = sheet->keys->pdata[i];
            double y = HEAD + GAP + i * (double)(CELL + LABEL + GAP);
            Augmentation a =
                augment_draw(&options->augmentation, (guint64)options->common.seed, key, copy, VGG16_SIDE);
            augment_pixels(sheet->rgb->pdata[i], VGG16_SIDE, &a, changed);
            canvas_image(canvas, x, y, CELL, changed, VGG16_SIDE);
            if (copy == 0)
                canvas_text(canvas, x, y + CELL + LABEL / 2.0, (CanvasFont){9, theme->soft, FALSE},
                            ALIGN_LEFT, 0, key);
        }
    }
}

/* Images spread evenly over the folder, so that all classes are represented. */
Status extract_preview(const Options *options, GError **error)
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
    g_autoptr(Contents) contents = contents_open(dataset, chosen, wanted, error);
    if (!contents)
        return STATUS_FAILED;
    const Normalization any = NORMALIZE_UNIT;
    g_autoptr(FeatureSpec) spec = feature_spec_new(NULL, options->preset, &any, VGG16_SIDE, "input", error);
    if (!spec)
        return STATUS_FAILED;
    spec->fit = options->fit;
    PipelineImages images = {contents, spec};
    g_autoptr(GPtrArray) rgb = g_ptr_array_new_with_free_func(g_free), keys = g_ptr_array_new();
    for (guint i = 0; i < wanted && !interrupted(); i++) {
        g_autofree guint8 *pixels = g_malloc(BYTES);
        g_autofree char *reason = NULL;
        guint8 hash[SHA256_SIZE];
        Produced produced = pipeline_produce(i, pixels, hash, &reason, &images);
        if (produced == BROKEN) {
            error_set(error, "%s", reason);
            return STATUS_FAILED;
        }
        if (produced == REJECTED) {
            cli_warn("%s: %s", contents_item(contents, i)->path, reason);
            continue;
        }
        g_ptr_array_add(rgb, g_steal_pointer(&pixels));
        g_ptr_array_add(keys, contents_item(contents, i)->key);
    }
    const Sheet sheet = {options, keys, rgb};
    const CanvasFigure figure = {.width = GAP + (COPIES + 1) * (CELL + GAP),
                                 .height = HEAD + GAP + rgb->len * (CELL + LABEL + GAP),
                                 .draw = draw,
                                 .of = &sheet};
    if (!canvas_write(figure, options->preview, error))
        return STATUS_FAILED;
    printf("%s: %u %s with %d augmented copies each\n", options->preview, rgb->len,
           plural(rgb->len, "image", "images"), COPIES);
    return rgb->len < wanted ? STATUS_SKIPPED : STATUS_DONE;
}
