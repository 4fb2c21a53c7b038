/* averages: see averages.h. */
#include "train/data/averages.h"

void averages_count(float *x, gsize places, gsize each, double w)
{
    if (places == 1 || w == 1)
        return;
    g_autofree double *sums = g_new0(double, each);
    for (gsize p = 0; p < places; p++)
        for (gsize j = 0; j < each; j++)
            sums[j] += x[p * each + j];
    for (gsize j = 0; j < each; j++)
        sums[j] *= (w - 1) / (double)places;
    for (gsize p = 0; p < places; p++)
        for (gsize j = 0; j < each; j++)
            x[p * each + j] += (float)sums[j];
}
