/* axes: a pair of axes with ticks, grid and legend on a canvas: training curves, cost curves, reliability
 * diagrams.
 *
 *   Axes *axes = axes_new(canvas, 0, 0, 480, 320, &(AxesOptions){.title = "Loss",
 *                         .x = {"epoch", 1, 50, .whole = TRUE}, .y = {.to = 2.3, .nice = TRUE}});
 *   axes_line(axes, losses, n, canvas_theme(canvas)->series[0], FALSE, "training");
 *   axes_free(axes);      // draws the legend, in the emptiest corner
 *
 * For the choice of ticks see ticks.h. Marks are clipped to the frame; values that are not finite (or not positive on a
 * logarithmic axis) break a line. */
#pragma once
#include "common/plot/canvas.h"

typedef struct {
    const char *label; /* NULL for none */
    double from, to;   /* of the data; finite, and positive on a logarithmic axis */
    gboolean log;
    gboolean whole;   /* ticks at whole numbers only: epochs, counts */
    gboolean nice;    /* widen the range to the next ticks */
    gboolean percent; /* ticks written as 100 times themselves with a percent sign */
} AxisOptions;

typedef struct {
    const char *title; /* NULL for none */
    AxisOptions x, y;
    gboolean square; /* the frame is as high as it is wide */
} AxesOptions;

typedef struct Axes Axes;
typedef enum { AXES_DISC, AXES_DIAMOND, AXES_CROSS } AxesShape;
typedef struct {
    AxesShape shape;
    double radius; /* in points */
    guint32 color;
} AxesMark;

/* x, y, width, height: the rectangle for everything, labels included, in points. Draws all but the legend. The canvas
 * is borrowed until axes_free. */
Axes *axes_new(Canvas *canvas, double x, double y, double width, double height, const AxesOptions *options);
void axes_free(Axes *axes); /* draws the legend, if anything has a label */

/* In data units. */
typedef struct {
    double x, y;
    double low, high; /* of axes_band: around y, such as mean ± deviation over folds */
} AxesPoint;

/* The functions below take data units; label: copied into the legend, or NULL for no entry. */
void axes_line(Axes *axes, const AxesPoint *points, guint n, guint32 color, gboolean dashed,
               const char *label);
void axes_marks(Axes *axes, AxesMark mark, const AxesPoint *points, guint n, const char *label);
/* The area between low and high. */
void axes_band(Axes *axes, const AxesPoint *points, guint n, guint32 color, const char *label);
void axes_bar(Axes *axes, double x_from, double x_to, double y_from, double y_to, guint32 color,
              double opacity);
/* Small text above a place, such as a count at the foot of its bar. */
void axes_text(Axes *axes, double x, double y, const char *text);
/* A dashed line over the whole height at x, such as the best epoch. */
void axes_mark(Axes *axes, double x, guint32 color, const char *label);
/* One mark at a position on the canvas, in points: for a legend drawn by the caller. */
void axes_draw_mark(Canvas *canvas, AxesMark mark, double x, double y);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Axes, axes_free)
