/* coverage: see coverage.h. */
#include "common/plot/coverage.h"

#include "common/plot/axes.h"

#include <math.h>

enum { WIDTH = 560, HEIGHT = 420 };

const char coverage_refusal[] =
    "not drawn, as no model yields probabilities; train --folds 5 calibrates a linear head";

static const CoveragePoint *point_of(const Answers *answers, guint i)
{
    return &g_array_index(answers->points, CoveragePoint, i);
}

static AxesPoint place_of(const Answers *answers, const CoveragePoint *point)
{
    return (AxesPoint){.x = (double)point->answered / answers->n,
                       .y = (double)point->right / point->answered};
}

/* The interval at BAND of the points at most, as one over groups takes a while. */
static void draw_band(Axes *axes, const Answers *answers, guint32 color)
{
    enum { BAND = 64 };
    AxesPoint band[BAND];
    guint points = answers->points->len, drawn = MIN(points, BAND);
    for (guint i = 0; i < drawn; i++) {
        guint at = drawn == 1 ? 0 : (guint)((guint64)i * (points - 1) / (drawn - 1));
        const CoveragePoint *point = point_of(answers, at);
        Interval interval = coverage_interval(answers, point->threshold);
        band[i] = place_of(answers, point);
        band[i].low = interval.low, band[i].high = interval.high;
    }
    axes_band(axes, band, drawn, color, NULL);
}

static void draw_line(Axes *axes, const Answers *answers, guint32 color)
{
    guint n = answers->points->len;
    g_autofree AxesPoint *points = g_new(AxesPoint, n);
    for (guint i = 0; i < n; i++)
        points[i] = place_of(answers, point_of(answers, i));
    axes_line(axes, points, n, color, FALSE, answers->name);
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Answers *const *answers = figure->of;
    guint n = figure->n;
    const CanvasTheme *theme = canvas_theme(canvas);
    double lowest = 1;
    for (guint j = 0; j < n; j++)
        if (answers[j]->points)
            lowest = fmin(lowest, coverage_interval(answers[j], 0).low);
    g_autoptr(Axes) axes = axes_new(
        canvas, 0, 0, WIDTH, HEIGHT,
        &(AxesOptions){.title = "Right, of the images answered",
                       .x = {"images answered, the surest first", 0, 1, .percent = TRUE},
                       .y = {"accuracy, with its 95 % interval", lowest, 1, .nice = TRUE, .percent = TRUE}});
    for (guint j = 0, drawn = 0; j < n; j++) {
        if (!answers[j]->points)
            continue;
        guint32 color = theme->series[drawn++ % CANVAS_SERIES];
        draw_band(axes, answers[j], color);
        draw_line(axes, answers[j], color);
    }
}

CanvasFigure coverage_figure(const Answers *const *answers, guint n)
{
    guint drawn = 0;
    for (guint j = 0; j < n; j++)
        drawn += answers[j]->points != NULL;
    return (CanvasFigure){.width = WIDTH,
                          .height = HEIGHT,
                          .draw = draw,
                          .of = answers,
                          .n = n,
                          .refusal = drawn ? NULL : coverage_refusal};
}
