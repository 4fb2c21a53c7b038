/* extract: turns image folders into caches of VGG16 features, and manages such caches. It trains nothing. */
#include "common/cli/cli.h"
#include "common/core/interrupt.h"
#include "extract/actions.h"
#include "extract/outputs.h"

static Status run(const Options *options, GError **error)
{
    switch (options->action) {
    case ACTION_INFO:
        return info(options, error);
    case ACTION_VERIFY:
        return verify(options, error);
    case ACTION_EXPORT:
        return export_cache(options, error);
    case ACTION_MERGE:
        return merge(options, error);
    case ACTION_IMPORT:
        return import_features(options, error);
    case ACTION_PREVIEW:
        return preview(options, error);
    case ACTION_DUPLICATES:
        return duplicates(options, error);
    case ACTION_SPLIT:
        return split_cache(options, error);
    case ACTION_RELABEL:
        return relabel(options, error);
    case ACTION_APPLY:
        return apply_decisions(options, error);
    case ACTION_UNAPPLY:
        return unapply_decisions(options, error);
    case ACTION_DERIVE:
        return derive(options, error);
    case ACTION_EXTRACT:
        break;
    }
    return extract_images(options, error);
}

int main(int argc, char **argv)
{
    Options options;
    Status status;
    GError *error = NULL;
    if (options_parse(&options, argc, argv, &status)) {
        interrupt_install(!cli_quiet());
        status = STATUS_FAILED;
        if (extract_outputs_check(&options, &error))
            status = run(&options, &error);
        if (error)
            status = cli_fail(error);
    }
    options_clear(&options);
    return cli_finish(status);
}
