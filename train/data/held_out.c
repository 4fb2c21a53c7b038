/* held_out: see held_out.h. */
#include "train/data/held_out.h"

#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "common/plot/coverage.h"

#include <stdio.h>

gboolean held_out_asked(const Results *results)
{
    return results->coverage || results->set_threshold > 0;
}

static void set_threshold(double share, Model *model, const Answers *answers)
{
    const CoveragePoint *point = calibration_accept(answers->points, share);
    if (!point) {
        cli_warn("of the images held out %g %% are right from no probability on: no threshold is set",
                 100 * share);
        return;
    }
    model->threshold = point->threshold;
    printf(
        "Accepted from a probability of %.4f on: of the images held out, %u of %u are then answered, %.1f %% "
        "of these right; below it evaluate --predict answers unsure\n",
        point->threshold, point->answered, answers->n, 100.0 * point->right / point->answered);
}

gboolean held_out_answer(const Results *results, Model *model, const Answers *held, GError **error)
{
    guint classes = model->classes->len;
    g_autofree char *name = g_path_get_basename(results->model);
    g_autoptr(GArray) points = calibration_coverage(held->probabilities, held->labels, held->n, classes);
    Answers answers = *held;
    answers.name = name;
    answers.classes = classes;
    answers.class_names = (const char *const *)model->classes->pdata;
    answers.points = points;
    if (results->coverage) {
        g_autoptr(GString) text = g_string_new(NULL);
        coverage_text(text, &answers);
        printf("Answering only what is sure, of %u %s held out (95 %% interval of what is right%s)\n%s\n",
               held->n, plural(held->n, "image", "images"), held->units ? ", over groups" : "", text->str);
    }
    if (results->set_threshold > 0)
        set_threshold(results->set_threshold, model, &answers);
    return !results->coverage ||
           canvas_write(coverage_figure((const Answers *[]){&answers}, 1), results->coverage, error);
}
