/* validation_split: see validation_split.h. */
#include "train/data/validation_split.h"

gboolean *validation_split(const int *labels, guint n, guint classes, double split)
{
    gboolean *validates = g_new(gboolean, n + 1);
    g_autofree guint *images = g_new0(guint, classes + 1), *seen = g_new0(guint, classes + 1);
    for (guint i = 0; i < n; i++)
        images[labels[i]]++;
    for (guint i = 0; i < n; i++)
        validates[i] = seen[labels[i]]++ < (guint)(split * images[labels[i]]);
    return validates;
}
