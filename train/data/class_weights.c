/* class_weights: see class_weights.h. */
#include "train/data/class_weights.h"

#include "common/cli/cli.h"
#include "common/core/csv.h"
#include "common/core/error.h"

#include <string.h>

static void balance(double *weights, guint classes, const SplitPart *part)
{
    g_autofree guint *counts = g_new0(guint, classes);
    for (guint i = 0; i < part->count; i++)
        counts[part->labels[i]]++;
    for (guint k = 0; k < classes; k++)
        weights[k] = counts[k] ? (double)part->count / ((double)classes * counts[k]) : 1;
}

/* The class that "NAME:WEIGHT" names, a name that may contain colons; -1: none. */
static int class_of(const char *item, const GPtrArray *classes)
{
    const char *colon = strrchr(item, ':');
    gsize length = colon ? (gsize)(colon - item) : strlen(item);
    for (guint k = 0; k < classes->len; k++)
        if (strlen(classes->pdata[k]) == length && memcmp(classes->pdata[k], item, length) == 0)
            return (int)k;
    return -1;
}

static gboolean names_a_class(const char *item, gpointer classes)
{
    return class_of(item, classes) >= 0;
}

static gboolean set_weight(const char *item, const GPtrArray *classes, double *weights, GError **error)
{
    const char *colon = strrchr(item, ':');
    double weight = 0;
    if (!colon || !cli_parse_real(colon + 1, &weight) || weight <= 0)
        return error_set(error, "--class-weight: '%s' is not NAME:WEIGHT with a weight above 0", item);
    int class = class_of(item, classes);
    if (class < 0)
        return error_set(error, "--class-weight: there is no class '%.*s'; the classes are %s%s",
                         (int)(colon - item), item, (const char *)classes->pdata[0],
                         classes->len > 1 ? ", …" : "");
    weights[class] = weight;
    return TRUE;
}

double *class_weights_new(const char *text, GPtrArray *classes, const SplitPart *part, GError **error)
{
    g_autofree double *weights = g_new(double, classes->len);
    for (guint k = 0; k < classes->len; k++)
        weights[k] = 1;
    if (strcmp(text, "balanced") == 0)
        balance(weights, classes->len, part);
    else if (strcmp(text, "none") != 0) {
        g_autoptr(GPtrArray) items = csv_names(text, names_a_class, classes, error);
        if (!items) {
            g_prefix_error(error, "--class-weight %s: ", text);
            return NULL;
        }
        for (guint i = 0; i < items->len; i++)
            if (!set_weight(items->pdata[i], classes, weights, error))
                return NULL;
    }
    return g_steal_pointer(&weights);
}
