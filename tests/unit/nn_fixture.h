/* nn_fixture: the inputs of tests/golden/make_nn.py, its golden file, and how tests compare with it. */
#pragma once
#include "common/arithmetic/isa.h"
#include "common/core/floats.h"
#include "common/network/network.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

/* make_nn.py's values(): the same floats, in [-1, 1). */
static inline void fill(float *out, gsize count, guint salt, float scale)
{
    for (gsize i = 0; i < count; i++) {
        guint32 hash = (guint32)i * 2654435761u + salt * 40503u;
        out[i] = scale * ((float)(hash >> 22) / 512.0f - 1.0f);
    }
}

static inline float *filled(gsize count, guint salt, float scale)
{
    float *out = g_new(float, count + 1);
    fill(out, count, salt, scale);
    return out;
}

static inline json_t *load_golden(void)
{
    json_error_t error;
    json_t *golden = json_load_file("tests/golden/nn.json", JSON_REJECT_DUPLICATES, &error);
    if (!golden)
        g_error("tests/golden/nn.json: %s", error.text);
    return golden;
}

static inline double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static inline int integer(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

/* Relative to the largest of the expected values: what sums of floats can keep. */
static inline void assert_close(const float *found, const json_t *expected, double tolerance)
{
    gsize n = json_array_size(expected);
    double largest = 1e-3;
    for (gsize i = 0; i < n; i++)
        largest = MAX(largest, fabs(json_number_value(json_array_get(expected, i))));
    g_assert_cmpuint(n, >, 0);
    for (gsize i = 0; i < n; i++)
        g_assert_cmpfloat_with_epsilon(found[i], json_number_value(json_array_get(expected, i)),
                                       tolerance * largest);
}

/* Runs a check with every instruction set this machine has. */
static inline void with_every_isa(void (*check)(void))
{
    IsaSet best = isa_current();
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (isa_available((IsaSet)isa)) {
            isa_force((IsaSet)isa);
            check();
        }
    isa_force(best);
}

/* Parameters too. */
static inline Network *network_copy(const Network *network)
{
    Network *copy = network_new(network->input[0], network->input[1], network->input[2]);
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *from = network->layers->pdata[i];
        Layer *layer = g_memdup2(from, sizeof *from);
        layer->name = g_strdup(from->name);
        if (from->kernel) {
            layer->kernel = floats_new(from->kernel_count);
            memcpy(layer->kernel, from->kernel, from->kernel_count * sizeof(float));
            layer->bias = floats_new(from->bias_count);
            memcpy(layer->bias, from->bias, from->bias_count * sizeof(float));
        }
        g_ptr_array_add(copy->layers, layer);
    }
    return copy;
}
