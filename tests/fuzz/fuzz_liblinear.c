/* Texts of liblinear models: the first byte of the input is the length of a valid model's text that precedes the rest.
 * Models that are accepted must have finite weights for every class. */
#include "train/linear/libsvm_text.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { CLASSES = 3, FEATURES = 4 };
static const char sound[] = "solver_type L2R_LR\nnr_class 3\nlabel 2 0 1\nnr_feature 4\nbias 1\nw\n"
                            "1 2 3 \n-1 0 1e-3 \n0 0 0 \n4 5 6 \n.5 .25 .125 \n";

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size == 0)
        return 0;
    g_autofree char *path = g_strdup_printf("/dev/shm/vggcache-fuzz-%d", getpid());
    g_autoptr(GString) text = g_string_new_len(sound, MIN(data[0], sizeof sound - 1));
    g_string_append_len(text, (const char *)data + 1, (gssize)size - 1);
    g_assert_true(
        g_file_set_contents_full(path, text->str, (gssize)text->len, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    g_autoptr(GError) error = NULL;
    g_autoptr(LinearModel) model = liblinear_read_model(path, FEATURES, CLASSES, &error);
    g_assert_true((model == NULL) == (error != NULL));
    for (int i = 0; model && i < FEATURES * CLASSES; i++)
        g_assert_true(isfinite(model->kernel[i]));
    for (int k = 0; model && k < CLASSES; k++)
        g_assert_true(isfinite(model->offset[k]));
    unlink(path);
    return 0;
}
