/* outputs: see outputs.h. */
#include "evaluate/outputs.h"

#include "common/cli/output_plan.h"
#include "common/dataset/dataset.h"
#include "evaluate/explanation/explanation_files.h"

gboolean evaluate_outputs_check(const Options *o, GError **error)
{
    g_autoptr(OutputPlan) plan = output_plan_new();
    for (guint m = 0; m < o->n_models; m++)
        output_plan_add(plan, PLAN_INPUT, "MODEL", o->models[m]);
    output_plan_add(plan, PLAN_INPUT, "--weights", o->weights);
    output_plan_add(plan, PLAN_INPUT, "--list", o->filter.list);
    output_plan_add(plan, PLAN_INPUT, "--suspects", o->suspects);
    output_plan_add(plan, PLAN_INPUT, "--slices", o->slices);
    g_auto(GStrv) histories = g_strsplit(o->history ? o->history : "", ",", -1);
    for (char **history = histories; *history; history++)
        output_plan_add(plan, PLAN_INPUT, "--history", *history);
    output_plan_add_images(plan, "IMAGE_DIR", o->source, dataset_is_image);
    output_plan_add_images(plan, "--unknown", o->unknown, dataset_is_image);
    output_plan_add_images(plan, "--images", o->images, dataset_is_image);
    for (char **input = o->inputs; input && *input; input++)
        if (g_file_test(*input, G_FILE_TEST_IS_DIR))
            output_plan_add_images(plan, "IMAGE", *input, dataset_is_image);
        else
            output_plan_add(plan, PLAN_INPUT, "IMAGE", *input);
    output_plan_add(plan, PLAN_OUTPUT, "--export-onnx", o->export_onnx);
    output_plan_add(plan, PLAN_OUTPUT, "--neighbours", o->neighbours);
    output_plan_add(plan, PLAN_OUTPUT, "--sheet", o->sheet);
    output_plan_add(plan, PLAN_OUTPUT, "--json", o->json);
    output_plan_add(plan, PLAN_OUTPUT, "--predictions", o->predictions);
    output_plan_add(plan, PLAN_OUTPUT, "--confusion", o->confusion);
    output_plan_add(plan, PLAN_OUTPUT, "--reliability", o->reliability);
    output_plan_add(plan, PLAN_OUTPUT, "--coverage", o->coverage);
    output_plan_add(plan, PLAN_OUTPUT, "--scatter", o->scatter);
    output_plan_add_beneath(plan, "--report", o->report, "index.html");
    output_plan_add_beneath(plan, "--review", o->review, "index.html");
    output_plan_add_beneath(plan, "--explain", o->explain, "index.html");
    output_plan_add_beneath(plan, "--explain", o->explain, EXPLANATION_CSV);
    return output_plan_check(plan, error);
}
