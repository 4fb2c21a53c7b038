/* safetensors: named tensors in a file, as Hugging Face's format has them
 * (github.com/huggingface/safetensors).
 *
 *     ┌────────────────┬─────────────────────────────┬──────────────────────────────────┐
 *     │ n, u64 little- │ n bytes of JSON: {"NAME":   │ the tensors' bytes, row by row,  │
 *     │ endian         │ {"dtype", "shape", "data_   │ one behind the other with no gap │
 *     │                │ offsets": [begin, end]}, …} │ in the order of their offsets    │
 *     └────────────────┴─────────────────────────────┴──────────────────────────────────┘
 *
 * The whole header is checked when a file is opened: n at most 100,000,000, no duplicate keys, known types,
 * shape times type equal to the span, no gaps, no overlaps, and the last byte of the last tensor the last of
 * the file. */
#pragma once
#include <glib.h>

typedef struct Safetensors Safetensors;

/* NULL and error if the file is invalid. Tensors are read only on request. */
Safetensors *safetensors_open(const char *path, GError **error);
void safetensors_close(Safetensors *file);

/* Of its tensors, in the order of their bytes; NULL at the end. The file's own. */
const char *const *safetensors_names(const Safetensors *file);

/* A tensor of exactly this shape and type F32, F16, BF16 or F64 into out, F64 rounded to the nearest; error names what
 * was expected and what was found. */
gboolean safetensors_read_floats(const Safetensors *file, const char *name, int rank, const gsize *shape,
                                 float *out, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Safetensors, safetensors_close)
