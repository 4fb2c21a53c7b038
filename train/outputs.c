/* outputs: see outputs.h. */
#include "train/outputs.h"

#include "common/cli/output_plan.h"
#include "common/core/output_file.h"
#include "common/dataset/dataset.h"

static gboolean is_regular(const char *path)
{
    OutputTarget target;
    g_autofree char *regular = output_target_find(path, &target) ? target.regular : NULL;
    return regular != NULL;
}

gboolean train_outputs_check(TrainOptions *o, GError **error)
{
    g_autoptr(OutputPlan) plan = output_plan_new();
    if (o->summary)
        return TRUE;
    if (!is_regular(o->model))
        o->checkpoint = o->resume = FALSE;
    g_autofree char *checkpoint = o->checkpoint ? g_strconcat(o->model, ".checkpoint", NULL) : NULL;
    output_plan_add(plan, PLAN_INPUT, "--weights", o->weights);
    output_plan_add(plan, PLAN_INPUT, "--from", o->from);
    output_plan_add(plan, PLAN_INPUT, "--list", o->filter.list);
    output_plan_add(plan, PLAN_INPUT, "--exclude", o->filter.exclude);
    output_plan_add_images(plan, "--images", o->images, dataset_is_image);
    output_plan_add(plan, PLAN_OUTPUT, "MODEL", o->model);
    output_plan_add(plan, PLAN_OUTPUT, "the checkpoint", checkpoint);
    output_plan_add(plan, PLAN_OUTPUT, "--history", o->history);
    output_plan_add(plan, PLAN_OUTPUT, "--plot", o->plot);
    output_plan_add(plan, PLAN_OUTPUT, "--coverage", o->coverage);
    output_plan_add(plan, PLAN_OUTPUT, "--export-libsvm", o->export_libsvm);
    output_plan_add(plan, PLAN_OUTPUT, "--suspects", o->suspects);
    output_plan_add(plan, PLAN_OUTPUT, "--suspects-sheet", o->suspects_sheet);
    output_plan_add(plan, PLAN_OUTPUT, "--learning-curve", o->learning_curve);
    output_plan_add(plan, PLAN_OUTPUT, "--learning-curve-plot", o->learning_curve_plot);
    return output_plan_check(plan, error);
}
