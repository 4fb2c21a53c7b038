/* validation_split: see validation_split.h. */
#include "train/data/validation_split.h"

#include <string.h>

static gint by_folder_and_name(gconstpointer a, gconstpointer b, gpointer user)
{
    const char *const *keys = user;
    const char *one = keys[*(const guint *)a], *two = keys[*(const guint *)b];
    const char *end = strrchr(one, '/'), *other = strrchr(two, '/');
    gsize length = end ? (gsize)(end - one) : 0, others = other ? (gsize)(other - two) : 0;
    int order = memcmp(one, two, MIN(length, others));
    if (!order)
        order = (length > others) - (length < others);
    return order ? order : strcmp(one + length, two + others);
}

gboolean *validation_split(const int *labels, const char *const *keys, guint n, guint classes, double split)
{
    gboolean *validates = g_new(gboolean, n + 1);
    g_autofree guint *images = g_new0(guint, classes + 1), *seen = g_new0(guint, classes + 1);
    g_autofree guint *walk = g_new(guint, n + 1);
    for (guint i = 0; i < n; i++) {
        images[labels[i]]++;
        walk[i] = i;
    }
    qsort_r(walk, n, sizeof *walk, by_folder_and_name, (gpointer)keys);
    for (guint i = 0; i < n; i++) {
        int label = labels[walk[i]];
        validates[walk[i]] = seen[label]++ < (guint)(split * images[label]);
    }
    return validates;
}
