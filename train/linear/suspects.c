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

/* (L, L) n_ij: how many of the images labelled i are thought to be j's. */
static guint *noise_counts(const float *probabilities, const int *labels, guint n, guint classes)
{
    g_autofree double *thresholds = thresholds_of(probabilities, labels, n, classes);
    guint *counts = g_new0(guint, (gsize)classes * classes);
    g_autofree guint *labelled = g_new0(guint, classes);
    for (guint i = 0; i < n; i++) {
        const float *p = probabilities + (gsize)i * classes;
        if (!is_finite(p, classes))
            continue;
        labelled[labels[i]]++;
        int member = most_probable_confident(p, thresholds, classes);
        if (member >= 0)
            counts[(guint)labels[i] * classes + (guint)member]++;
    }
    for (guint i = 0; i < classes; i++) {
        guint *row = counts + (gsize)i * classes;
        double members = 0;
        for (guint j = 0; j < classes; j++)
            members += row[j];
        for (guint j = 0; j < classes && members > 0; j++)
            row[j] = (guint)lround(row[j] / members * labelled[i]);
    }
    return counts;
}

/* The images labelled `label` by how much more probable `suggested` is, at most `max` of them, where it is more probable. */
static void take_likeliest(const float *probabilities, const int *labels, guint n, guint classes, int label,
                           int suggested, guint max, GArray *suspects)
{
    g_autoptr(GArray) likelier = g_array_new(FALSE, FALSE, sizeof(Suspect));
    for (guint i = 0; i < n; i++) {
        const float *p = probabilities + (gsize)i * classes;
        Suspect suspect = {i, label, suggested, (double)p[suggested] - p[label]};
        if (labels[i] == label && is_finite(p, classes) && suspect.score > 0)
            g_array_append_val(likelier, suspect);
    }
    g_array_sort(likelier, surest_first);
    g_array_append_vals(suspects, likelier->data, MIN(likelier->len, max));
}

GArray *suspects_find(const float *probabilities, const int *labels, guint n, guint classes)
{
    g_autofree guint *counts = noise_counts(probabilities, labels, n, classes);
    GArray *suspects = g_array_new(FALSE, FALSE, sizeof(Suspect));
    g_autofree gboolean *seen = g_new0(gboolean, n);
    for (guint i = 0; i < classes; i++)
        for (guint j = 0; j < classes; j++)
            if (i != j && counts[i * classes + j])
                take_likeliest(probabilities, labels, n, classes, (int)i, (int)j, counts[i * classes + j],
                               suspects);
    g_array_sort(suspects, surest_first);
    guint kept = 0; /* of an image that several classes claim, the strongest claim */
    for (guint s = 0; s < suspects->len; s++) {
        Suspect suspect = g_array_index(suspects, Suspect, s);
        if (!seen[suspect.image])
            g_array_index(suspects, Suspect, kept++) = suspect;
        seen[suspect.image] = TRUE;
    }
    g_array_set_size(suspects, kept);
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
