/* class_weights: see class_weights.h. */
#include "train/data/class_weights.h"

#include "common/cli/cli.h"
#include "common/core/csv.h"
#include "common/core/error.h"

#include <string.h>

static void balance(double *weights, const guint *counts, guint classes)
{
    guint n = 0;
    for (guint k = 0; k < classes; k++)
        n += counts[k];
    for (guint k = 0; k < classes; k++)
        weights[k] = counts[k] ? (double)n / ((double)classes * counts[k]) : 1;
}

typedef struct {
    const char *const *names;
    guint n;
} Classes;

/* The class that "NAME:WEIGHT" names, a name that may contain colons; -1: none. */
static int class_of(const char *item, const Classes *classes)
{
    const char *colon = strrchr(item, ':');
    gsize length = colon ? (gsize)(colon - item) : strlen(item);
    for (guint k = 0; k < classes->n; k++)
        if (strlen(classes->names[k]) == length && memcmp(classes->names[k], item, length) == 0)
            return (int)k;
    return -1;
}

static gboolean names_a_class(const char *item, gpointer classes)
{
    return class_of(item, classes) >= 0;
}

static gboolean set_weight(const char *item, const Classes *classes, double *weights, GError **error)
{
    const char *colon = strrchr(item, ':');
    double weight = 0;
    if (!colon || !cli_parse_real(colon + 1, &weight) || weight <= 0)
        return error_set(error, "--class-weight: '%s' is not NAME:WEIGHT with a weight above 0", item);
    int class = class_of(item, classes);
    if (class < 0)
        return error_set(error, "--class-weight: there is no class '%.*s'; the classes are %s%s",
                         (int)(colon - item), item, classes->names[0], classes->n > 1 ? ", …" : "");
    weights[class] = weight;
    return TRUE;
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
        Classes known = {names, classes};
        g_autoptr(GPtrArray) items = csv_names(text, names_a_class, &known, error);
        if (!items)
            g_prefix_error(error, "--class-weight %s: ", text);
        for (guint i = 0; items && i < items->len; i++)
            if (!set_weight(items->pdata[i], &known, weights, error))
                return NULL;
        if (!items)
            return NULL;
    }
    return g_steal_pointer(&weights);
}
