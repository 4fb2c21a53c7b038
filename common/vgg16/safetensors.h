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

enum { SAFETENSORS_MAX_RANK = 16 };

typedef struct Safetensors Safetensors;
typedef struct {
    char *name;
    const char *dtype; /* "F32" */
    int rank;
    guint64 shape[SAFETENSORS_MAX_RANK];
    guint64 begin, end; /* within the tensors' bytes */
} SafetensorsTensor;

/* NULL and error if the file is invalid. Tensors are read only on request. */
Safetensors *safetensors_open(const char *path, GError **error);
void safetensors_close(Safetensors *file);

const char *safetensors_path(const Safetensors *file); /* as given to open; the file's own, as is all below */

/* Of its tensors, in the order of their bytes; NULL at the end. */
const char *const *safetensors_names(const Safetensors *file);

/* The tensor of this name, if it has exactly this shape and type F32, F16, BF16 or F64; else NULL, and error names what was
 * expected and what was found. */
const SafetensorsTensor *safetensors_find(const Safetensors *file, const char *name, int rank,
                                          const gsize *shape, GError **error);

/* n of the numbers of one that was found, from `first` on, into out (n), F64 rounded to the nearest. */
gboolean safetensors_read(const Safetensors *file, const SafetensorsTensor *tensor, gsize first, gsize n,
                          float *out, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Safetensors, safetensors_close)
