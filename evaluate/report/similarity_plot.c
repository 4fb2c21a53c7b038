/* similarity_plot: see similarity_plot.h. */
#include "evaluate/report/similarity_plot.h"

#include "common/plot/axes.h"

#include <math.h>
#include <string.h>

enum { BINS = 25, WIDTH = 560, HEIGHT = 320 };

/* The share of n similarities in each bin from `from` to 1. Returns the largest. */
static double count_shares(const float *similarities, guint n, double from, double shares[BINS])
{
    double most = 0;
    memset(shares, 0, BINS * sizeof *shares);
    for (guint i = 0; i < n; i++) {
        double place = ((double)similarities[i] - from) / (1 - from);
        int bin = CLAMP((int)(place * BINS), 0, BINS - 1);
        shares[bin] += 1.0 / n;
        most = fmax(most, shares[bin]);
    }
    return most;
}

static void draw_steps(Axes *axes, const double shares[BINS], double from, guint32 color, const char *label)
{
    double x[2 * BINS + 2], y[2 * BINS + 2] = {0};
    for (int i = 0; i < 2 * BINS; i++)
        y[i + 1] = shares[i / 2];
    for (int i = 0; i < 2 * BINS + 2; i++)
        x[i] = from + i / 2 * (1 - from) / BINS;
    axes_line(axes, x, y, G_N_ELEMENTS(x), color, FALSE, label);
}

static double lowest_of(const float *similarities, guint n)
{
    double lowest = 1;
    for (guint i = 0; i < n; i++)
        lowest = fmin(lowest, (double)similarities[i]);
    return lowest;
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Similarities *of = figure->of;
    const CanvasTheme *theme = canvas_theme(canvas);
    double from = fmin(fmin(lowest_of(of->known, of->n), lowest_of(of->unknown, of->m)), 0.99);
    double shares[2][BINS];
    double most = fmax(count_shares(of->known, of->n, from, shares[0]),
                       count_shares(of->unknown, of->m, from, shares[1]));
    g_autoptr(Axes) axes =
        axes_new(canvas, 0, 0, WIDTH, HEIGHT,
                 &(AxesOptions){.x = {"similarity to the images trained on", .from = from, .to = 1},
                                .y = {"share of the images", 0, most, .nice = TRUE, .percent = TRUE}});
    draw_steps(axes, shares[0], from, theme->series[0], "known");
    draw_steps(axes, shares[1], from, theme->series[1], "unknown");
    axes_mark(axes, of->limit, theme->soft, "known from here on");
}

CanvasFigure similarity_figure(const Similarities *similarities)
{
    return (CanvasFigure){.width = WIDTH, .height = HEIGHT, .draw = draw, .of = similarities};
}
