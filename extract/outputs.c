/* outputs: see outputs.h. */
#include "extract/outputs.h"

#include "common/cli/output_plan.h"

gboolean extract_outputs_check(const Options *o, GError **error)
{
    g_autoptr(OutputPlan) plan = output_plan_new();
    output_plan_add(plan, PLAN_INPUT, "--list", o->filter.list);
    if (o->action == ACTION_PREVIEW)
        output_plan_add_images(plan, "IMAGE_DIR", o->arguments[0], dataset_is_image);
    if (o->action == ACTION_PREVIEW)
        output_plan_add(plan, PLAN_INPUT, "the archive", o->arguments[0]);
    output_plan_add(plan, PLAN_INPUT, "--class-names", o->filter.class_names);
    output_plan_add(plan, PLAN_INPUT, "--labels", o->filter.labels);
    if (o->sheet)
        output_plan_add_images(plan, "--images", o->images, dataset_is_image);
    output_plan_add(plan, PLAN_OUTPUT, "--preview", o->preview);
    output_plan_add(plan, PLAN_OUTPUT, "--sheet", o->sheet);
    output_plan_add_beneath(plan, "--export", o->export_folder, "features.npy");
    output_plan_add_beneath(plan, "--export", o->export_folder, "labels.npy");
    output_plan_add_beneath(plan, "--export", o->export_folder, "items.csv");
    return output_plan_check(plan, error);
}
