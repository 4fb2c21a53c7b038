/* summary: the table that Keras 2's Model.summary() prints (keras/utils/summary_utils.py), without blank lines. */
#include "common/network/network.h"

#include <string.h>

enum { WIDTH = 65, SHAPE_COLUMN = 29, PARAMETERS_COLUMN = 55 };

static void add_rule(GString *text, char mark)
{
    for (int i = 0; i < WIDTH; i++)
        g_string_append_c(text, mark);
    g_string_append_c(text, '\n');
}

/* Keras truncates text that would run into the next column, keeping one space before it. */
static void add_row(GString *text, const char *layer, const char *shape, const char *parameters)
{
    g_string_append_printf(text, "%-*.*s %-*.*s %-*s\n", SHAPE_COLUMN - 1, SHAPE_COLUMN - 1, layer,
                           PARAMETERS_COLUMN - SHAPE_COLUMN - 1, PARAMETERS_COLUMN - SHAPE_COLUMN - 1, shape,
                           WIDTH - PARAMETERS_COLUMN, parameters);
}

static void add_layer(GString *text, const char *name, const int shape[3], gboolean flat, gsize parameters)
{
    g_autofree char *sides = flat ? g_strdup_printf("(None, %d)", shape[2])
                                  : g_strdup_printf("(None, %d, %d, %d)", shape[0], shape[1], shape[2]);
    g_autofree char *count = g_strdup_printf("%" G_GSIZE_FORMAT, parameters);
    add_row(text, name, sides, count);
}

static void add_total(GString *text, const char *title, gsize count)
{
    g_autofree char *digits = g_strdup_printf("%" G_GSIZE_FORMAT, count);
    g_string_append_printf(text, "%s: ", title);
    for (gsize i = 0, n = strlen(digits); i < n; i++)
        g_string_append_printf(text, "%s%c", i && (n - i) % 3 == 0 ? "," : "", digits[i]);
    g_string_append_c(text, '\n');
}

char *network_summary(const Network *network, const char *title, const Network *base)
{
    GString *text = g_string_new(NULL);
    gsize learning = network_parameters(network), fixed = base ? network_parameters(base) : 0;
    gboolean flat = network->input[0] == 1 && network->input[1] == 1;
    g_string_append_printf(text, "Model: \"%s\"\n", title);
    add_rule(text, '_');
    add_row(text, "Layer (type)", "Output Shape", "Param #");
    add_rule(text, '=');
    if (base)
        add_layer(text, "vgg16 (Functional)", network->input, flat, fixed);
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        flat = flat || layer->kind == LAYER_FLATTEN || layer->kind == LAYER_GLOBAL_AVERAGE_POOLING2D;
        g_autofree char *name = g_strdup_printf("%s (%s)", layer->name, layer_kinds[layer->kind].keras);
        add_layer(text, name, layer->out, flat, layer->kernel_count + layer->bias_count);
    }
    add_rule(text, '=');
    add_total(text, "Total params", learning + fixed);
    add_total(text, "Trainable params", learning);
    add_total(text, "Non-trainable params", fixed);
    add_rule(text, '_');
    return g_string_free(text, FALSE);
}
