/* extract: turns image folders into caches of VGG16 features, and manages such caches. It trains nothing. */
#include "common/cli/cli.h"
#include "extract/actions.h"

static Status (*const actions[])(const Options *options, GError **error) = {
    [ACTION_EXTRACT] = extract_images,  [ACTION_INFO] = extract_info,
    [ACTION_VERIFY] = extract_verify,   [ACTION_EXPORT] = extract_export,
    [ACTION_MERGE] = extract_merge,     [ACTION_IMPORT] = extract_import,
    [ACTION_PREVIEW] = extract_preview, [ACTION_DUPLICATES] = extract_duplicates,
    [ACTION_SPLIT] = extract_split,     [ACTION_RELABEL] = extract_relabel,
    [ACTION_APPLY] = extract_apply,     [ACTION_UNAPPLY] = extract_unapply,
    [ACTION_DERIVE] = extract_derive,
};

static Status run(guint action, GError **error)
{
    return actions[action](extract_options, error);
}

int main(int argc, char **argv)
{
    return cli_main(&extract_program, argc, argv, run);
}
