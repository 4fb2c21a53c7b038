/* npy: matrices in NumPy's format (numpy/lib/format.py), read row by row.
 *
 * "\x93NUMPY", version 1.0, 2.0 or 3.0, the header's length (u16; u32 from 2.0 on), a Python dict of descr,
 * fortran_order and shape, then the data. Data must be little-endian, in C order and as long as the header says;
 * otherwise the error names the NumPy call that converts them. */
#pragma once
#include <glib.h>
#include <stdio.h>

typedef struct {
    gsize rows, columns; /* columns: 1 if there is one dimension */
    int shape[3];        /* of a row: H, W, C; 1, 1, D */
    /* The rest is private. */
    char *path;
    FILE *stream;
    char kind;       /* 'f', 'i' or 'u' */
    gsize item, row; /* bytes an element; the row that is read next */
    void *buffer;    /* (columns) elements */
} Npy;

/* kinds: those of "f2 f4 i1 i2 i4 i8 u1 u2 u4 u8" to accept; dimensions: 1, or 4 for (N, H, W, C), in whose
 * place there may be (N, D). */
Npy *npy_open(const char *path, const char *kinds, guint dimensions, GError **error);
void npy_close(Npy *npy);

/* The next row: values (columns), all finite, from f2 or f4. */
gboolean npy_read_floats(Npy *npy, float *values, GError **error);

/* The next element, of an integer type. */
gboolean npy_read_integer(Npy *npy, gint64 *value, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Npy, npy_close)
