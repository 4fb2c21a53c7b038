#include "common/base/weights_find.h"

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
