/* hdf5_layout: where libhdf5 puts things in a file that it believes it is writing.
 *
 * A driver of libhdf5 (its "virtual file layer") that keeps what is written in pages of memory and takes no room for
 * what is not: arrays are reserved in the file, but never pass through libhdf5. So no libhdf5 call can fail for lack of
 * disk space, from which it could not recover. */
#pragma once
#include <glib.h>
#include <hdf5.h>

typedef struct Hdf5Layout Hdf5Layout;

Hdf5Layout *hdf5_layout_new(void);
void hdf5_layout_free(Hdf5Layout *layout); /* after H5Fclose */

/* A file access property list for H5Fcreate, which then writes to layout. < 0 on failure; closed by the caller. */
hid_t hdf5_layout_access(Hdf5Layout *layout);

/* Of the closed file. */
gint64 hdf5_layout_size(const Hdf5Layout *layout);

/* The bytes from begin on, at most max and at least one, where they lie in one piece; zeros where nothing was
 * written. Belongs to layout. */
const guint8 *hdf5_layout_piece(const Hdf5Layout *layout, gint64 begin, gsize max, gsize *length);
