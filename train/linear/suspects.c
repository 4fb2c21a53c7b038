/* suspects: confident learning on held-out probabilities; see suspects.h. */
#include "train/linear/suspects.h"

#include "common/core/csv.h"

#include <math.h>

static gboolean is_finite(const float *p, guint classes)
{
    for (guint k = 0; k < classes; k++)
        if (!isfinite(p[k]))
            return FALSE;
    return TRUE;
}

/* (L) mean probability of each class over the images that bear its label; infinite for a class without any. */
static double *thresholds_of(const float *probabilities, const int *labels, guint n, guint classes)
{
    double *thresholds = g_new0(double, classes);
    g_autofree guint *counts = g_new0(guint, classes);
    for (guint i = 0; i < n; i++) {
        const float *p = probabilities + (gsize)i * classes;
        if (is_finite(p, classes)) {
            thresholds[labels[i]] += p[labels[i]];
            counts[labels[i]]++;
        }
    }
    for (guint k = 0; k < classes; k++)
        thresholds[k] = counts[k] ? thresholds[k] / counts[k] : INFINITY;
    return thresholds;
}

static int most_probable_confident(const float *p, const double *thresholds, guint classes)
{
    int found = -1;
    for (guint k = 0; k < classes; k++)
        if (p[k] >= thresholds[k] && (found < 0 || p[k] > p[found]))
            found = (int)k;
    return found;
}

static gint surest_first(gconstpointer a, gconstpointer b)
{
    const Suspect *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->image < y->image ? -1 : 1;
}

GArray *suspects_find(const float *probabilities, const int *labels, guint n, guint classes)
{
    GArray *suspects = g_array_new(FALSE, FALSE, sizeof(Suspect));
    g_autofree double *thresholds = thresholds_of(probabilities, labels, n, classes);
    for (guint i = 0; i < n; i++) {
        const float *p = probabilities + (gsize)i * classes;
        int suggested = is_finite(p, classes) ? most_probable_confident(p, thresholds, classes) : -1;
        if (suggested < 0 || suggested == labels[i])
            continue;
        Suspect suspect = {i, labels[i], suggested, (double)p[suggested] - p[labels[i]]};
        g_array_append_val(suspects, suspect);
    }
    g_array_sort(suspects, surest_first);
    return suspects;
}

char *suspects_csv(const GArray *suspects, const char *const *paths, const char *const *names)
{
    GString *text = g_string_new("path,label,suggested,score\n");
    for (guint s = 0; s < suspects->len; s++) {
        const Suspect *suspect = &g_array_index(suspects, Suspect, s);
        csv_append(text, paths[suspect->image]);
        g_string_append_c(text, ',');
        csv_append(text, names[suspect->label]);
        g_string_append_c(text, ',');
        csv_append(text, names[suspect->suggested]);
        g_string_append_printf(text, ",%.6f\n", suspect->score);
    }
    return g_string_free(text, FALSE);
}
