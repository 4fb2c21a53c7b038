/* hdf5_reader: reads an HDF5 file in a sandbox (sandbox.h), as libhdf5 is not made for hostile input; private to
 * hdf5_file. */
#pragma once
#include "common/core/sandbox.h"
#include "common/hdf5/hdf5_library.h"

enum {
    HDF5_MAX_TEXT = 1 << 26, /* bytes of all strings of an attribute */
    HDF5_PIECE = 1 << 20, /* bytes of values to answer at once, if a row, or a chunk's rows, are not larger */
};

/* What is answered, if there is no error: */
typedef enum {
    HDF5_OPEN,        /* nothing; the first request */
    HDF5_HAS_GROUP,   /* a byte if it is there, else nothing */
    HDF5_HAS_DATASET, /* the same */
    HDF5_GROUPS,      /* the names of a group's groups, each with its NUL */
    HDF5_NAMES,       /* strings, each with its NUL */
    HDF5_FLOATS,      /* rows of a dataset of floats of this shape from `first` on, at least one */
    HDF5_NUMBERS,     /* the same of a uint64 dataset of rank 1 and of at most shape[0]; at its end nothing */
} Hdf5Order;

/* Followed by two strings, each with its NUL: object and attribute. */
typedef struct {
    Hdf5Order order;
    int rank;
    hsize_t shape[HDF5_MAX_RANK];
    gsize first; /* row */
} Hdf5Request;

typedef struct {
    const char *path; /* for messages */
    gsize size;       /* of the sandbox's open file */
    hid_t id;         /* set by HDF5_OPEN */
} Hdf5Reader;

/* SandboxServe, with an Hdf5Reader. */
gboolean hdf5_reader_serve(gpointer reader, const guint8 *request, gsize size, SandboxBytes *answer,
                           GError **error);
