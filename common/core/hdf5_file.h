/* hdf5_file: the little of HDF5 that weights and models need; the one room that knows libhdf5.
 *
 * libhdf5 is not thread-safe: call from one thread at a time. Its own error print-out is silenced; messages
 * are ours and name the file. Every size read from a file is checked against what the caller expects before
 * memory is taken, and nothing in a file leads to another one: links that are not hard, and datasets stored
 * elsewhere, are refused.
 *
 * A file written here ends with a seal (seal.h), which hdf5_open_sealed checks before libhdf5, which is not
 * made for hostile input, sees a byte. */
#pragma once
#include <glib.h>

typedef struct Hdf5File Hdf5File;

/* To read; NULL and error where it cannot be. The first is for files of others. */
Hdf5File *hdf5_open(const char *path, GError **error);
Hdf5File *hdf5_open_sealed(const char *path, GError **error);

/* To write (output_file.h): sealed and put in place by hdf5_commit; hdf5_close without it leaves nothing. A failed
 * commit leaves what was at path before. */
Hdf5File *hdf5_create(const char *path, GError **error);
gboolean hdf5_commit(Hdf5File *file, GError **error);
void hdf5_close(Hdf5File *file);

const char *hdf5_path(const Hdf5File *file); /* as given to open or create; the file's own */

/* group: "/" or "/a/b". Name lists are read whole though Keras splits long ones (layer_names0, layer_names1,
 * …); strings of fixed and of variable length alike, a list of no elements whatever its type. NULL and error
 * where the attribute is missing or not made of strings. Caller frees by g_strfreev / g_free. */
char **hdf5_read_names(Hdf5File *file, const char *group, const char *attribute, GError **error);
char *hdf5_read_text(Hdf5File *file, const char *group, const char *attribute, GError **error);
gboolean hdf5_has_group(Hdf5File *file, const char *group);

/* A float32 dataset of exactly this shape into out; error names what was expected and what was found. */
gboolean hdf5_read_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape, float *out,
                          GError **error);

/* A uint64 dataset of rank 1: an array of guint64. NULL and error where it is not one, or has more than max elements. */
GArray *hdf5_read_numbers(Hdf5File *file, const char *dataset, gsize max, GError **error);
gboolean hdf5_has_dataset(Hdf5File *file, const char *dataset);

/* Parents are created as needed. Names are written as Keras does, in attributes of at most 63 KiB; a text may
 * have any length. Datasets bear no time stamp: the same content gives the same bytes. */
gboolean hdf5_write_names(Hdf5File *file, const char *group, const char *attribute, const char *const *names,
                          GError **error);
gboolean hdf5_write_text(Hdf5File *file, const char *group, const char *attribute, const char *text,
                         GError **error);
gboolean hdf5_write_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape,
                           const float *data, GError **error);
gboolean hdf5_write_numbers(Hdf5File *file, const char *dataset, gsize n, const guint64 *data,
                            GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hdf5File, hdf5_close)
