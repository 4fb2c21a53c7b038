/* weights_keras: VGG16's weights out of Keras's HDF5 files, which come in two layouts.
 *
 * By name (save_weights of Keras 1 and 2, the published files; below /model_weights what model.save leaves):
 * an attribute layer_names lists the layers, each a group, whose attribute weight_names lists its datasets,
 * kernel before bias (keras/src/legacy/saving/legacy_h5_format.py). Datasets are called block1_conv1_W_1:0,
 * or block1_conv1/kernel:0 one group deeper, or otherwise: the lists decide. The full file's dense layers are
 * read if features of them are asked for.
 *
 * By number (save_weights of Keras 3, .weights.h5, also within .keras): /layers/conv2d_7/vars/0 and 1 are kernel and bias
 * of the eighth convolution, /layers/dense and dense_1 fc1 and fc2 (keras/src/saving/saving_lib.py; Keras 2.13 has
 * _layer_checkpoint_dependencies for layers).
 *
 * Where VGG16 is a layer of another model, by name: that layer's group lists all weights of VGG16, such as
 * block1_conv1/kernel:0; by number: /layers/functional has its layers below it. */
#include "common/core/error.h"
#include "common/hdf5/hdf5_file.h"
#include "common/vgg16/weights_formats.h"

#include <string.h>

/* A convolution of the table, or a layer that has nothing to do with the base; but not a further convolution
 * of a network of the same family, such as VGG19, which holds all of VGG16's names and shapes. */
static gboolean check_family(const char *path, char **layers, GError **error)
{
    for (char **layer = layers; *layer; layer++)
        if (g_regex_match_simple("^block[0-9]+_conv[0-9]+$", *layer, 0, 0) && vgg16_find(*layer) < 0)
            return error_set(error,
                             "%s: has a layer %s, which VGG16 lacks: these are another network's weights",
                             path, *layer);
    return TRUE;
}

static gboolean refuse_missing(const char *path, const char *layer, char **layers, GError **error)
{
    g_autofree char *found = weights_abbreviate((const char *const *)layers, g_strv_length(layers));
    return error_set(
        error, "%s: has no layer %s; expected VGG16's weights with Keras's names%s, found the layers %s",
        path, layer, vgg16_is_dense(vgg16_find(layer)) ? " and with its top, such as " WEIGHTS_FULL : "",
        found);
}

static gboolean read_tensors(Hdf5File *file, int index, const char *kernel, const char *bias,
                             Weights *weights, GError **error)
{
    const Layer *layer = weights_layer(weights, index);
    gsize shape[4];
    int rank = layer_kernel_shape(layer, shape);
    return hdf5_read_floats(file, kernel, rank, shape, layer->kernel, error) &&
           hdf5_read_floats(file, bias, 1, &layer->bias_count, layer->bias, error) &&
           weights_check_finite(hdf5_path(file), kernel, layer->kernel, layer->kernel_count, error) &&
           weights_check_finite(hdf5_path(file), bias, layer->bias, layer->bias_count, error);
}

/* Whether a weight's name is that of a layer's weight, such as vgg16/block1_conv1/kernel:0. */
static gboolean belongs_to(const char *weight, const char *layer)
{
    g_auto(GStrv) parts = g_strsplit(weight, "/", -1);
    return g_strv_contains((const char *const *)parts, layer);
}

/* The weights of the layer of this model that VGG16 is, and its group; NULL where there is none. */
static char **nested_weights(Hdf5File *file, const char *root, char **layers, char **group)
{
    for (char **layer = layers; *layer; layer++) {
        g_autofree char *its = g_strdup_printf("%s/%s", root, *layer);
        g_auto(GStrv) names = hdf5_read_names(file, its, "weight_names", NULL);
        for (char **name = names; name && *name; name++)
            if (belongs_to(*name, vgg16_layers[0].name)) {
                *group = g_steal_pointer(&its);
                return g_steal_pointer(&names);
            }
    }
    return NULL;
}

/* The kernel and bias among the names of a group's weights, which are all this layer's, or nested: of all layers. */
static gboolean read_listed(Hdf5File *file, const char *group, char **names, int index, gboolean nested,
                            Weights *weights, GError **error)
{
    const char *layer = vgg16_layers[index].name, *own[2] = {NULL, NULL};
    guint found = 0;
    for (char **name = names; *name; name++)
        if ((!nested || belongs_to(*name, layer)) && found++ < 2)
            own[found - 1] = *name;
    if (found != 2)
        return error_set(error, "%s: its layer %s%s%s has %u weights; expected kernel and bias",
                         hdf5_path(file), layer, nested ? " of " : "", nested ? group : "", found);
    g_autofree char *kernel = g_strdup_printf("%s/%s", group, own[0]);
    g_autofree char *bias = g_strdup_printf("%s/%s", group, own[1]);
    return read_tensors(file, index, kernel, bias, weights, error);
}

/* root: "" or a group with a slash before it. */
static gboolean read_named(Hdf5File *file, const char *root, Weights *weights, GError **error)
{
    const char *path = hdf5_path(file);
    g_autoptr(GError) wrong = NULL;
    g_autofree char *group = NULL;
    g_auto(GStrv) layers = hdf5_read_names(file, *root ? root : "/", "layer_names", &wrong);
    if (!layers)
        return error_set(error, "%s; expected VGG16's weights as Keras saves them", wrong->message);
    if (!check_family(path, layers, error))
        return FALSE;
    g_auto(GStrv) nested = g_strv_contains((const char *const *)layers, vgg16_layers[0].name)
                               ? NULL
                               : nested_weights(file, root, layers, &group);
    for (char **name = nested; name && *name; name++) {
        g_auto(GStrv) parts = g_strsplit(*name, "/", -1);
        if (!check_family(path, parts, error))
            return FALSE;
    }
    for (int i = 0; i <= weights->last; i++) {
        const Vgg16Layer *layer = &vgg16_layers[i];
        if (layer->conv < 0)
            continue;
        if (!nested && !g_strv_contains((const char *const *)layers, layer->name))
            return refuse_missing(path, layer->name, layers, error);
        g_autofree char *own = nested ? g_strdup(group) : g_strdup_printf("%s/%s", root, layer->name);
        g_auto(GStrv) names = nested ? g_strdupv(nested) : hdf5_read_names(file, own, "weight_names", error);
        if (!names || !read_listed(file, own, names, i, nested != NULL, weights, error))
            return FALSE;
    }
    return TRUE;
}

static char *numbered_group(const char *root, gboolean dense, int number)
{
    const char *kind = dense ? "dense" : "conv2d";
    return number ? g_strdup_printf("%s/%s_%d/vars", root, kind, number)
                  : g_strdup_printf("%s/%s/vars", root, kind);
}

/* The group of a model's layers that has all of VGG16's convolutions: root, or that of a layer that is a model itself. NULL
 * where there is none, also where that cannot be read. */
static char *find_numbered(Hdf5File *file, const char *root, int depth)
{
    enum { DEEPEST = 3 };
    g_autofree char *last = numbered_group(root, FALSE, VGG16_CONVS - 1);
    if (hdf5_has_group(file, last, NULL) > 0)
        return g_strdup(root);
    g_auto(GStrv) layers = depth < DEEPEST ? hdf5_read_groups(file, root, NULL) : NULL;
    char *found = NULL;
    for (char **layer = layers; layer && *layer && !found; layer++) {
        g_autofree char *inner = g_strdup_printf("%s/%s/layers", root, *layer);
        if (hdf5_has_group(file, inner, NULL) > 0)
            found = find_numbered(file, inner, depth + 1);
    }
    return found;
}

static gboolean read_numbered(Hdf5File *file, const char *outer, Weights *weights, GError **error)
{
    g_autofree char *nested = find_numbered(file, outer, 0);
    const char *root = nested ? nested : outer;
    g_autofree char *further = numbered_group(root, FALSE, VGG16_CONVS);
    int more = hdf5_has_group(file, further, error);
    if (more < 0)
        return FALSE;
    if (more)
        return error_set(error,
                         "%s: has more than VGG16's %d convolutions: these are another network's weights",
                         hdf5_path(file), VGG16_CONVS);
    for (int i = 0; i <= weights->last; i++) {
        const Vgg16Layer *layer = &vgg16_layers[i];
        if (layer->conv < 0)
            continue;
        g_autofree char *group =
            numbered_group(root, vgg16_is_dense(i), vgg16_is_dense(i) ? i - VGG16_LAYERS : layer->conv);
        g_autofree char *kernel = g_strconcat(group, "/0", NULL), *bias = g_strconcat(group, "/1", NULL);
        if (!read_tensors(file, i, kernel, bias, weights, error))
            return FALSE;
    }
    return TRUE;
}

gboolean weights_read_keras(const char *path, Weights *weights, GError **error)
{
    static const struct {
        const char *root; /* the group that its layers are in */
        gboolean (*read)(Hdf5File *file, const char *root, Weights *weights, GError **error);
    } layouts[] = {
        {"/model_weights", read_named},
        {"/layers", read_numbered},
        {"/_layer_checkpoint_dependencies", read_numbered},
        {"", read_named},
    };
    g_autoptr(Hdf5File) file = hdf5_open(path, error);
    if (!file)
        return FALSE;
    guint i = 0;
    int found = 0;
    while (i + 1 < G_N_ELEMENTS(layouts) && !(found = hdf5_has_group(file, layouts[i].root, error)))
        i++;
    weights->normalization = NORMALIZE_CAFFE;
    return found >= 0 && layouts[i].read(file, layouts[i].root, weights, error);
}
