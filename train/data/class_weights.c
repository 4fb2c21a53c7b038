/* class_weights: see class_weights.h. */
#include "train/data/class_weights.h"

#include "common/core/error.h"

#include <math.h>
#include <string.h>

static void balance(double *weights, const guint *counts, guint classes)
{
    guint n = 0;
    for (guint k = 0; k < classes; k++)
        n += counts[k];
    for (guint k = 0; k < classes; k++)
        weights[k] = counts[k] ? (double)n / ((double)classes * counts[k]) : 1;
}

/* One "NAME:WEIGHT"; a name may contain colons. */
static gboolean set_weight(const char *item, const char *const *names, guint classes, double *weights,
                           GError **error)
{
    const char *colon = strrchr(item, ':');
    char *end = NULL;
    double weight = colon ? g_ascii_strtod(colon + 1, &end) : 0;
    if (!colon || end == colon + 1 || *end || !(weight > 0) || !isfinite(weight))
        return error_set(error, "--class-weight: '%s' is not NAME:WEIGHT with a weight above 0", item);
    g_autofree char *name = g_strndup(item, (gsize)(colon - item));
    for (guint k = 0; k < classes; k++)
        if (strcmp(names[k], name) == 0) {
            weights[k] = weight;
            return TRUE;
        }
    return error_set(error, "--class-weight: there is no class '%s'; the classes are %s%s", name, names[0],
                     classes > 1 ? ", …" : "");
}

double *class_weights_new(const char *text, const char *const *names, const guint *counts, guint classes,
                          GError **error)
{
    g_autofree double *weights = g_new(double, classes);
    for (guint k = 0; k < classes; k++)
        weights[k] = 1;
    if (strcmp(text, "balanced") == 0)
        balance(weights, counts, classes);
    else if (strcmp(text, "none") != 0) {
        g_auto(GStrv) items = g_strsplit(text, ",", -1);
        for (char **item = items; *item; item++)
            if (!set_weight(*item, names, classes, weights, error))
                return NULL;
    }
    return g_steal_pointer(&weights);
}
