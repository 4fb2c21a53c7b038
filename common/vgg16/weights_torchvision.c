/* weights_torchvision: VGG16's weights out of safetensors files with torchvision's names, as torchvision's
 * own vgg16().features.state_dict() or timm's vgg16.tv_in1k give them; classifiers are read if features of them are asked for. */
#include "common/core/error.h"
#include "common/vgg16/safetensors.h"
#include "common/vgg16/weights_formats.h"

#include <stdio.h>

/* (K, C, places), as PyTorch has kernels of convolutions (3x3) and of the dense layer on the flattened maps (7x7, and 1 for
 * the next one), to (places, C, K), as Keras has them. */
static void outputs_last(const float *in, int places, int inputs, int outputs, float *out)
{
    enum {
        LINE = 16
    }; /* outputs written at once, as many as a line of cache has; a divisor of all layers' */
    for (int first = 0; first < outputs; first += LINE)
        for (int c = 0; c < inputs; c++)
            for (int p = 0; p < places; p++) {
                float *to = out + ((gsize)p * inputs + c) * outputs + first;
                for (int k = 0; k < LINE; k++)
                    to[k] = in[((gsize)(first + k) * inputs + c) * places + p];
            }
}

static gboolean is_vgg16_index(int index)
{
    for (int i = 0; i < VGG16_LAYERS; i++)
        if (vgg16_layers[i].torch == index)
            return TRUE;
    return FALSE;
}

/* VGG19's and the batch-normalised networks' files have tensors under features that VGG16 has not. */
static gboolean check_family(const Safetensors *file, const char *path, GError **error)
{
    for (const char *const *name = safetensors_names(file); *name; name++) {
        int index;
        if (sscanf(*name, "features.%d.", &index) == 1 && !is_vgg16_index(index))
            return error_set(error,
                             "%s: has a tensor %s, which torchvision's vgg16 lacks: these are another "
                             "network's weights",
                             path, *name);
    }
    return TRUE;
}

static gboolean refuse_missing(const Safetensors *file, const char *path, const char *name, GError **error)
{
    const char *const *names = safetensors_names(file);
    g_autofree char *found = weights_abbreviate(names, g_strv_length((char **)names));
    return error_set(error,
                     "%s: has no tensor %s; expected VGG16's weights with torchvision's names, found %s",
                     path, name, found);
}

static gboolean read_tensor(const Safetensors *file, const char *path, const char *name, int rank,
                            const gsize *shape, float *out, GError **error)
{
    gsize n = 1;
    for (int i = 0; i < rank; i++)
        n *= shape[i];
    if (!g_strv_contains(safetensors_names(file), name))
        return refuse_missing(file, path, name, error);
    return safetensors_read_floats(file, name, rank, shape, out, error) &&
           weights_check_finite(path, name, out, n, error);
}

static gboolean read_layer(const Safetensors *file, const char *path, int index, Weights *weights,
                           GError **error)
{
    const Vgg16Layer *layer = &vgg16_layers[index];
    const Layer *to = weights_layer(weights, index);
    gboolean dense = vgg16_is_dense(index);
    const char *group = dense ? "classifier" : "features";
    g_autofree char *kernel = g_strdup_printf("%s.%d.weight", group, layer->torch);
    g_autofree char *bias = g_strdup_printf("%s.%d.bias", group, layer->torch);
    gsize shape[] = {(gsize)layer->outputs, (gsize)layer->inputs, 3, 3};
    int places = !dense ? 9 : index == VGG16_LAYERS ? 49 : 1;
    g_autofree float *read = g_new(float, (dense ? 1 : 9) * shape[0] * shape[1]);
    if (!read_tensor(file, path, kernel, dense ? 2 : 4, shape, read, error) ||
        !read_tensor(file, path, bias, 1, shape, to->bias, error))
        return FALSE;
    outputs_last(read, places, dense ? layer->inputs / places : layer->inputs, layer->outputs, to->kernel);
    return TRUE;
}

gboolean weights_read_torchvision(const char *path, Weights *weights, GError **error)
{
    g_autoptr(Safetensors) file = safetensors_open(path, error);
    if (!file || !check_family(file, path, error))
        return FALSE;
    for (int i = 0; i <= weights->last; i++)
        if (vgg16_layers[i].conv >= 0 && !read_layer(file, path, i, weights, error))
            return FALSE;
    weights->normalization = NORMALIZE_TORCH;
    return TRUE;
}
