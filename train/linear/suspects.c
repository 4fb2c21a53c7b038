/* suspects: labels that are likely to be wrong; see suspects.h. */
#include "train/linear/suspects.h"

#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/model/calibration.h"
#include "common/network/scores.h"
#include "common/plot/contact_sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the likelihood is made of. */
typedef struct {
    const float *values; /* (n, L) */
    const int *labels;   /* (n) */
    guint n, classes;
    double *own; /* (n) p_l at the temperature that was last tried */
    double rate; /* e, the best at that temperature */
} Evidence;

/* p_l = 1 / sum over k of exp((z_k - z_l) / T) */
static double own_probability(const float *z, int label, guint classes, double temperature)
{
    double sum = 0;
    for (guint k = 0; k < classes; k++)
        sum += exp(((double)z[k] - z[label]) / temperature);
    return 1 / sum;
}

/* Probability of the label that is given, and of its being given wrongly. */
static double of_label(double own, double rate, guint classes, double *wrong)
{
    *wrong = rate * (1 - own) / (classes - 1);
    return (1 - rate) * own + *wrong;
}

/* The logarithm of the likelihood is concave in e, and so is that of the label that is known to be wrong, log e: bisection
 * for the zero of the derivative, up to labels that are no better than drawn by lot. */
static double best_rate(const Evidence *evidence)
{
    guint classes = evidence->classes;
    double low = 0, high = (classes - 1.0) / classes;
    for (int round = 0; round < 50; round++) {
        double rate = (low + high) / 2, slope = 1 / rate, wrong;
        for (guint i = 0; i < evidence->n; i++) {
            double own = evidence->own[i];
            slope += ((1 - own) / (classes - 1) - own) / of_label(own, rate, classes, &wrong);
        }
        *(slope > 0 ? &low : &high) = rate;
    }
    return (low + high) / 2;
}

/* Log-likelihood at T = exp(t) and the rate that is best there. */
static double likelihood(Evidence *evidence, double t)
{
    guint classes = evidence->classes;
    for (guint i = 0; i < evidence->n; i++)
        evidence->own[i] =
            own_probability(evidence->values + (gsize)i * classes, evidence->labels[i], classes, exp(t));
    evidence->rate = best_rate(evidence);
    double sum = log(evidence->rate), wrong;
    for (guint i = 0; i < evidence->n; i++)
        sum += log(of_label(evidence->own[i], evidence->rate, classes, &wrong));
    return sum;
}

/* Leaves `own` and `rate` of the likeliest temperature: octaves first, as there can be several maxima, then the golden
 * section around the best of them. */
static void fit(Evidence *evidence)
{
    const double octave = log(2), golden = (sqrt(5) - 1) / 2;
    double best = log(CALIBRATION_MIN), highest = -INFINITY;
    for (double t = log(CALIBRATION_MIN); t <= log(CALIBRATION_MAX); t += octave) {
        double found = likelihood(evidence, t);
        if (found > highest)
            highest = found, best = t;
    }
    double low = best - octave, high = best + octave;
    while (high - low > 1e-4) {
        double left = high - golden * (high - low), right = low + golden * (high - low);
        if (likelihood(evidence, left) < likelihood(evidence, right))
            low = left;
        else
            high = right;
    }
    likelihood(evidence, (low + high) / 2);
}

static gint surest_first(gconstpointer a, gconstpointer b)
{
    const Suspect *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->image < y->image ? -1 : 1;
}

GArray *suspects_find(const float *values, const int *labels, guint n, guint classes)
{
    g_autofree double *own = g_new(double, n);
    Evidence evidence = {values, labels, n, classes, own, 0};
    fit(&evidence);
    GArray *suspects = g_array_new(FALSE, FALSE, sizeof(Suspect));
    for (guint i = 0; i < n; i++) {
        double wrong, all = of_label(own[i], evidence.rate, classes, &wrong);
        int other = scores_other(values + (gsize)i * classes, classes, labels[i]);
        Suspect suspect = {i, labels[i], other, wrong / all};
        if (suspect.score >= SUSPECT_SCORE)
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
        csv_append(text, names[suspect->label]);
        csv_append(text, names[suspect->suggested]);
        g_string_append_printf(text, ",%.6f\n", suspect->score);
    }
    return g_string_free(text, FALSE);
}

/* ---- What a linear head shows ---- */

static gboolean write_sheet(const Linear *linear, const GArray *suspects, const char *const *paths,
                            GError **error)
{
    const TrainOptions *o = linear->options;
    g_autoptr(ContactSheet) sheet = contact_sheet_new(
        "Labels that look wrong, most certain first, with the suggested class", o->images.folder, 0);
    for (guint s = 0; s < suspects->len; s++) {
        const Suspect *suspect = &g_array_index(suspects, Suspect, s);
        g_autofree char *caption = g_strdup_printf("%s?", linear->names[suspect->suggested]);
        contact_sheet_add(sheet, paths[suspect->image], caption, NULL, 0);
    }
    return contact_sheet_write(sheet, linear->choice->suspects_sheet, NULL, error);
}

static void tell(const Linear *linear, const GArray *suspects)
{
    double wrong = 0;
    guint likely = 0;
    for (guint s = 0; s < suspects->len; s++) {
        double score = g_array_index(suspects, Suspect, s).score;
        wrong += score;
        likely += score >= 0.5;
    }
    printf("%u of %u %s wrong, judging by models that were not trained on them; about %.0f of these are, and "
           "%u more "
           "likely than not; listed in %s, most certain first\n",
           suspects->len, linear->training.n, plural(linear->training.n, "label may be", "labels may be"),
           wrong, likely, linear->choice->suspects);
}

gboolean suspects_answer(const Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    const Search *held = linear->search;
    if (!held->n_held)
        return error_set(error, "%s: --suspects needs at least two images of each class", o->images.cache);
    g_autoptr(GArray) suspects =
        suspects_find(held->values, held->labels, held->n_held, linear->training.classes);
    g_autofree const char **paths = g_new(const char *, held->n_held);
    for (guint i = 0; i < held->n_held; i++)
        paths[i] = cache_item(linear->data->cache, held->images[i])->path;
    g_autofree char *csv = suspects_csv(suspects, paths, linear->names);
    if (!output_file_write(linear->choice->suspects, csv, strlen(csv), error))
        return FALSE;
    tell(linear, suspects);
    return !linear->choice->suspects_sheet || write_sheet(linear, suspects, paths, error);
}
