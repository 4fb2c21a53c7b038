/* onnx_graph: see onnx_graph.h. */
#include "evaluate/export/onnx_graph.h"

#include "common/core/error.h"
#include "common/core/output_file.h"
#include "evaluate/export/onnx.pb-c.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { IR_VERSION = 8, OPERATOR_SET = 17 };

/* OWNED: all memory of the messages that the others list. */
enum { NODES, CONSTANTS, INPUTS, OUTPUTS, METADATA, OWNED, LISTS };

struct OnnxGraph {
    GPtrArray *lists[LISTS];
    char *name;
};

gpointer onnx_graph_own(OnnxGraph *graph, gpointer memory)
{
    g_ptr_array_add(graph->lists[OWNED], memory);
    return memory;
}

/* A message of the graph's; init: its INIT value. */
#define MESSAGE(graph, Type, init)                                                                           \
    ((Type *)onnx_graph_own((graph), g_memdup2(&(const Type)init, sizeof(Type))))

static char *own_text(OnnxGraph *graph, const char *text)
{
    return onnx_graph_own(graph, g_strdup(text));
}

OnnxGraph *onnx_graph_new(const char *name)
{
    OnnxGraph *graph = g_new0(OnnxGraph, 1);
    for (guint i = 0; i < LISTS; i++)
        graph->lists[i] = g_ptr_array_new_with_free_func(i == OWNED ? g_free : NULL);
    graph->name = own_text(graph, name);
    return graph;
}

void onnx_graph_free(OnnxGraph *graph)
{
    if (!graph)
        return;
    for (guint i = 0; i < LISTS; i++)
        g_ptr_array_unref(graph->lists[i]);
    g_free(graph);
}

/* ---- Values ---- */

static Onnx__TensorShapeProto *shape_of(OnnxGraph *graph, guint rank, const gint64 *dims)
{
    Onnx__TensorShapeProto *shape = MESSAGE(graph, Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);
    shape->n_dim = rank + 1;
    shape->dim = onnx_graph_own(graph, g_new(Onnx__TensorShapeProto__Dimension *, rank + 1));
    for (guint i = 0; i <= rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim =
            MESSAGE(graph, Onnx__TensorShapeProto__Dimension, ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);
        dim->value_case = i ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                            : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        if (i)
            dim->dim_value = dims[i - 1];
        else
            dim->dim_param = own_text(graph, "N");
        shape->dim[i] = dim;
    }
    return shape;
}

void onnx_graph_value(OnnxGraph *graph, gboolean output, const char *name, guint rank, const gint64 *dims)
{
    Onnx__TypeProto__Tensor *tensor = MESSAGE(graph, Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
    Onnx__TypeProto *type = MESSAGE(graph, Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
    Onnx__ValueInfoProto *value = MESSAGE(graph, Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape_of(graph, rank, dims);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    value->name = own_text(graph, name);
    value->type = type;
    g_ptr_array_add(graph->lists[output ? OUTPUTS : INPUTS], value);
}

/* size: bytes of a value. */
static const char *add_constant(OnnxGraph *graph, int type, gsize size, gconstpointer values, guint rank,
                                const gint64 *dims)
{
    Onnx__TensorProto *tensor = MESSAGE(graph, Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
    for (guint i = 0; i < rank; i++)
        size *= (gsize)dims[i];
    tensor->name = onnx_graph_own(graph, g_strdup_printf("constant_%u", graph->lists[CONSTANTS]->len));
    tensor->data_type = type;
    tensor->n_dims = rank;
    tensor->dims = onnx_graph_own(graph, g_memdup2(dims, rank * sizeof *dims));
    tensor->raw_data = (ProtobufCBinaryData){size, (guint8 *)values};
    g_ptr_array_add(graph->lists[CONSTANTS], tensor);
    return tensor->name;
}

const char *onnx_graph_floats(OnnxGraph *graph, const float *values, guint rank, const gint64 *dims)
{
    return add_constant(graph, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, sizeof *values, values, rank, dims);
}

const char *onnx_graph_integers(OnnxGraph *graph, const gint64 *values, gint64 n)
{
    return add_constant(graph, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, sizeof *values, values, 1, &n);
}

const char *onnx_graph_number(OnnxGraph *graph, float value)
{
    return onnx_graph_floats(graph, onnx_graph_own(graph, g_memdup2(&value, sizeof value)), 0, NULL);
}

/* ---- Nodes ---- */

static void add_attributes(OnnxGraph *graph, Onnx__NodeProto *node, const OnnxAttribute *attributes)
{
    while (attributes && attributes[node->n_attribute].name)
        node->n_attribute++;
    node->attribute = onnx_graph_own(graph, g_new(Onnx__AttributeProto *, node->n_attribute + 1));
    for (gsize i = 0; i < node->n_attribute; i++) {
        const OnnxAttribute *from = attributes + i;
        Onnx__AttributeProto *attribute = MESSAGE(graph, Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);
        attribute->name = own_text(graph, from->name);
        attribute->type = from->n ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
                                  : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        attribute->i = from->n ? 0 : from->values[0];
        attribute->n_ints = from->n;
        attribute->ints = onnx_graph_own(graph, g_memdup2(from->values, sizeof from->values));
        node->attribute[i] = attribute;
    }
}

const char *onnx_graph_node(OnnxGraph *graph, const char *op, const OnnxAttribute *attributes,
                            const char *output, const char *input, ...)
{
    enum { MAX_INPUTS = 4 };
    Onnx__NodeProto *node = MESSAGE(graph, Onnx__NodeProto, ONNX__NODE_PROTO__INIT);
    va_list inputs;
    node->op_type = own_text(graph, op);
    node->name = onnx_graph_own(graph, g_strdup_printf("node_%u", graph->lists[NODES]->len));
    node->input = onnx_graph_own(graph, g_new(char *, MAX_INPUTS));
    node->output = onnx_graph_own(graph, g_new(char *, 1));
    va_start(inputs, input);
    for (const char *next = input; next; next = va_arg(inputs, const char *)) {
        g_assert(node->n_input < MAX_INPUTS);
        node->input[node->n_input++] = own_text(graph, next);
    }
    va_end(inputs);
    node->output[node->n_output++] =
        output ? own_text(graph, output)
               : onnx_graph_own(graph, g_strdup_printf("value_%u", graph->lists[NODES]->len));
    add_attributes(graph, node, attributes);
    g_ptr_array_add(graph->lists[NODES], node);
    return node->output[0];
}

void onnx_graph_metadata(OnnxGraph *graph, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *entry =
        MESSAGE(graph, Onnx__StringStringEntryProto, ONNX__STRING_STRING_ENTRY_PROTO__INIT);
    entry->key = own_text(graph, key);
    entry->value = own_text(graph, value);
    g_ptr_array_add(graph->lists[METADATA], entry);
}

/* ---- Writing ---- */

typedef struct {
    ProtobufCBuffer base;
    FILE *stream; /* keeps its errors */
} StreamBuffer;

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes)
{
    fwrite(bytes, 1, size, ((StreamBuffer *)buffer)->stream);
}

gboolean onnx_graph_write(const OnnxGraph *graph, const char *path, GError **error)
{
    Onnx__GraphProto whole = ONNX__GRAPH_PROTO__INIT;
    Onnx__OperatorSetIdProto operators = ONNX__OPERATOR_SET_ID_PROTO__INIT, *imported[] = {&operators};
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    operators.version = OPERATOR_SET;
    whole.name = graph->name;
    whole.n_node = graph->lists[NODES]->len, whole.node = (Onnx__NodeProto **)graph->lists[NODES]->pdata;
    whole.n_initializer = graph->lists[CONSTANTS]->len,
    whole.initializer = (Onnx__TensorProto **)graph->lists[CONSTANTS]->pdata;
    whole.n_input = graph->lists[INPUTS]->len,
    whole.input = (Onnx__ValueInfoProto **)graph->lists[INPUTS]->pdata;
    whole.n_output = graph->lists[OUTPUTS]->len,
    whole.output = (Onnx__ValueInfoProto **)graph->lists[OUTPUTS]->pdata;
    model.ir_version = IR_VERSION;
    model.producer_name = (char *)"vggcache";
    model.producer_version = (char *)VGGCACHE_VERSION;
    model.n_opset_import = G_N_ELEMENTS(imported), model.opset_import = imported;
    model.graph = &whole;
    model.n_metadata_props = graph->lists[METADATA]->len;
    model.metadata_props = (Onnx__StringStringEntryProto **)graph->lists[METADATA]->pdata;
    if (onnx__model_proto__get_packed_size(&model) > G_MAXINT32)
        return error_set(
            error, "%s: not written, as the model has more than 2 GiB, the most that ONNX's format holds",
            path);
    OutputFile *file = output_file_open(path, error);
    if (!file)
        return FALSE;
    StreamBuffer buffer = {{append}, output_file_stream(file)};
    onnx__model_proto__pack_to_buffer(&model, &buffer.base);
    return output_file_commit(file, error);
}
