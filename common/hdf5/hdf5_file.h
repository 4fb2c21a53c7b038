/* hdf5_file: the parts of HDF5 that weights and models need; only this and hdf5_layout use libhdf5.
 *
 * libhdf5 is not thread-safe: call from one thread at a time. Its error output is disabled; our messages name the
 * file. Every size read from a file is checked against what the caller expects before memory is allocated, and a file
 * cannot refer to another one: links other than hard ones, and datasets stored elsewhere, are refused.
 *
 * A file written here ends with a seal (seal.h), which hdf5_open_sealed checks before libhdf5, which is not made for
 * hostile input, reads it. */
#pragma once
#include <glib.h>

typedef struct Hdf5File Hdf5File;

/* Open for reading; NULL and error on failure. hdf5_open is for files of other programs. */
Hdf5File *hdf5_open(const char *path, GError **error);
Hdf5File *hdf5_open_sealed(const char *path, GError **error);

/* Opens for writing (output_file.h): hdf5_commit seals the file and puts it in place; hdf5_close without it leaves
 * nothing. A failed commit leaves an existing file as it was. */
Hdf5File *hdf5_create(const char *path, GError **error);
gboolean hdf5_commit(Hdf5File *file, GError **error);
void hdf5_close(Hdf5File *file);

const char *hdf5_path(const Hdf5File *file); /* as given to open or create; the file's own */

/* group: "/" or "/a/b". Name lists that Keras has split (layer_names0, layer_names1, …) are joined. Strings may have
 * fixed or variable length; an empty list may have any type. NULL and error if the attribute is missing or does not
 * contain strings. Caller frees by g_strfreev / g_free. */
char **hdf5_read_names(Hdf5File *file, const char *group, const char *attribute, GError **error);
char *hdf5_read_text(Hdf5File *file, const char *group, const char *attribute, GError **error);
/* Whether it is there: 1 or 0; -1 and error where that cannot be read. */
int hdf5_has_group(Hdf5File *file, const char *group, GError **error);

/* The names of the groups in a group. NULL and error as above; caller frees by g_strfreev. */
char **hdf5_read_groups(Hdf5File *file, const char *group, GError **error);

/* A dataset of exactly this shape and of float32, or float16 or float64, which are converted, into out; error names what
 * was expected and what was found. */
gboolean hdf5_read_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape, float *out,
                          GError **error);

/* A uint64 dataset of rank 1: an array of guint64. NULL and error if it is anything else or has more than max
 * elements. */
GArray *hdf5_read_numbers(Hdf5File *file, const char *dataset, gsize max, GError **error);
int hdf5_has_dataset(Hdf5File *file, const char *dataset, GError **error); /* as hdf5_has_group */

/* Parents are created as needed. Names are written like Keras's, in attributes of at most 63 KiB; a text may have any
 * length. Datasets have no time stamp: the same content gives the same bytes. */
gboolean hdf5_write_names(Hdf5File *file, const char *group, const char *attribute, const char *const *names,
                          GError **error);
gboolean hdf5_write_text(Hdf5File *file, const char *group, const char *attribute, const char *text,
                         GError **error);
gboolean hdf5_write_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape,
                           const float *data, GError **error);
gboolean hdf5_write_numbers(Hdf5File *file, const char *dataset, gsize n, const guint64 *data,
                            GError **error);
/* A second name, as a hard link, for the group or dataset target of the same file. */
gboolean hdf5_link(Hdf5File *file, const char *target, const char *name, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hdf5File, hdf5_close)
