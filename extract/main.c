/* extract: turns image folders into caches of VGG16 features, and manages such caches. It trains nothing. */
#include "common/cli/cli.h"
#include "extract/actions.h"

static Status (*const actions[])(const Options *options, GError **error) = {
    [ACTION_EXTRACT] = extract_images,
    [ACTION_INFO] = info,
    [ACTION_VERIFY] = verify,
    [ACTION_EXPORT] = export_cache,
    [ACTION_MERGE] = merge,
    [ACTION_IMPORT] = import_features,
    [ACTION_PREVIEW] = preview,
    [ACTION_DUPLICATES] = duplicates,
    [ACTION_SPLIT] = split_cache,
    [ACTION_RELABEL] = relabel,
    [ACTION_APPLY] = apply_decisions,
    [ACTION_UNAPPLY] = unapply_decisions,
    [ACTION_DERIVE] = derive,
};

static Status run(guint action, GError **error)
{
    return actions[action](extract_options, error);
}

int main(int argc, char **argv)
{
    return cli_main(&extract_program, argc, argv, run);
}
