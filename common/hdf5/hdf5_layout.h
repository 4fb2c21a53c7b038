/* hdf5_layout: lets libhdf5 write a file to a stream, and hear of no failure, from which it could not recover.
 *
 * A driver for libhdf5's "virtual file layer" that keeps the first failure for its caller instead. What is read back of
 * places that were not written is zeros. */
#pragma once
#include <glib.h>
#include <hdf5.h>
#include <stdio.h>

typedef struct {
    FILE *stream; /* borrowed; for reading, writing and seeking */
    haddr_t size; /* of the closed file: what lies beyond it in the stream is no part of it */
    int code;     /* errno of the first failure; 0: there was none */
} Hdf5Layout;

/* A file access property list for H5Fcreate; layout is then used until H5Fclose. < 0 on failure; closed by the caller. */
hid_t hdf5_layout_access(Hdf5Layout *layout);
