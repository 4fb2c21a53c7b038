/* explanation_files: see explanation_files.h. */
#include "evaluate/explanation/explanation_files.h"

#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/output_file.h"
#include "common/plot/canvas.h"
#include "common/plot/colormap.h"
#include "evaluate/explanation/overlay.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { CELL = 224, GAP = 14, HEAD = 44, FOOT = 66, LEGEND = 96, LEGEND_STEPS = 24 };

static const char *const reasons[EXPLAIN_REASONS] = {"wrong", "unsure", "sample"};

char *explanation_caption(const Explanation *item, guint map)
{
    const ExplanationMap *of = item->maps + map;
    return g_strdup_printf("for %s: decision value %.3f, bias %.3f",
                           item->model->comparison->names[of->label], of->value, of->bias);
}

/* ---- Figures ---- */

/* From against to for, with the value of full colour. */
static void draw_legend(Canvas *canvas, double x, double y, double scale)
{
    const CanvasTheme *theme = canvas_theme(canvas);
    double step = (double)LEGEND / LEGEND_STEPS;
    for (int i = 0; i < LEGEND_STEPS; i++) {
        double value = (i + 0.5) / LEGEND_STEPS * 2 - 1, left = x + i * step;
        canvas_rectangle(canvas, left, y, step, 8, colormap_sign(value), fabs(value));
    }
    canvas_frame(canvas, x, y, LEGEND, 8, 0.5, theme->faint);
    g_autofree char *text = g_strdup_printf("against … for; full colour: ±%.3g in one region", scale);
    canvas_text(canvas, x + LEGEND + 8, y + 4, (CanvasFont){9, theme->soft, FALSE}, ALIGN_LEFT, 0, text);
}

static void draw_cell(Canvas *canvas, guint column, const guint8 *rgb, int side, const char *caption)
{
    double x = GAP + column * (double)(CELL + GAP), y = GAP + HEAD;
    canvas_image(canvas, x, y, CELL, rgb, side);
    canvas_text(canvas, x, y + CELL + 12, (CanvasFont){9, canvas_theme(canvas)->ink, FALSE}, ALIGN_LEFT, 0,
                caption);
}

static void draw_cells(Canvas *canvas, const Explanation *item, double scale)
{
    int side = explanation_side(item->model->model->spec);
    g_autofree guint8 *pixels = g_malloc((gsize)side * (gsize)side * 3);
    if (item->rgb) {
        draw_cell(canvas, 0, item->rgb, side, "as the base saw it");
    } else {
        memset(pixels, 0xee, (gsize)side * (gsize)side * 3);
        draw_cell(canvas, 0, pixels, side, "the image is missing or has changed");
    }
    for (guint m = 0; m < item->n_maps; m++) {
        g_autofree char *caption = explanation_caption(item, m);
        overlay_draw(item->rgb, side, item->maps + m, scale, pixels);
        draw_cell(canvas, m + 1, pixels, side, caption);
    }
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Explanation *item = figure->of;
    double y = GAP + HEAD + CELL + 30, scale = overlay_scale(item);
    const CanvasTheme *theme = canvas_theme(canvas);
    g_autofree char *title = explanation_title(item);
    g_autofree char *head = g_strdup_printf("%s: %s", item->model->name, title);
    canvas_text(canvas, GAP, GAP + 8, (CanvasFont){13, theme->ink, TRUE}, ALIGN_LEFT, 0, head);
    canvas_text(canvas, GAP, GAP + 28, (CanvasFont){9, theme->soft, FALSE}, ALIGN_LEFT, 0,
                item->model->comparison->items[item->image]->key);
    draw_cells(canvas, item, scale);
    draw_legend(canvas, GAP, y, scale);
    canvas_text(canvas, GAP, y + 22, (CanvasFont){9, theme->soft, FALSE}, ALIGN_LEFT, 0,
                explanation_meaning(item->model->model));
}

static gboolean write_figure(const Explanation *item, const char *path, GError **error)
{
    const CanvasFigure figure = {.width = GAP + 3 * (double)(CELL + GAP),
                                 .height = GAP + HEAD + CELL + FOOT,
                                 .draw = draw,
                                 .of = item};
    return canvas_write(figure, path, error);
}

/* ---- Numbers ---- */

/* side: of the table's columns, of which a smaller map leaves some empty. */
static void append_map(GString *csv, const Explanation *item, const ExplanationMap *map, guint side,
                       const char *figure)
{
    const Evaluation *evaluation = item->model;
    const Comparison *comparison = evaluation->comparison;
    const char *const fields[] = {
        figure,
        evaluation->name,
        comparison->items[item->image]->key,
        reasons[item->reason],
        comparison_label(comparison, item->image),
        evaluation_answer(evaluation, item->image),
        comparison->names[map->label],
    };
    for (guint f = 0; f < G_N_ELEMENTS(fields); f++)
        csv_append(csv, fields[f]);
    g_string_append_printf(csv, ",%.9g,%.9g", map->value, map->bias);
    for (guint p = 0; p < side * side; p++)
        if (p / side < map->side && p % side < map->side)
            g_string_append_printf(csv, ",%.9g", map->map[p / side * map->side + p % side]);
        else
            g_string_append_c(csv, ',');
    g_string_append_c(csv, '\n');
}

/* Of the largest map. */
static guint largest_side(const GPtrArray *explanations)
{
    guint side = 0;
    for (guint i = 0; i < explanations->len; i++)
        side = MAX(side, ((const Explanation *)explanations->pdata[i])->maps[0].side);
    return side;
}

/* MODEL-REASON-N.png: N counts a model's images of this reason from 1. */
static char *figure_name(const GPtrArray *explanations, guint index)
{
    const Explanation *item = explanations->pdata[index];
    guint number = 1;
    for (; index > 0; index--, number++) {
        const Explanation *before = explanations->pdata[index - 1];
        if (before->model != item->model || before->reason != item->reason)
            break;
    }
    g_autofree char *name = g_strdelimit(g_strdup(item->model->name), "/", '_');
    return g_strdup_printf("%s-%s-%u.png", name, reasons[item->reason], number);
}

gboolean explanations_write(const GPtrArray *explanations, const char *folder, GError **error)
{
    g_autoptr(GString) csv =
        g_string_new("picture,model,path,reason,true,predicted,class,decision_value,bias");
    if (g_mkdir_with_parents(folder, 0777) != 0)
        return error_set(error, "%s: cannot create the folder of explanations: %s", folder,
                         g_strerror(errno));
    guint side = largest_side(explanations);
    for (guint p = 0; p < side * side; p++)
        g_string_append_printf(csv, ",r%uc%u", p / side, p % side);
    g_string_append_c(csv, '\n');
    for (guint i = 0; i < explanations->len; i++) {
        const Explanation *item = explanations->pdata[i];
        g_autofree char *name = figure_name(explanations, i);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (!write_figure(item, path, error))
            return FALSE;
        for (guint m = 0; m < item->n_maps; m++)
            append_map(csv, item, item->maps + m, side, name);
    }
    g_autofree char *path = g_build_filename(folder, EXPLANATION_CSV, NULL);
    return output_file_write(path, csv->str, csv->len, error);
}
