/* hdf5_layout: lets libhdf5 lay out a file in memory.
 *
 * A driver for libhdf5's "virtual file layer" that keeps written pages in memory and uses none for the rest: arrays are
 * reserved in the file, but not written through libhdf5. So no libhdf5 call can fail for lack of disk space, from which
 * libhdf5 could not recover. */
#pragma once
#include <glib.h>
#include <hdf5.h>

typedef struct Hdf5Layout Hdf5Layout;

Hdf5Layout *hdf5_layout_new(void);
void hdf5_layout_free(Hdf5Layout *layout); /* after H5Fclose */

/* A file access property list for H5Fcreate, which then writes to layout. < 0 on failure; closed by the caller. */
hid_t hdf5_layout_access(Hdf5Layout *layout);

/* Size of the closed file. */
gint64 hdf5_layout_size(const Hdf5Layout *layout);

/* The bytes from begin on, at least one and at most max, as far as they are contiguous; zeros where nothing was
 * written. Borrowed from layout. */
const guint8 *hdf5_layout_piece(const Hdf5Layout *layout, gint64 begin, gsize max, gsize *length);
