/* interval: see interval.h. */
#include "common/model/interval.h"

#include "common/core/floats.h"
#include "common/core/rng.h"

#include <math.h>

Interval interval_wilson(guint successes, guint n)
{
    if (n == 0)
        return (Interval){0, 1};
    const double z = INTERVAL_Z95;
    double share = (double)successes / n, z2n = z * z / n;
    double centre = (share + z2n / 2) / (1 + z2n);
    double half = z / (1 + z2n) * sqrt(share * (1 - share) / n + z2n / (4 * n));
    return (Interval){fmax(0, centre - half), fmin(1, centre + half)};
}

/* ---- Groups ---- */

GArray *interval_groups(const int *values, const guint8 *left_out, const guint *units, guint n)
{
    GArray *groups = g_array_new(FALSE, FALSE, sizeof(IntervalGroup));
    g_autofree IntervalGroup *all = g_new0(IntervalGroup, n + 1);
    for (guint i = 0; i < n; i++)
        if (!left_out || !left_out[i]) {
            all[units[i]].images++;
            all[units[i]].sum += values[i];
        }
    for (guint u = 0; u < n; u++)
        if (all[u].images)
            g_array_append_val(groups, all[u]);
    return groups;
}

double *interval_draws(const GArray *groups)
{
    double *means = g_new(double, INTERVAL_DRAWS);
    Rng rng = rng_new(0, 0);
    for (guint draw = 0; draw < INTERVAL_DRAWS; draw++) {
        double images = 0, sum = 0;
        for (guint k = 0; k < groups->len; k++) {
            const IntervalGroup *group = &g_array_index(groups, IntervalGroup, rng_below(&rng, groups->len));
            images += group->images;
            sum += group->sum;
        }
        means[draw] = sum / images;
    }
    doubles_sort(means, INTERVAL_DRAWS);
    return means;
}

Interval interval_bootstrap(const GArray *groups)
{
    if (!groups->len)
        return (Interval){0, 0};
    g_autofree double *means = interval_draws(groups);
    return (Interval){means[INTERVAL_DRAWS / 40], means[INTERVAL_DRAWS - 1 - INTERVAL_DRAWS / 40]};
}

Interval interval_share(const int *values, const guint8 *left_out, const guint *units, guint n)
{
    guint used = 0, right = 0;
    for (guint i = 0; i < n; i++)
        if (!left_out || !left_out[i]) {
            used++;
            right += values[i] == 1;
        }
    if (!units)
        return interval_wilson(right, used);
    g_autoptr(GArray) groups = interval_groups(values, left_out, units, n);
    Interval interval = interval_bootstrap(groups);
    return interval.low < interval.high
               ? interval
               : interval_wilson((guint)lround(interval.low * groups->len), groups->len);
}
