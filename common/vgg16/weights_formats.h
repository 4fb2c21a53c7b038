/* weights_formats: the readers for weights_load, one per file format; private to common/vgg16.
 *
 * Each fills the network's parameters (allocated by the caller) and the format's normalisation, or returns FALSE and an error
 * that names the file, what was expected and what was found. */
#pragma once
#include "common/vgg16/weights.h"

gboolean weights_read_keras(const char *path, Weights *weights, GError **error);       /* Keras HDF5 */
gboolean weights_read_torchvision(const char *path, Weights *weights, GError **error); /* safetensors */

/* FALSE and error if a value is not finite, as the file formats allow NaN and infinity. */
gboolean weights_check_finite(const char *path, const char *tensor, const float *values, gsize n,
                              GError **error);

/* "a, b, c, … (12 in all)": the first few of a list of names, for a sentence. Caller frees. */
char *weights_abbreviate(const char *const *names, guint n);
