/* questions: see questions.h. */
#include "train/linear/questions.h"

#include "common/core/error.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/plot/contact_sheet.h"
#include "train/linear/learning_curve.h"
#include "train/linear/suspects.h"

#include <stdio.h>
#include <string.h>

/* ---- Suspects ---- */

static gboolean suspects_sheet(const Linear *linear, const GArray *suspects, const char *const *paths,
                               GError **error)
{
    const TrainOptions *o = linear->options;
    g_autoptr(ContactSheet) sheet = contact_sheet_new(
        "Labels that look wrong, most certain first, with the suggested class", o->images, 0);
    for (guint s = 0; s < suspects->len; s++) {
        const Suspect *suspect = &g_array_index(suspects, Suspect, s);
        g_autofree char *caption = g_strdup_printf("%s?", linear->names[suspect->suggested]);
        contact_sheet_add(sheet, paths[suspect->image], caption, NULL, 0);
    }
    return contact_sheet_write(sheet, o->suspects_sheet, NULL, error);
}

static void tell_suspects(const Linear *linear, const GArray *suspects)
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
           wrong, likely, linear->options->suspects);
}

static gboolean find_suspects(const Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    const Search *held = linear->search;
    if (!held->n_held)
        return error_set(error, "%s: --suspects needs at least two images of each class", o->cache);
    g_autoptr(GArray) suspects =
        suspects_find(held->values, held->labels, held->n_held, linear->training.classes);
    g_autofree const char **paths = g_new(const char *, held->n_held);
    for (guint i = 0; i < held->n_held; i++)
        paths[i] = cache_item(linear->cache, held->images[i])->path;
    g_autofree char *csv = suspects_csv(suspects, paths, linear->names);
    if (!output_file_write(o->suspects, csv, strlen(csv), error))
        return FALSE;
    tell_suspects(linear, suspects);
    return !o->suspects_sheet || suspects_sheet(linear, suspects, paths, error);
}

/* ---- Learning curve ---- */

static gboolean draw_learning_curve(const Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    LearningCurve curve;
    if (!learning_curve_run(&linear->training, linear->cost, (guint64)o->common.seed, &curve, error)) {
        g_prefix_error(error, "%s: ", o->cache);
        return FALSE;
    }
    g_autofree char *csv = learning_curve_csv(&curve), *sentence = learning_curve_sentence(&curve);
    g_autofree char *title =
        g_strdup_printf("%s, %u %s", linear->settings.solver->name, linear->training.classes,
                        plural(linear->training.classes, "class", "classes"));
    if (!output_file_write(o->learning_curve, csv, strlen(csv), error))
        return FALSE;
    printf("%s\n", sentence);
    return !o->learning_curve_plot || learning_curve_plot(&curve, title, o->learning_curve_plot, error);
}

gboolean questions_answer(const Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    return (!o->suspects || find_suspects(linear, error)) &&
           (!o->learning_curve || draw_learning_curve(linear, error));
}
