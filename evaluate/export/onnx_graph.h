/* onnx_graph: an ONNX model, put together node by node and written to a file. Encoded by protobuf-c from onnx.proto, which
 * only onnx_graph.c knows.
 *
 * Values are called by the names that the functions return, which live as long as the graph. Operators are those of
 * operator set 17. */
#pragma once
#include <glib.h>

typedef struct OnnxGraph OnnxGraph;
OnnxGraph *onnx_graph_new(const char *name);
void onnx_graph_free(OnnxGraph *graph);

/* An input, or output: a tensor of float32 with N as its first dimension; dims (rank): the others. */
void onnx_graph_value(OnnxGraph *graph, gboolean output, const char *name, guint rank, const gint64 *dims);

/* Constants of shape dims (rank). values: borrowed until the graph is written, or given to it by onnx_graph_own. */
const char *onnx_graph_floats(OnnxGraph *graph, const float *values, guint rank, const gint64 *dims);
const char *onnx_graph_integers(OnnxGraph *graph, const gint64 *values, gint64 n);
const char *onnx_graph_number(OnnxGraph *graph, float value); /* of rank 0 */
gpointer onnx_graph_own(OnnxGraph *graph, gpointer memory);   /* freed by g_free with the graph */

typedef struct {
    const char *name;
    guint n; /* values; 0: not a list but the one value */
    gint64 values[4];
} OnnxAttribute;

/* A node of operator `op`. attributes: ended by one without a name; NULL for none. inputs: ended by NULL. output: its name;
 * NULL: one of its own. Returns the output. */
const char *onnx_graph_node(OnnxGraph *graph, const char *op, const OnnxAttribute *attributes,
                            const char *output, const char *input, ...) G_GNUC_NULL_TERMINATED;

void onnx_graph_metadata(OnnxGraph *graph, const char *key, const char *value);

/* Written under a temporary name and renamed. FALSE and error on failure, also if the model is over protobuf's limit of
 * 2 GiB. */
gboolean onnx_graph_write(const OnnxGraph *graph, const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(OnnxGraph, onnx_graph_free)
