/* layers: see layers.h. */
#include "train/model/layers.h"

#include "common/cli/choice.h"
#include "common/model/scaling.h"
#include "common/vgg16/vgg16.h"

/* ---- The study's CNN: 10,588,458 parameters for ten classes ---- */

/* Two convolutions, the first one padded, pooling and dropout. */
typedef struct {
    int filters, size;   /* of both convolutions */
    gboolean activation; /* activation of the second one as a separate layer */
    int pooling;
} Block;

static const Block blocks[] = {
    {32, 3, FALSE, 2},
    {64, 3, FALSE, 2},
    {128, 3, TRUE, 2},
    {512, 5, FALSE, 4},
};

enum { HIDDEN_UNITS = 1024 };

static gboolean append_block(Network *network, const Block *block, float dropout, GError **error)
{
    Activation second = block->activation ? ACTIVATION_LINEAR : ACTIVATION_RELU;
    return network_conv2d(network, NULL, block->filters, block->size, TRUE, ACTIVATION_RELU, error) &&
           network_conv2d(network, NULL, block->filters, block->size, FALSE, second, error) &&
           (!block->activation || network_activation(network, NULL, ACTIVATION_RELU, error)) &&
           network_max_pooling2d(network, NULL, block->pooling, error) &&
           network_dropout(network, NULL, dropout, error);
}

gboolean scratch_layers(Network *network, float dropout, int classes, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(blocks); i++)
        if (!append_block(network, &blocks[i], dropout, error))
            return FALSE;
    return network_flatten(network, NULL, error) &&
           network_dense(network, NULL, HIDDEN_UNITS, ACTIVATION_RELU, error) &&
           network_dropout(network, NULL, dropout, error) &&
           network_dense(network, NULL, classes, ACTIVATION_SOFTMAX, error);
}

/* ---- Each approach ---- */

GArray *layers_hidden(const char *text)
{
    g_autoptr(GArray) units = g_array_new(FALSE, FALSE, sizeof(int));
    g_auto(GStrv) numbers = g_strsplit(g_str_equal(text, "none") ? "" : text, ",", -1);
    if (!*text)
        return NULL;
    for (char **number = numbers; *number; number++) {
        guint64 value;
        if (!g_ascii_string_to_unsigned(*number, 10, 1, HIDDEN_UNITS_MOST, &value, NULL))
            return NULL;
        int unit = (int)value;
        g_array_append_val(units, unit);
    }
    return g_steal_pointer(&units);
}

static gboolean append_head(Network *network, const NetworkChoice *choice, int classes, GError **error)
{
    const Layer unit = {.kind = LAYER_UNIT_NORMALIZATION, .root = choice->scale == SCALE_SQRT};
    g_autoptr(GArray) hidden = layers_hidden(choice->hidden);
    if (!network_flatten(network, NULL, error))
        return FALSE;
    if (approach_traits[choice->approach].base_learns && choice->scale != SCALE_NONE)
        network_append(network, &unit, NULL);
    for (guint i = 0; i < hidden->len; i++)
        if (!network_dense(network, NULL, g_array_index(hidden, int, i), ACTIVATION_RELU, error))
            return FALSE;
    if (hidden->len && choice->dropout > 0 && !network_dropout(network, NULL, (float)choice->dropout, error))
        return FALSE;
    return network_dense(network, NULL, classes,
                         choice->head == HEAD_LINEAR ? ACTIVATION_LINEAR : ACTIVATION_SOFTMAX, error) != NULL;
}

static gboolean append_layers(Network *network, const FeatureSpec *spec, const NetworkChoice *choice,
                              int classes, GError **error)
{
    if (choice->approach == APPROACH_SCRATCH)
        return scratch_layers(network, (float)choice->dropout, classes, error);
    return (!approach_traits[choice->approach].base_learns ||
            (vgg16_append(network, vgg16_find(spec->layer) + 1, VGG16_LAYERS - 1, error) &&
             vgg16_append_pool(network, choice->pool, error))) &&
           append_head(network, choice, classes, error);
}

Network *layers_network(const TrainingData *data, const NetworkChoice *choice, GError **error)
{
    const int *shape = data->spec->shape;
    g_autoptr(Network) network = network_new(shape[0], shape[1], shape[2]);
    return append_layers(network, data->spec, choice, (int)data->classes->len, error)
               ? g_steal_pointer(&network)
               : NULL;
}

Model *layers_model(TrainingData *data, const NetworkChoice *choice, GError **error)
{
    g_autoptr(Model) model = g_new0(Model, 1);
    model->approach = g_strdup(choice_name(APPROACH_CHOICES, (int)choice->approach));
    model->head = g_strdup(choice_name(HEAD_CHOICES, (int)choice->head));
    model->classes = g_ptr_array_ref(data->classes);
    model->spec = feature_spec_copy(data->spec);
    model->scaling = scaling_new(SCALE_NONE, feature_spec_features(data->spec));
    model->training = json_object();
    model->trained_on = g_steal_pointer(&data->trained_on);
    model->network = layers_network(data, choice, error);
    return model->network && network_allocate(model->network, error) ? g_steal_pointer(&model) : NULL;
}
