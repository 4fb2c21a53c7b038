/* hdf5_library: what reading and writing HDF5 have in common; private to hdf5_file and hdf5_reader. */
#pragma once
#include <glib.h>
#include <hdf5.h>

enum { HDF5_MAX_RANK = 8 /* of datasets */ };

/* A handle of libhdf5, closed at the end of its block. */
#define Handle __attribute__((cleanup(hdf5_release))) hid_t
void hdf5_release(hid_t *id);

/* Before libhdf5's first other call. */
void hdf5_startup(void);

/* Sets "PATH: MESSAGE" and, where libhdf5 has just failed, its innermost reason. Returns FALSE. */
gboolean hdf5_fail(GError **error, const char *path, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* 1 if object ("/a/b") exists and consists of hard links only, so that it is in this file; 0 if not; -1 if that cannot
 * be read: what a disk does not give must not pass for what the file does not have. */
int hdf5_exists(hid_t file, const char *object);
