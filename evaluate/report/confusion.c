/* confusion: see confusion.h. */
#include "evaluate/report/confusion.h"

#include "common/core/error.h"
#include "common/plot/colormap.h"

#include <math.h>
#include <string.h>

enum {
    PANELS_A_ROW = 3,
    MAX_CLASSES = 2400, /* which a figure shows, and the points that the cells of many classes take */
    NAMED_CLASSES = 40, /* with more classes than this, labels are numbers */
    ZEROS_SHOWN = 4,    /* with more classes than this, empty cells stay blank */
};
static const double margin = 16, gap = 7, title_size = 15, panel_title_size = 12, axis_size = 11,
                    bar_width = 12, key_size = 9, key_line = 1.4 * 9;

/* Where everything goes, in points. */
typedef struct {
    const Confusion *of;
    double largest;                   /* the value shown by the darkest shade */
    double cell;                      /* side of a cell */
    double side;                      /* and of a heatmap */
    double label_size;                /* of class names or numbers */
    double label_width;               /* of the widest of them */
    double number_size;               /* font size of the number in a cell; 0: none fits */
    double degrees;                   /* by which column labels are rotated */
    gboolean numbered;                /* labels are numbers, explained by a key below */
    double left, head, foot;          /* space beside a heatmap for labels and titles */
    double panel_width, panel_height; /* a heatmap with that space */
    double bar_room;                  /* right of the last heatmap, for the colour bar */
    guint columns, rows;              /* of panels */
    guint key_rows;                   /* of the key */
    double key_width;                 /* of its columns */
    double width, height;             /* of the plot */
    double inset;                     /* of the panels, where the common title is wider than they are */
} Layout;

void confusion_values(const guint *matrix, guint classes, ConfusionCells cells, double *values)
{
    g_autofree double *rows = g_new0(double, classes), *columns = g_new0(double, classes);
    double all = 0;
    for (gsize i = 0; i < (gsize)classes * classes; i++) {
        rows[i / classes] += matrix[i];
        columns[i % classes] += matrix[i];
        all += matrix[i];
    }
    for (gsize i = 0; i < (gsize)classes * classes; i++) {
        double whole = cells == CONFUSION_TRUE        ? rows[i / classes]
                       : cells == CONFUSION_PREDICTED ? columns[i % classes]
                       : cells == CONFUSION_ALL       ? all
                                                      : 1;
        values[i] = whole > 0 ? matrix[i] / whole : 0;
    }
}

/* The value shown by the darkest shade, the same in all panels: 1, or the largest that occurs. */
static double largest_value(const Confusion *confusion)
{
    if (confusion->cells == CONFUSION_TRUE || confusion->cells == CONFUSION_PREDICTED)
        return 1;
    gsize count = (gsize)confusion->of->classes * confusion->of->classes;
    g_autofree double *values = g_new(double, count);
    double largest = 0;
    for (guint p = 0; p < confusion->n; p++) {
        confusion_values(confusion->models[p]->matrix, confusion->of->classes, confusion->cells, values);
        for (gsize i = 0; i < count; i++)
            largest = fmax(largest, values[i]);
    }
    return largest > 0 ? largest : 1;
}

static char *cell_text(const Confusion *confusion, double value)
{
    return confusion->cells == CONFUSION_COUNTS ? g_strdup_printf("%.0f", value)
                                                : g_strdup_printf("%.2f", value);
}

static char *panel_title(const Evaluation *model)
{
    return g_strdup_printf("%s: %.1f %% right", model->name, 100 * model->accuracy);
}

/* ---- Layout ---- */

static double widest_name(const Confusion *confusion, double size)
{
    double widest = 0;
    for (guint c = 0; c < confusion->of->classes; c++)
        widest = fmax(widest, canvas_text_width(NULL, size, FALSE, confusion->of->names[c]));
    return widest;
}

static void layout_labels(Layout *layout)
{
    const Confusion *confusion = layout->of;
    layout->numbered = confusion->of->classes > NAMED_CLASSES;
    layout->label_size = CLAMP(layout->cell * 0.72, 5.5, 11);
    double widest = layout->numbered ? canvas_text_width(NULL, layout->label_size, FALSE, "100")
                                     : widest_name(confusion, layout->label_size);
    gboolean fits = widest + 4 <= layout->cell;
    layout->degrees = fits ? 0 : layout->cell >= 20 ? 45 : 90;
    double height = layout->degrees == 0 ? layout->label_size
                                         : widest * sin(layout->degrees * G_PI / 180) + layout->label_size;
    layout->label_width = widest;
    layout->left = ceil(margin + axis_size + gap + widest + gap);
    layout->head = panel_title_size + 2 * gap;
    layout->foot = ceil(gap + height + gap + axis_size + gap);
}

static void layout_numbers(Layout *layout)
{
    g_autofree char *text = cell_text(layout->of, layout->largest);
    double width = canvas_text_width(NULL, 10, FALSE, text) / 10; /* of a size of one */
    double size = fmin(fmin(layout->cell * 0.42, 14), 0.86 * layout->cell / width);
    layout->number_size = size >= 5 ? size : 0;
    layout->bar_room = 2 * gap + bar_width + gap + 10 * width + gap + margin;
}

/* Returns its height. */
static double layout_key(Layout *layout)
{
    const Confusion *confusion = layout->of;
    if (!layout->numbered)
        return 0;
    layout->key_width =
        widest_name(confusion, key_size) + canvas_text_width(NULL, key_size, FALSE, "100  ") + 2 * gap;
    guint columns = (guint)fmax(1, floor((layout->width - 2 * margin) / layout->key_width));
    layout->key_rows = (confusion->of->classes + columns - 1) / columns;
    return 2 * gap + key_line * layout->key_rows;
}

/* Cells begin at whole points and are whole half points wide: whole pixels of a PNG, without seams. */
static Layout layout_new(const Confusion *confusion)
{
    double cell = fmin(8, floor((double)MAX_CLASSES / confusion->of->classes));
    Layout layout = {.of = confusion,
                     .largest = largest_value(confusion),
                     .cell = CLAMP(floor(920.0 / confusion->of->classes) / 2, cell, 100)};
    double matrix = layout.side = layout.cell * confusion->of->classes, widest_title = 0;
    layout_labels(&layout);
    layout_numbers(&layout);
    for (guint p = 0; p < confusion->n; p++) {
        g_autofree char *title = panel_title(confusion->models[p]);
        widest_title = fmax(widest_title, canvas_text_width(NULL, panel_title_size, TRUE, title));
    }
    layout.left =
        fmax(layout.left, ceil((widest_title - matrix) / 2 + gap)); /* titles are centred on cells */
    layout.panel_width = layout.left + ceil(fmax(matrix, (matrix + widest_title) / 2 + gap));
    layout.panel_height = layout.head + matrix + layout.foot;
    layout.columns = MIN(confusion->n, PANELS_A_ROW);
    layout.rows = (confusion->n + layout.columns - 1) / layout.columns;
    double panels = layout.columns * layout.panel_width + layout.bar_room;
    layout.width = panels;
    if (confusion->title)
        layout.width =
            fmax(layout.width, canvas_text_width(NULL, title_size, TRUE, confusion->title) + 2 * margin);
    layout.inset = floor((layout.width - panels) / 2);
    double key = layout_key(&layout);
    layout.height =
        margin + (confusion->title ? title_size + margin : 0) + layout.rows * layout.panel_height + key + gap;
    return layout;
}

/* ---- Drawing ---- */

/* Where cells show no numbers, faint shades must be distinguishable: the colour scale is then a square root. */
static double shade(const Layout *layout, double share)
{
    return layout->number_size > 0 ? share : sqrt(share);
}

static double share_of_shade(const Layout *layout, double shade)
{
    return layout->number_size > 0 ? shade : shade * shade;
}

static void draw_cells(Canvas *canvas, const Layout *layout, const guint *matrix, double left, double top)
{
    const Confusion *confusion = layout->of;
    guint classes = confusion->of->classes;
    const CanvasTheme *theme = canvas_theme(canvas);
    g_autofree double *values = g_new(double, (gsize)classes *classes);
    confusion_values(matrix, classes, confusion->cells, values);
    canvas_rectangle(canvas, left, top, layout->side, layout->side, colormap(theme, 0), 1);
    for (gsize i = 0; i < (gsize)classes * classes; i++) {
        double x = left + (i % classes) * layout->cell, y = top + (i / classes) * layout->cell;
        guint32 color = colormap(theme, shade(layout, values[i] / layout->largest));
        if (!matrix[i] && classes > ZEROS_SHOWN)
            continue;
        canvas_rectangle(canvas, x, y, layout->cell, layout->cell, color, 1);
        if (layout->number_size == 0)
            continue;
        g_autofree char *text = cell_text(confusion, values[i]);
        canvas_text(canvas, x + layout->cell / 2, y + layout->cell / 2,
                    (CanvasFont){layout->number_size, colormap_ink(color), FALSE}, ALIGN_CENTER, 0, text);
    }
    canvas_frame(canvas, left, top, layout->side, layout->side, 0.8, theme->soft);
}

static void draw_labels(Canvas *canvas, const Layout *layout, double left, double top)
{
    const CanvasFont font = {layout->label_size, canvas_theme(canvas)->ink, FALSE};
    const Confusion *confusion = layout->of;
    double below = top + layout->side + gap + (layout->degrees == 0 ? layout->label_size / 2 : 0);
    guint step = layout->numbered ? (guint)ceil(layout->label_size / layout->cell) : 1;
    for (guint c = 0; c < confusion->of->classes; c += step) {
        char number[16];
        g_snprintf(number, sizeof number, "%u", c);
        const char *text = layout->numbered ? number : confusion->of->names[c];
        double middle = (c + 0.5) * layout->cell;
        canvas_text(canvas, left - gap, top + middle, font, ALIGN_RIGHT, 0, text);
        canvas_text(canvas, left + middle, below, font, layout->degrees == 0 ? ALIGN_CENTER : ALIGN_RIGHT,
                    layout->degrees, text);
    }
}

/* left, top: of the cells. */
static void draw_panel(Canvas *canvas, const Layout *layout, const Evaluation *model, double left, double top)
{
    const CanvasTheme *theme = canvas_theme(canvas);
    const CanvasFont title = {panel_title_size, theme->ink, TRUE}, axis = {axis_size, theme->soft, FALSE};
    double middle = left + layout->side / 2;
    g_autofree char *text = panel_title(model);
    canvas_text(canvas, middle, top - layout->head / 2, title, ALIGN_CENTER, 0, text);
    draw_cells(canvas, layout, model->matrix, left, top);
    draw_labels(canvas, layout, left, top);
    canvas_text(canvas, left - layout->label_width - 2 * gap - axis_size / 2, top + layout->side / 2, axis,
                ALIGN_CENTER, 90, "true");
    canvas_text(canvas, middle, top + layout->side + layout->foot - gap - axis_size / 2, axis, ALIGN_CENTER,
                0, "predicted");
}

static void draw_bar(Canvas *canvas, const Layout *layout, double x, double y)
{
    enum { SHADES = 128, TICKS = 5 };
    const CanvasTheme *theme = canvas_theme(canvas);
    double height = layout->side;
    for (int i = 0; i < SHADES; i++)
        canvas_rectangle(canvas, x, y + height * (SHADES - 1 - i) / SHADES, bar_width, height / SHADES + 0.5,
                         colormap(theme, (i + 0.5) / SHADES), 1);
    canvas_frame(canvas, x, y, bar_width, height, 0.6, theme->soft);
    for (int i = 0; i <= TICKS; i++) {
        double value = layout->largest * share_of_shade(layout, (double)i / TICKS);
        if (layout->of->cells == CONFUSION_COUNTS)
            value = round(value);
        g_autofree char *text = g_strdup_printf("%.3g", value);
        double at = y + height * (1 - shade(layout, value / layout->largest));
        canvas_line(canvas, (double[]){x + bar_width, at, x + bar_width + 3, at}, 2, 0.6, theme->soft, FALSE);
        canvas_text(canvas, x + bar_width + gap, at, (CanvasFont){9, theme->soft, FALSE}, ALIGN_LEFT, 0,
                    text);
    }
}

static void draw_key(Canvas *canvas, const Layout *layout, double y)
{
    const Confusion *confusion = layout->of;
    const CanvasTheme *theme = canvas_theme(canvas);
    double number = canvas_text_width(canvas, key_size, FALSE, "100");
    for (guint c = 0; layout->numbered && c < confusion->of->classes; c++) {
        char text[16];
        g_snprintf(text, sizeof text, "%u", c);
        double left = margin + (c / layout->key_rows) * layout->key_width + number;
        double middle = y + gap + (c % layout->key_rows + 0.5) * key_line;
        canvas_text(canvas, left, middle, (CanvasFont){key_size, theme->soft, FALSE}, ALIGN_RIGHT, 0, text);
        canvas_text(canvas, left + gap, middle, (CanvasFont){key_size, theme->ink, FALSE}, ALIGN_LEFT, 0,
                    confusion->of->names[c]);
    }
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Confusion *confusion = figure->of;
    const Layout of_figure = layout_new(confusion), *layout = &of_figure;
    const CanvasTheme *theme = canvas_theme(canvas);
    double y = margin;
    if (confusion->title) {
        canvas_text(canvas, layout->width / 2, y + title_size / 2, (CanvasFont){title_size, theme->ink, TRUE},
                    ALIGN_CENTER, 0, confusion->title);
        y += title_size + margin;
    }
    for (guint p = 0; p < confusion->n; p++) {
        guint row = p / layout->columns, column = p % layout->columns;
        double left = layout->inset + column * layout->panel_width + layout->left;
        double top = y + row * layout->panel_height + layout->head;
        draw_panel(canvas, layout, confusion->models[p], left, top);
        if (column + 1 == layout->columns || p + 1 == confusion->n)
            draw_bar(canvas, layout, left + layout->side + 2 * gap, top);
    }
    draw_key(canvas, layout, y + layout->rows * layout->panel_height);
}

CanvasFigure confusion_figure(const Confusion *confusion)
{
    if (confusion->of->classes > MAX_CLASSES) {
        g_autofree char *refusal =
            g_strdup_printf("%u classes are more than a confusion matrix shows: --json has its cells",
                            confusion->of->classes);
        return (CanvasFigure){.refusal = g_intern_string(refusal)};
    }
    const Layout layout = layout_new(confusion);
    return (CanvasFigure){.width = layout.width, .height = layout.height, .draw = draw, .of = confusion};
}
