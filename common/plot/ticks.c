/* ticks: see ticks.h. */
#include "common/plot/ticks.h"

#include <math.h>

double ticks_step(double span, gboolean whole)
{
    if (whole && span < 1)
        return 1;
    double power = pow(10, floor(log10(span))), fraction = span / power;
    const double nice[] = {1, 2, 5, 10};
    for (guint i = 0; i < G_N_ELEMENTS(nice); i++)
        if (fraction <= nice[i] * (1 + 1e-9))
            return nice[i] * power;
    return 10 * power;
}

static guint linear_ticks(double from, double to, gboolean whole, double *ticks, guint max)
{
    double step = ticks_step((to - from) / (max - 1), whole);
    guint n = 0;
    for (double k = ceil(from / step - 1e-9); n < max && k * step <= to + 1e-9 * step; k++)
        ticks[n++] = k * step + 0.0; /* + 0.0: never "-0" */
    return n;
}

static guint log_ticks(double from, double to, double *ticks, guint max)
{
    static const double one[] = {1}, three[] = {1, 2, 5};
    double low = floor(log10(from) + 1e-9), high = ceil(log10(to) - 1e-9), decades = high - low;
    const double *within = decades * 3 < max ? three : one;
    guint parts = within == three ? 3 : 1, n = 0;
    double stride = parts == 3 ? 1 : ceil((decades + 1) / max);
    for (double decade = low; decade <= high; decade += stride)
        for (guint i = 0; i < parts && n < max; i++) {
            double tick = within[i] * pow(10, decade);
            if (tick >= from * (1 - 1e-9) && tick <= to * (1 + 1e-9))
                ticks[n++] = tick;
        }
    return n;
}

guint ticks_choose(double from, double to, gboolean log, gboolean whole, double *ticks, guint max)
{
    return log ? log_ticks(from, to, ticks, max) : linear_ticks(from, to, whole, ticks, max);
}
