/* axes: see axes.h. */
#include "common/plot/axes.h"

#include "common/plot/ticks.h"

#include <math.h>
#include <string.h>

enum { MAX_TICKS = 16 };
static const double text_size = 11, title_size = 13, gap = 6, area_opacity = 0.2;

typedef struct {
    AxisOptions of;       /* its range widened */
    double start, length; /* on the canvas; length is negative if the axis runs upwards */
    guint ticks;
    double tick[MAX_TICKS];
} Axis;

typedef enum { KEY_LINE, KEY_DASHED, KEY_DISC, KEY_AREA } LegendKey;

typedef struct {
    LegendKey key;
    guint32 color;
    char *label;
} Entry;

struct Axes {
    Canvas *canvas;
    Axis x, y;
    GArray *legend; /* Entry */
    GArray *drawn;  /* double x, y: points of what was drawn, which the legend avoids */
};

/* ---- Ticks ---- */

/* Plain decimals from thousandths to hundreds of thousands; beyond, powers of ten with superscripts. */
static char *tick_text(const Axis *axis, double value)
{
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    if (axis->of.percent)
        return g_strdup_printf("%.6g %%", 100 * value);
    double size = fabs(value), exponent = size > 0 ? floor(log10(size) + 1e-9) : 0;
    if (!axis->of.log || (exponent >= -3 && exponent <= 5))
        return g_strdup_printf("%.6g", value);
    double mantissa = value / pow(10, exponent);
    GString *text = g_string_new(NULL);
    if (fabs(mantissa - 1) > 1e-6)
        g_string_append_printf(text, "%.3g·", mantissa);
    g_string_append(text, exponent < 0 ? "10⁻" : "10");
    g_autofree char *digits = g_strdup_printf("%d", abs((int)exponent));
    for (const char *digit = digits; *digit; digit++)
        g_string_append(text, raised[*digit - '0']);
    return g_string_free(text, FALSE);
}

/* ---- Axes ---- */

static Axis axis_new(const AxisOptions *options, guint max)
{
    Axis axis = {.of = *options};
    double from = options->from, to = options->to;
    gboolean log = options->log, whole = options->whole;
    if (!(to > from)) { /* a single value: add a margin on both sides */
        double room = log ? 0 : whole ? 1 : fmax(fabs(from) * 0.1, 1e-6);
        from = log ? from / 2 : from - room;
        to = log ? to * 2 : to + room;
    }
    if (options->nice && !log) {
        double step = ticks_step((to - from) / (max - 1), whole);
        from = floor(from / step + 1e-9) * step;
        to = ceil(to / step - 1e-9) * step;
    }
    axis.of.from = from;
    axis.of.to = to;
    axis.ticks = ticks_choose(from, to, log, whole, axis.tick, max);
    return axis;
}

/* NAN for a value that cannot be placed. */
static double place(const Axis *axis, double value)
{
    double share = axis->of.log
                       ? (value > 0 ? log(value / axis->of.from) / log(axis->of.to / axis->of.from) : NAN)
                       : (value - axis->of.from) / (axis->of.to - axis->of.from);
    return isfinite(share) ? axis->start + share * axis->length : NAN;
}

/* The same of a point, to at (2). FALSE if it cannot be placed. */
static gboolean place_point(const Axes *axes, double x, double y, double *at)
{
    at[0] = place(&axes->x, x), at[1] = place(&axes->y, y);
    return isfinite(at[0]) && isfinite(at[1]);
}

static gboolean within(const Axis *axis, double place)
{
    double share = (place - axis->start) / axis->length;
    return share >= -1e-9 && share <= 1 + 1e-9;
}

static double widest_tick(Canvas *canvas, const Axis *axis)
{
    double widest = 0;
    for (guint i = 0; i < axis->ticks; i++) {
        g_autofree char *text = tick_text(axis, axis->tick[i]);
        widest = fmax(widest, canvas_text_width(canvas, text_size, FALSE, text));
    }
    return widest;
}

/* Of the axis that runs upwards, or sideways. */
static void draw_ticks(const Axes *axes, gboolean up)
{
    const Axis *x = &axes->x, *y = &axes->y, *axis = up ? y : x;
    const CanvasTheme *theme = canvas_theme(axes->canvas);
    const CanvasFont font = {text_size, theme->soft, FALSE};
    double right = x->start + x->length, top = y->start + y->length;
    for (guint i = 0; i < axis->ticks; i++) {
        double at = place(axis, axis->tick[i]);
        const double across[] = {x->start, at, right, at}, along[] = {at, y->start, at, top};
        g_autofree char *text = tick_text(axis, axis->tick[i]);
        canvas_line(axes->canvas, up ? across : along, 2, 0.6, theme->faint, FALSE);
        if (up)
            canvas_text(axes->canvas, x->start - gap, at, font, ALIGN_RIGHT, 0, text);
        else
            canvas_text(axes->canvas, at, y->start + gap + text_size / 2, font, ALIGN_CENTER, 0, text);
    }
}

static void draw_label(const Axes *axes, double x, double y, gboolean title, double degrees, const char *text)
{
    guint32 ink = canvas_theme(axes->canvas)->ink;
    if (text)
        canvas_text(axes->canvas, x, y, (CanvasFont){title ? title_size : text_size, ink, title},
                    ALIGN_CENTER, degrees, text);
}

Axes *axes_new(Canvas *canvas, double x, double y, double width, double height, const AxesOptions *options)
{
    Axes *axes = g_new0(Axes, 1);
    axes->canvas = canvas;
    axes->legend = g_array_new(FALSE, FALSE, sizeof(Entry));
    axes->drawn = g_array_new(FALSE, FALSE, 2 * sizeof(double));
    axes->x = axis_new(&options->x, CLAMP((guint)(width / 55), 3, MAX_TICKS));
    axes->y = axis_new(&options->y, CLAMP((guint)(height / 35), 3, MAX_TICKS));
    double left = 2 * gap + (options->y.label ? text_size + gap : 0) + widest_tick(canvas, &axes->y);
    double bottom = 2 * gap + text_size + (options->x.label ? text_size + gap : 0);
    double top = options->title ? 3 * gap + title_size : 2 * gap;
    double right =
        fmax(3 * gap, widest_tick(canvas, &axes->x) / 2 + gap); /* the last tick may be at the very end */
    axes->x.start = x + left;
    axes->x.length = width - left - right;
    axes->y.start = y + height - bottom;
    axes->y.length = -(height - bottom - top);
    if (options->square) {
        axes->x.length = MIN(axes->x.length, -axes->y.length);
        axes->y.length = -axes->x.length;
    }
    draw_ticks(axes, FALSE);
    draw_ticks(axes, TRUE);
    canvas_frame(canvas, axes->x.start, axes->y.start + axes->y.length, axes->x.length, -axes->y.length, 0.8,
                 canvas_theme(canvas)->soft);
    double middle = axes->x.start + axes->x.length / 2;
    draw_label(axes, middle, y + gap + title_size / 2, TRUE, 0, options->title);
    draw_label(axes, middle, y + height - gap - text_size / 2, FALSE, 0, options->x.label);
    draw_label(axes, x + gap + text_size / 2, axes->y.start + axes->y.length / 2, FALSE, 90,
               options->y.label);
    return axes;
}

/* ---- The legend ---- */

static void add_entry(Axes *axes, LegendKey key, guint32 color, const char *label)
{
    const Entry entry = {key, color, g_strdup(label)};
    if (label)
        g_array_append_val(axes->legend, entry);
}

static void draw_key(Canvas *canvas, const Entry *entry, double x, double y, double length)
{
    if (entry->key == KEY_DISC)
        canvas_disc(canvas, x + length / 2, y, 3.5, entry->color);
    else if (entry->key == KEY_AREA)
        canvas_rectangle(canvas, x, y - 4, length, 8, entry->color, area_opacity);
    else
        canvas_line(canvas, (double[]){x, y, x + length, y}, 2, 2, entry->color, entry->key == KEY_DASHED);
}

static guint points_within(const GArray *points, double x, double y, double width, double height)
{
    guint n = 0;
    for (guint i = 0; i < points->len; i++) {
        const double *point = (const double *)(gpointer)points->data + 2 * i;
        n += point[0] >= x && point[0] <= x + width && point[1] >= y && point[1] <= y + height;
    }
    return n;
}

/* The corner of the frame where a box of this size covers the fewest points; top right if all are equal. */
static void emptiest_corner(const Axes *axes, double width, double height, double *x, double *y)
{
    const double inset = 8;
    double left = axes->x.start + inset, right = axes->x.start + axes->x.length - inset - width;
    double top = axes->y.start + axes->y.length + inset, bottom = axes->y.start - inset - height;
    const double corners[4][2] = {{right, top}, {right, bottom}, {left, bottom}, {left, top}};
    guint fewest = G_MAXUINT;
    for (guint i = 0; i < 4; i++) {
        guint n = points_within(axes->drawn, corners[i][0], corners[i][1], width, height);
        if (n < fewest) {
            fewest = n;
            *x = corners[i][0];
            *y = corners[i][1];
        }
    }
}

static void draw_legend(const Axes *axes)
{
    const CanvasTheme *theme = canvas_theme(axes->canvas);
    const double row = 1.5 * text_size, key_width = 22;
    guint n = axes->legend->len;
    double widest = 0, x = 0, y = 0;
    for (guint i = 0; i < n; i++)
        widest = fmax(widest, canvas_text_width(axes->canvas, text_size, FALSE,
                                                g_array_index(axes->legend, Entry, i).label));
    double width = widest + key_width + 3 * gap, height = n * row + gap;
    emptiest_corner(axes, width, height, &x, &y);
    canvas_rectangle(axes->canvas, x, y, width, height, theme->paper, 0.85);
    canvas_frame(axes->canvas, x, y, width, height, 0.6, theme->faint);
    for (guint i = 0; i < n; i++) {
        const Entry *entry = &g_array_index(axes->legend, Entry, i);
        double middle = y + gap / 2 + (i + 0.5) * row;
        draw_key(axes->canvas, entry, x + gap, middle, key_width);
        canvas_text(axes->canvas, x + 2 * gap + key_width, middle, (CanvasFont){text_size, theme->ink, FALSE},
                    ALIGN_LEFT, 0, entry->label);
    }
}

void axes_free(Axes *axes)
{
    if (!axes)
        return;
    if (axes->legend->len)
        draw_legend(axes);
    for (guint i = 0; i < axes->legend->len; i++)
        g_free(g_array_index(axes->legend, Entry, i).label);
    g_array_unref(axes->legend);
    g_array_unref(axes->drawn);
    g_free(axes);
}

/* ---- Marks ---- */

static void clip(const Axes *axes)
{
    const Axis *x = &axes->x, *y = &axes->y;
    canvas_clip(axes->canvas, x->start - 1, y->start + y->length - 1, x->length + 2, -y->length + 2);
}

/* Records the line between two points, which the legend must also avoid. */
static void remember_segment(Axes *axes, const double from[2], const double to[2])
{
    const guint steps = 8;
    for (guint i = 0; i <= steps; i++) {
        double share = (double)i / steps;
        double point[] = {from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])};
        g_array_append_vals(axes->drawn, point, 1);
    }
}

static void draw_run(Axes *axes, const double *xy, guint points, guint32 color, gboolean dashed)
{
    if (points == 1) /* a single point between two gaps */
        canvas_disc(axes->canvas, xy[0], xy[1], 1.5, color);
    else if (points > 1)
        canvas_line(axes->canvas, xy, points, 2, color, dashed);
    for (guint i = 0; i < points; i++)
        remember_segment(axes, xy + 2 * (i ? i - 1 : 0), xy + 2 * i);
}

void axes_line(Axes *axes, const AxesPoint *points, guint n, guint32 color, gboolean dashed,
               const char *label)
{
    g_autofree double *xy = g_new(double, 2 * (gsize)n + 2);
    guint run = 0;
    clip(axes);
    for (guint i = 0; i < n; i++)
        if (place_point(axes, points[i].x, points[i].y, xy + 2 * run)) {
            run++;
        } else {
            draw_run(axes, xy, run, color, dashed);
            run = 0;
        }
    draw_run(axes, xy, run, color, dashed);
    canvas_unclip(axes->canvas);
    add_entry(axes, dashed ? KEY_DASHED : KEY_LINE, color, label);
}

void axes_draw_mark(Canvas *canvas, AxesMark mark, double x, double y)
{
    const double radius = mark.radius, r = 1.25 * radius; /* for the area of the disc */
    const double diamond[] = {x, y - r, x + r, y, x, y + r, x - r, y};
    switch (mark.shape) {
    case AXES_DISC:
        canvas_disc(canvas, x, y, radius, mark.color);
        break;
    case AXES_DIAMOND:
        canvas_polygon(canvas, diamond, 4, mark.color, 1);
        break;
    case AXES_CROSS:
        canvas_line(canvas, (double[]){x - radius, y - radius, x + radius, y + radius}, 2, 1, mark.color,
                    FALSE);
        canvas_line(canvas, (double[]){x - radius, y + radius, x + radius, y - radius}, 2, 1, mark.color,
                    FALSE);
        break;
    }
}

void axes_marks(Axes *axes, AxesMark mark, const AxesPoint *points, guint n, const char *label)
{
    double at[2];
    for (guint i = 0; i < n; i++)
        if (place_point(axes, points[i].x, points[i].y, at) && within(&axes->x, at[0]) &&
            within(&axes->y, at[1])) /* marks on the frame are not clipped */
            axes_draw_mark(axes->canvas, mark, at[0], at[1]);
    add_entry(axes, KEY_DISC, mark.color, label);
}

void axes_band(Axes *axes, const AxesPoint *points, guint n, guint32 color, const char *label)
{
    g_autofree double *xy = g_new(double, 4 * (gsize)n + 2);
    guint placed = 0;
    for (guint i = 0; i < 2 * n; i++) { /* forwards along the low side, back along the high one */
        const AxesPoint *point = &points[i < n ? i : 2 * n - 1 - i];
        placed += place_point(axes, point->x, i < n ? point->low : point->high, xy + 2 * placed) != 0;
    }
    clip(axes);
    canvas_polygon(axes->canvas, xy, placed, color, area_opacity);
    g_array_append_vals(axes->drawn, xy, placed);
    canvas_unclip(axes->canvas);
    add_entry(axes, KEY_AREA, color, label);
}

void axes_bar(Axes *axes, double x_from, double x_to, double y_from, double y_to, guint32 color,
              double opacity)
{
    double from[2], to[2];
    if (!place_point(axes, x_from, y_from, from) || !place_point(axes, x_to, y_to, to))
        return;
    clip(axes);
    canvas_rectangle(axes->canvas, from[0], from[1], to[0] - from[0], to[1] - from[1], color, opacity);
    canvas_unclip(axes->canvas);
}

void axes_text(Axes *axes, double x, double y, const char *text)
{
    const double size = 7.5;
    double at[2];
    if (!place_point(axes, x, y, at))
        return;
    at[1] -= size;
    canvas_text(axes->canvas, at[0], at[1], (CanvasFont){size, canvas_theme(axes->canvas)->ink, FALSE},
                ALIGN_CENTER, 0, text);
    for (guint i = 0; i < 8; i++) /* the legend would hide more of it than of a line's point */
        g_array_append_vals(axes->drawn, (double[]){at[0], at[1] - size}, 1);
}

void axes_mark(Axes *axes, double x, guint32 color, const char *label)
{
    double at = place(&axes->x, x), start = axes->y.start, end = start + axes->y.length;
    if (!isfinite(at))
        return;
    canvas_line(axes->canvas, (double[]){at, start, at, end}, 2, 1.2, color, TRUE);
    remember_segment(axes, (double[]){at, start}, (double[]){at, end});
    add_entry(axes, KEY_DASHED, color, label);
}
