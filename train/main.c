/* train: from cached features or images to a model file. */
#include "common/cli/cli.h"
#include "common/image/image_file.h"
#include "train/dense/networks.h"
#include "train/linear/linear.h"

static Status run(guint mode, GError **error)
{
    if (train_options->images.folder && !image_file_startup("train", error))
        return STATUS_FAILED;
    return (train_options->network.head == HEAD_LINEAR ? train_standalone_linear
                                                       : train_network)(train_options, error);
}

int main(int argc, char **argv)
{
    return cli_main(&train_program, argc, argv, run);
}
