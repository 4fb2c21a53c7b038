/* weights_find: see weights_find.h. */
#include "common/vgg16/weights_find.h"

#include "common/cli/cli.h"
#include "common/core/error.h"

char *weights_find(void)
{
    char *here = g_build_filename("weights", WEIGHTS_PUBLISHED, NULL);
    if (g_file_test(here, G_FILE_TEST_IS_REGULAR))
        return here;
    g_free(here);
    char *by_keras = g_build_filename(g_get_home_dir(), ".keras", "models", WEIGHTS_PUBLISHED, NULL);
    if (g_file_test(by_keras, G_FILE_TEST_IS_REGULAR))
        return by_keras;
    g_free(by_keras);
    return NULL;
}

Weights *weights_open(const char *from, int cut, GError **error)
{
    g_autofree char *path = from ? g_strdup(from) : weights_find();
    if (!from && vgg16_is_dense(cut)) /* those that are found have no top */
        return error_set(error,
                         "%s needs weights with the top: give such a file with --weights, " WEIGHTS_FULL,
                         vgg16_layers[cut].name),
               NULL;
    if (!path)
        return error_set(error,
                         "no weights found: give a file with --weights, download one with `make weights`, "
                         "or use --weights random for untrained stand-in weights"),
               NULL;
    Weights *weights = weights_load(path, cut, error);
    if (weights && weights->seeded)
        cli_warn("the weights are the seeded stand-in %s: nothing was learnt from images", weights->source);
    return weights;
}
