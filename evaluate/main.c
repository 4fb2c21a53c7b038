/* evaluate: evaluates models on labelled images, and predicts new ones. It never changes a cache, nor a model but for
 * its threshold (--set-threshold) and its limit (--set-known). */
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/image/image_file.h"
#include "common/model/calibration.h"
#include "evaluate/explanation/explanation_files.h"
#include "evaluate/export/onnx_export.h"
#include "evaluate/metrics/histories.h"
#include "evaluate/options.h"
#include "evaluate/prediction/evaluation_run.h"
#include "evaluate/prediction/next.h"
#include "evaluate/prediction/predict.h"
#include "evaluate/prediction/predictions.h"
#include "evaluate/prediction/similar.h"
#include "evaluate/questions/leakage.h"
#include "evaluate/questions/slices.h"
#include "evaluate/questions/unknown.h"
#include "evaluate/report/reliability.h"
#include "evaluate/report/report_answers.h"
#include "evaluate/report/report_html.h"
#include "evaluate/report/report_json.h"
#include "evaluate/report/report_text.h"
#include "evaluate/report/review.h"
#include "evaluate/report/scatter.h"

#include <stdio.h>

static Comparison *evaluate_models(const Options *options, GError **error)
{
    g_autoptr(Comparison) comparison =
        comparison_new(&options->models, (guint)options->common.threads, error);
    gboolean has_images = options->mode == EVALUATE_FOLDER || options->images.folder;
    if (!comparison || (options->explain && !explanations_possible(comparison, has_images, error)) ||
        (options->history && !histories_read(options->history, comparison, error)) ||
        !evaluation_run(comparison, &options->images, FALSE, error))
        return NULL;
    comparison_measure(comparison, (guint)options->top);
    const ImageChoice unknown = {.source = options->unknown};
    if (!leakage_find(comparison, &options->leakage, error) ||
        !slices_find(comparison, &options->slices, error) ||
        (unknown.source && !evaluation_run(comparison, &unknown, TRUE, error)))
        return NULL;
    Novelty *novelty = comparison->evaluations[0]->model->novelty;
    if (options->set_known > 0 && novelty) /* all figures are at the limit that set_limits keeps */
        novelty->limit = novelty_limit(novelty->held, novelty->n, options->set_known);
    unknown_measure(comparison);
    return g_steal_pointer(&comparison);
}

static gboolean write_figures(const Options *options, const Comparison *comparison, GError **error)
{
    guint models = comparison->models;
    g_autofree char *title =
        g_strdup_printf("Confusion matri%s on %s", models > 1 ? "ces" : "x", comparison->images->list->root);
    const Confusion matrices = {.of = comparison,
                                .models = comparison->evaluations,
                                .n = models,
                                .title = options->style.title ? options->style.title : title,
                                .cells = (ConfusionCells)options->style.cells};
    g_autoptr(Scatter) scatter = options->scatter ? scatter_new(comparison, error) : NULL;
    if (options->scatter && !scatter)
        return FALSE;
    return (!options->confusion || canvas_write(confusion_figure(&matrices), options->confusion, error)) &&
           (!options->reliability ||
            canvas_write(reliability_figure(comparison->evaluations, models), options->reliability, error)) &&
           (!options->coverage ||
            canvas_write(coverage_figure(comparison->answers, models), options->coverage, error)) &&
           (!scatter || canvas_write(scatter_figure(scatter), options->scatter, error));
}

/* Keeps in the only model what --predict goes by: the threshold that serves the share of right answers asked for, and the
 * similarity that keeps a share of the images trained on. */
static gboolean set_limits(const Options *options, const Comparison *comparison, GError **error)
{
    gboolean unsure = options->set_threshold > 0, unknown = options->set_known > 0;
    const Evaluation *evaluation = comparison->evaluations[0];
    const Novelty *novelty = evaluation->model->novelty;
    const CoveragePoint *point = unsure && evaluation->coverage
                                     ? calibration_accept(evaluation->coverage, options->set_threshold)
                                     : NULL;
    if (!unsure && !unknown)
        return TRUE;
    if (unsure && !evaluation->coverage)
        return error_set(
            error,
            "%s: has no probabilities to set a threshold for; train --folds 5 calibrates a linear head",
            evaluation->path);
    if (unsure && !point)
        return error_set(error,
                         "%s: is right on %g %% of its answers at no threshold; try a lower --set-threshold",
                         evaluation->path, 100 * options->set_threshold);
    if (unknown && !novelty)
        return error_set(
            error, "%s: keeps no images trained on to compare others with; train a head on a cache again",
            evaluation->path);
    if (unsure)
        evaluation->model->threshold = point->threshold;
    if (!model_save(evaluation->model, evaluation->path, error))
        return FALSE;
    if (unsure)
        cli_remark("%s: --predict now answers unsure below a probability of %.4f", evaluation->path,
                   evaluation->model->threshold);
    if (unknown)
        cli_remark("%s: --predict now answers unknown below a similarity of %.4f", evaluation->path,
                   novelty->limit);
    return TRUE;
}

/* The folder's images, numbers and page. */
static gboolean write_explanations(Report *report, const char *folder, GError **error)
{
    guint n = report->explanations->len;
    if (!explanations_write(report->explanations, folder, error) ||
        !report_write(report, REPORT_EXPLANATIONS, folder, error))
        return FALSE;
    cli_remark("%u %s in %s/index.html", n, plural(n, "explanation is", "explanations are"), folder);
    return TRUE;
}

/* The page on which the labels of images are decided. */
static gboolean write_review(const Options *options, const Comparison *comparison, GError **error)
{
    g_autoptr(GArray) items = review_choose(comparison, options->suspects, error);
    Report report = {.comparison = comparison, .style = &options->style, .review = items};
    if (!items || !report_write(&report, REPORT_REVIEW, options->review, error))
        return FALSE;
    cli_remark("%u %s to decide on in %s/index.html", items->len,
               plural(items->len, "image is", "images are"), options->review);
    return TRUE;
}

static gboolean write_files(const Options *options, Comparison *comparison, GError **error)
{
    g_autoptr(GPtrArray) explanations =
        options->explain ? explanations_new(comparison, (guint64)options->common.seed, error) : NULL;
    if (options->explain && !explanations)
        return FALSE;
    Report report = {.comparison = comparison, .style = &options->style, .explanations = explanations};
    return (!options->json || report_json_write(comparison, options->json, error)) &&
           (!options->predictions || predictions_write(comparison, options->predictions, error)) &&
           write_figures(options, comparison, error) && set_limits(options, comparison, error) &&
           (!explanations || write_explanations(&report, options->explain, error)) &&
           (!options->review || write_review(options, comparison, error)) &&
           (!options->report || report_write(&report, REPORT_ALL, options->report, error));
}

static Status evaluate(const Options *options, GError **error)
{
    g_autoptr(Comparison) comparison = evaluate_models(options, error);
    if (!comparison)
        return STATUS_FAILED;
    if (!output_file_is_stdout(options->json) && !output_file_is_stdout(options->predictions)) {
        g_autoptr(GString) text = g_string_new(NULL);
        text_comparison(text, comparison, &options->style, options->coverage || options->set_threshold > 0);
        fputs(text->str, stdout);
    }
    if (!write_files(options, comparison, error))
        return STATUS_FAILED;
    guint skipped =
        comparison->images->skipped->len + (comparison->unknown ? comparison->unknown->skipped->len : 0);
    return skipped ? STATUS_SKIPPED : STATUS_DONE;
}

static Status (*const actions[])(const Options *options, GError **error) = {
    [EVALUATE_CACHE] = evaluate,         [EVALUATE_FOLDER] = evaluate,  [EVALUATE_PREDICT] = predict_images,
    [EVALUATE_SIMILAR] = similar_images, [EVALUATE_NEXT] = next_images, [EVALUATE_EXPORT] = onnx_export,
};

static gboolean decodes_images(const Options *options)
{
    gboolean decodes = options->mode == EVALUATE_FOLDER || options->images.folder ||
                       (options->unknown && !cache_is(options->unknown));
    for (char **input = options->inputs; input && *input; input++)
        decodes |= !cache_is(*input);
    return decodes;
}

static Status run(guint mode, GError **error)
{
    gboolean decodes = decodes_images(evaluate_options);
    if (decodes && !image_file_startup("evaluate", error))
        return STATUS_FAILED;
    if (!decodes && evaluate_options->explain)
        image_startup("evaluate"); /* writes JPEGs of maps */
    return actions[mode](evaluate_options, error);
}

int main(int argc, char **argv)
{
    return cli_main(&evaluate_program, argc, argv, run);
}
