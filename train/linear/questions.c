/* questions: see questions.h. */
#include "train/linear/questions.h"

#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/model/calibration.h"
#include "common/network/scores.h"
#include "common/plot/contact_sheet.h"
#include "train/linear/learning_curve.h"
#include "train/linear/suspects.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Below this held-out accuracy most suspects are the models' own mistakes. */
#define DOUBTFUL 0.8

/* ---- Suspects ---- */

/* (N, L) from logistic solvers' decision values: a sigmoid each, divided by their sum, as liblinear's predict_probability
 * has them, then calibrated, because strong regularisation leaves them flat. Not finite where the values are not. */
static float *sigmoid_probabilities(const Linear *linear)
{
    guint n = linear->training.n, classes = linear->training.classes;
    float *p = g_new(float, (gsize)n *classes);
    g_autofree double *logistic = g_new(double, classes);
    for (guint i = 0; i < n; i++) {
        const float *values = linear->search->values + (gsize)i * classes;
        gboolean known = TRUE;
        for (guint k = 0; k < classes; k++) {
            logistic[k] = values[k];
            known = known && isfinite(logistic[k]);
        }
        if (known)
            scores_logistic(logistic, classes);
        for (guint k = 0; k < classes; k++)
            p[(gsize)i * classes + k] = known ? (float)logistic[k] : NAN;
    }
    double temperature = search_calibrate(p, TRUE, &linear->training);
    if (temperature > 0)
        calibration_apply(p, TRUE, temperature, n, classes, p);
    return p;
}

/* (N, L); NULL where every fold lacks a class, so that no image has probabilities. */
static float *held_out_probabilities(const Linear *linear)
{
    const Search *search = linear->search;
    if (linear->settings.solver->loss == LOSS_LOGISTIC)
        return sigmoid_probabilities(linear);
    if (search->temperature <= 0)
        return NULL;
    float *p = g_new(float, (gsize)linear->training.n * linear->training.classes);
    calibration_apply(search->values, FALSE, search->temperature, linear->training.n,
                      linear->training.classes, p);
    return p;
}

static gboolean suspects_sheet(const Linear *linear, const GArray *suspects, GError **error)
{
    const TrainOptions *o = linear->options;
    g_autofree ContactImage *images = g_new0(ContactImage, suspects->len);
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    guint missing;
    for (guint s = 0; s < suspects->len; s++) {
        const Suspect *suspect = &g_array_index(suspects, Suspect, s);
        const char *path = cache_item(linear->cache, suspect->image)->path;
        char *file = g_build_filename(o->images, path, NULL);
        char *caption = g_strdup_printf("%s?", linear->names[suspect->suggested]);
        g_ptr_array_add(texts, file);
        g_ptr_array_add(texts, caption);
        images[s] = (ContactImage){.path = file, .caption = caption, .note = path};
    }
    if (!contact_sheet_write(o->suspects_sheet,
                             "Labels that look wrong, most certain first, with the suggested class", images,
                             suspects->len, 0, &missing, error))
        return FALSE;
    if (missing)
        cli_warn("%u of the images could not be read below %s and are left blank in %s", missing, o->images,
                 o->suspects_sheet);
    return TRUE;
}

static gboolean find_suspects(const Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    g_autofree float *p = held_out_probabilities(linear);
    if (!p)
        return error_set(error, "%s: --suspects needs at least two images of each class", o->cache);
    g_autoptr(GArray) suspects =
        suspects_find(p, linear->training.labels, linear->training.n, linear->training.classes);
    g_autofree const char **paths = g_new(const char *, linear->training.n);
    for (guint i = 0; i < linear->training.n; i++)
        paths[i] = cache_item(linear->cache, i)->path;
    g_autofree char *csv = suspects_csv(suspects, paths, linear->names);
    if (!output_file_write(o->suspects, csv, strlen(csv), error))
        return FALSE;
    printf("%u of %u %s wrong to models that were not trained on them; listed in %s, most certain first%s\n",
           suspects->len, linear->training.n, plural(linear->training.n, "label looks", "labels look"),
           o->suspects,
           linear->search->points[linear->search->best].accuracy < DOUBTFUL
               ? ". These models are often wrong themselves, so trust only the top of the list"
               : "");
    return !o->suspects_sheet || suspects_sheet(linear, suspects, error);
}

/* ---- Learning curve ---- */

static gboolean draw_learning_curve(const Linear *linear, GError **error)
{
    const TrainOptions *o = linear->options;
    LearningCurve curve;
    Progress *progress = progress_new("Learning curve", learning_curve_ticks(&linear->training), "problems");
    gboolean done =
        learning_curve_run(&linear->training, linear->cost, (guint64)o->common.seed, &curve, progress, error);
    progress_free(progress);
    if (!done) {
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
