/* weights_torchvision: VGG16's weights out of safetensors files with torchvision's names, as torchvision's
 * own vgg16().features.state_dict() or timm's vgg16.tv_in1k give them; classifiers are read if features of them are asked for. */
#include "common/core/error.h"
#include "common/vgg16/safetensors.h"
#include "common/vgg16/weights_formats.h"

#include <stdio.h>

enum {
    LINE = 16
}; /* outputs read and written at once, as many as a line of cache has; a divisor of all layers' */

/* LINE outputs (LINE, C, places), as PyTorch has kernels of convolutions (3x3) and of the dense layer on the flattened maps
 * (7x7, and 1 for the next one), to their places in (places, C, K), as Keras has them. */
static void outputs_last(const float *in, int places, int inputs, int outputs, float *out)
{
    for (int c = 0; c < inputs; c++)
        for (int p = 0; p < places; p++)
            for (int k = 0; k < LINE; k++)
                out[((gsize)p * inputs + c) * outputs + k] = in[((gsize)k * inputs + c) * places + p];
}

static gboolean is_vgg16_index(int index)
{
    for (int i = 0; i < VGG16_LAYERS; i++)
        if (vgg16_layers[i].torch == index)
            return TRUE;
    return FALSE;
}

/* VGG19's and the batch-normalised networks' files have tensors under features that VGG16 has not. */
static gboolean check_family(const Safetensors *file, GError **error)
{
    for (const char *const *name = safetensors_names(file); *name; name++) {
        int index;
        if (sscanf(*name, "features.%d.", &index) == 1 && !is_vgg16_index(index))
            return error_set(error,
                             "%s: has a tensor %s, which torchvision's vgg16 lacks: these are another "
                             "network's weights",
                             safetensors_path(file), *name);
    }
    return TRUE;
}

static const SafetensorsTensor *find(const Safetensors *file, const char *name, int rank, const gsize *shape,
                                     GError **error)
{
    const char *const *names = safetensors_names(file);
    if (g_strv_contains(names, name))
        return safetensors_find(file, name, rank, shape, error);
    g_autofree char *found = weights_abbreviate(names, g_strv_length((char **)names));
    return error_null(error,
                      "%s: has no tensor %s; expected VGG16's weights with torchvision's names, found %s",
                      safetensors_path(file), name, found);
}

static gboolean read_finite(const Safetensors *file, const SafetensorsTensor *tensor, gsize first, gsize n,
                            float *out, GError **error)
{
    return safetensors_read(file, tensor, first, n, out, error) &&
           weights_check_finite(safetensors_path(file), tensor->name, out, n, error);
}

/* The kernel in pieces: that of fc1 has 411 MB, which are not to be taken twice. */
static gboolean read_layer(const Safetensors *file, int index, Weights *weights, GError **error)
{
    const Vgg16Layer *layer = &vgg16_layers[index];
    const Layer *to = weights_layer(weights, index);
    gboolean dense = vgg16_is_dense(index);
    const char *group = dense ? "classifier" : "features";
    g_autofree char *kernel_name = g_strdup_printf("%s.%d.weight", group, layer->torch);
    g_autofree char *bias_name = g_strdup_printf("%s.%d.bias", group, layer->torch);
    const gsize shape[] = {(gsize)layer->outputs, (gsize)layer->inputs, 3, 3};
    int places = !dense ? 9 : index == VGG16_LAYERS ? 49 : 1;
    gsize row = to->kernel_count / shape[0], piece = LINE * row;
    const SafetensorsTensor *kernel = find(file, kernel_name, dense ? 2 : 4, shape, error),
                            *bias = kernel ? find(file, bias_name, 1, shape, error) : NULL;
    g_autofree float *read = g_new(float, piece);
    for (gsize k = 0; bias && k < shape[0]; k += LINE) {
        if (!read_finite(file, kernel, k * row, piece, read, error))
            return FALSE;
        outputs_last(read, places, (int)row / places, layer->outputs, to->kernel + k);
    }
    return bias && read_finite(file, bias, 0, shape[0], to->bias, error);
}

gboolean weights_read_torchvision(const char *path, Weights *weights, GError **error)
{
    g_autoptr(Safetensors) file = safetensors_open(path, error);
    if (!file || !check_family(file, error))
        return FALSE;
    for (int i = 0; i <= weights->last; i++)
        if (vgg16_layers[i].conv >= 0 && !read_layer(file, i, weights, error))
            return FALSE;
    weights->normalization = NORMALIZE_TORCH;
    return TRUE;
}
