/* weights_formats: the readers behind weights_load, one a file format; private to common/vgg16.
 *
 * Each fills kernel and bias (allocated by the caller by the table of layers) and source's kind of
 * normalisation, or returns FALSE with one sentence that names the file, what was expected and what was
 * found. */
#pragma once
#include "common/vgg16/weights.h"

gboolean weights_read_keras(const char *path, Weights *weights, GError **error);       /* Keras HDF5 */
gboolean weights_read_torchvision(const char *path, Weights *weights, GError **error); /* safetensors */

/* FALSE with a sentence where a value is not finite: file formats let NaN and infinity pass. */
gboolean weights_check_finite(const char *path, const char *tensor, const float *values, gsize n,
                              GError **error);

/* "a, b, c, … (12 in all)": the first few of a list of names, for a sentence. Caller frees. */
char *weights_abbreviate(const char *const *names, guint n);
