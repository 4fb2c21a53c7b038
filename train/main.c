/* train: from cached features or images to a model file. */
#include "common/cli/cli.h"
#include "common/core/interrupt.h"
#include "common/image/image_file.h"
#include "train/dense/networks.h"
#include "train/linear/linear.h"
#include "train/outputs.h"

typedef Status (*Train)(const TrainOptions *options, GError **error);

static const Train ways[] = {[HEAD_DENSE] = train_network, [HEAD_LINEAR] = train_standalone_linear};

int main(int argc, char **argv)
{
    TrainOptions options;
    Status status;
    GError *error = NULL;
    if (!train_options_parse(&options, argc, argv, &status))
        return cli_finish(status);
    interrupt_install(!cli_quiet());
    if (!train_outputs_check(&options, &error) || !image_file_startup("train", &error))
        return cli_finish(cli_fail(error));
    status = ways[options.head](&options, &error);
    return cli_finish(status == STATUS_FAILED ? cli_fail(error) : status);
}
