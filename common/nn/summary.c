/* summary: the table Keras's Model.summary() prints (keras/utils/summary_utils.py of Keras 2), without blank
 * lines. */
#include "common/nn/network.h"

#include <string.h>

enum { WIDTH = 65, SHAPE_COLUMN = 29, PARAMETERS_COLUMN = 55 };

static const char *const class_names[] = {
    [LAYER_CONV2D] = "Conv2D",         [LAYER_MAX_POOLING2D] = "MaxPooling2D",
    [LAYER_ACTIVATION] = "Activation", [LAYER_DROPOUT] = "Dropout",
    [LAYER_FLATTEN] = "Flatten",       [LAYER_DENSE] = "Dense",
};

static void add_rule(GString *text, char mark)
{
    for (int i = 0; i < WIDTH; i++)
        g_string_append_c(text, mark);
    g_string_append_c(text, '\n');
}

/* Keras cuts what runs over into the next column, and keeps one blank before it. */
static void add_row(GString *text, const char *layer, const char *shape, const char *parameters)
{
    g_string_append_printf(text, "%-*.*s %-*.*s %-*s\n", SHAPE_COLUMN - 1, SHAPE_COLUMN - 1, layer,
                           PARAMETERS_COLUMN - SHAPE_COLUMN - 1, PARAMETERS_COLUMN - SHAPE_COLUMN - 1, shape,
                           WIDTH - PARAMETERS_COLUMN, parameters);
}

static void add_total(GString *text, const char *title, gsize count)
{
    g_autofree char *digits = g_strdup_printf("%" G_GSIZE_FORMAT, count);
    g_string_append_printf(text, "%s: ", title);
    for (gsize i = 0, n = strlen(digits); i < n; i++)
        g_string_append_printf(text, "%s%c", i && (n - i) % 3 == 0 ? "," : "", digits[i]);
    g_string_append_c(text, '\n');
}

char *network_summary(const Network *network, const char *title, const gboolean *trainable)
{
    GString *text = g_string_new(NULL);
    gsize learning = 0, total = network_parameters(network);
    gboolean flat = network->input[0] == 1 && network->input[1] == 1;
    g_string_append_printf(text, "Model: \"%s\"\n", title);
    add_rule(text, '_');
    add_row(text, "Layer (type)", "Output Shape", "Param #");
    add_rule(text, '=');
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        gsize parameters = layer->kernel_count + layer->bias_count;
        flat = flat || layer->kind == LAYER_FLATTEN;
        g_autofree char *name = g_strdup_printf("%s (%s)", layer->name, class_names[layer->kind]);
        g_autofree char *shape =
            flat ? g_strdup_printf("(None, %d)", layer->out[2])
                 : g_strdup_printf("(None, %d, %d, %d)", layer->out[0], layer->out[1], layer->out[2]);
        g_autofree char *count = g_strdup_printf("%" G_GSIZE_FORMAT, parameters);
        add_row(text, name, shape, count);
        learning += !trainable || trainable[i] ? parameters : 0;
    }
    add_rule(text, '=');
    add_total(text, "Total params", total);
    add_total(text, "Trainable params", learning);
    add_total(text, "Non-trainable params", total - learning);
    add_rule(text, '_');
    return g_string_free(text, FALSE);
}
