/* train: from cached features or images to a model file. */
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/image/image_file.h"
#include "train/dense/networks.h"
#include "train/linear/linear.h"
#include "train/outputs.h"

#include <string.h>

static const struct {
    const char *approach, *head;
    Status (*train)(const TrainOptions *options, GError **error);
} ways[] = {
    {"standalone", "dense", train_network},
    {"bootstrap", "dense", train_network},
    {"finetune", "dense", train_network},
    {"scratch", "dense", train_network},
    {"standalone", "linear", train_standalone_linear},
};

int main(int argc, char **argv)
{
    TrainOptions options;
    Status status;
    GError *error = NULL;
    if (!train_options_parse(&options, argc, argv, &status))
        return cli_finish(status);
    interrupt_install();
    if (!train_outputs_check(&options, &error) || !image_file_startup("train", &error))
        return cli_finish(cli_fail(error));
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++)
        if (g_str_equal(options.approach, ways[i].approach) && g_str_equal(options.head, ways[i].head)) {
            status = ways[i].train(&options, &error);
            return cli_finish(status == STATUS_FAILED ? cli_fail(error) : status);
        }
    error_set(&error, "--approach %s cannot be combined with --head %s", options.approach, options.head);
    return cli_fail(error);
}
