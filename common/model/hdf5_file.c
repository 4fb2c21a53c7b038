/* hdf5_file: see hdf5_file.h. Handles of libhdf5 close themselves where their block ends (Handle). */
#include "common/model/hdf5_file.h"

#include "common/cli/cli.h"
#include "common/util/atomic_file.h"

#include <errno.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define SEAL_WORD   "vggcache-xxh3-64 "
#define SEAL_FORMAT SEAL_WORD "%016" G_GINT64_MODIFIER "x\n"

enum {
    SEAL_SIZE = sizeof SEAL_WORD - 1 + 16 + 1,
    MOST_NAMES = 1 << 16,    /* elements of a list of strings */
    MOST_TEXT = 1 << 26,     /* bytes of all strings of an attribute */
    MOST_RANK = 8,           /* of the datasets asked for */
    ATTRIBUTE_LIMIT = 64512, /* bytes Keras puts into one attribute: HDF5_OBJECT_HEADER_LIMIT */
    CHECKSUM_BLOCK = 1 << 20,
};

struct Hdf5File {
    hid_t id; /* < 0: closed */
    char *path;
    char *temporary; /* NULL: opened to read, or committed */
};

static void release(hid_t *id)
{
    if (*id >= 0)
        H5Idec_ref(*id);
}
#define Handle __attribute__((cleanup(release))) hid_t

static herr_t keep_innermost(unsigned n, const H5E_error2_t *entry, void *data)
{
    if (n == 0 && entry->desc)
        *(char **)data = g_strdup(entry->desc);
    return 0;
}

/* Sets "PATH: MESSAGE" and, where libhdf5 has just failed, its innermost reason. Returns FALSE. */
static gboolean G_GNUC_PRINTF(3, 4) fail(GError **error, const Hdf5File *file, const char *format, ...)
{
    g_autofree char *reason = NULL;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &reason);
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, reason ? "%s: %s (%s)" : "%s: %s", file->path, message,
                reason);
    return FALSE;
}

const char *hdf5_path(const Hdf5File *file)
{
    return file->path;
}

/* ---- the seal ---- */

/* XXH3-64 of the first `size` bytes of an open file, or of all where it is -1. FALSE where reading fails. */
static gboolean checksum(FILE *stream, gint64 size, guint64 *sum)
{
    XXH3_state_t *state = XXH3_createState();
    g_autofree guint8 *block = g_malloc(CHECKSUM_BLOCK);
    gsize got = 1;
    XXH3_64bits_reset(state);
    while (size != 0 && got > 0) {
        got = fread(block, 1, size < 0 ? CHECKSUM_BLOCK : MIN(size, CHECKSUM_BLOCK), stream);
        XXH3_64bits_update(state, block, got);
        if (size > 0)
            size -= (gint64)got;
    }
    *sum = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return !ferror(stream) && size <= 0;
}

static gboolean write_seal(const Hdf5File *file, GError **error)
{
    FILE *stream = fopen(file->temporary, "r+b");
    guint64 sum;
    gboolean written = stream && checksum(stream, -1, &sum) && fseek(stream, 0, SEEK_END) == 0 &&
                       fprintf(stream, SEAL_FORMAT, sum) == SEAL_SIZE;
    int reason = errno;
    if (stream && fclose(stream) != 0 && written) {
        reason = errno;
        written = FALSE;
    }
    return written || fail(error, file, "cannot be written: %s", g_strerror(reason));
}

static gboolean check_seal(const Hdf5File *file, FILE *stream, GError **error)
{
    char found[SEAL_SIZE + 1] = "", expected[SEAL_SIZE + 1];
    guint64 sum;
    gint64 end = fseek(stream, 0, SEEK_END) == 0 ? ftell(stream) : -1;
    if (end < SEAL_SIZE || fseek(stream, end - SEAL_SIZE, SEEK_SET) != 0 ||
        fread(found, 1, SEAL_SIZE, stream) != SEAL_SIZE || !g_str_has_prefix(found, SEAL_WORD))
        return fail(error, file,
                    "does not end with vggcache's checksum: it was not written by vggcache, or is cut off, "
                    "or another program has changed it");
    rewind(stream);
    if (!checksum(stream, end - SEAL_SIZE, &sum))
        return fail(error, file, "cannot be read: %s", g_strerror(errno));
    g_snprintf(expected, sizeof expected, SEAL_FORMAT, sum);
    return memcmp(found, expected, SEAL_SIZE) == 0 ||
           fail(error, file, "its content does not match its checksum: the file is damaged");
}

/* ---- files ---- */

static Hdf5File *file_new(const char *path)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Eclear2(H5E_DEFAULT);
    Hdf5File *file = g_new0(Hdf5File, 1);
    file->id = -1;
    file->path = g_strdup(path);
    return file;
}

/* Without libhdf5's own locks, which some network and read-only filesystems refuse; renaming makes them
 * needless. */
static hid_t access_unlocked(void)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(access, FALSE, TRUE);
#endif
    return access;
}

static Hdf5File *open_to_read(const char *path, gboolean sealed, GError **error)
{
    g_autoptr(Hdf5File) file = file_new(path);
    FILE *stream = g_file_test(path, G_FILE_TEST_IS_DIR) ? (errno = EISDIR, NULL) : fopen(path, "rb");
    if (!stream) {
        fail(error, file, "cannot be opened: %s", g_strerror(errno));
        return NULL;
    }
    gboolean good = !sealed || check_seal(file, stream, error);
    fclose(stream);
    if (!good)
        return NULL;
    Handle access = access_unlocked();
    file->id = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (file->id < 0) {
        fail(error, file, "is not an HDF5 file, or is damaged or cut off");
        return NULL;
    }
    return g_steal_pointer(&file);
}

Hdf5File *hdf5_open(const char *path, GError **error)
{
    return open_to_read(path, FALSE, error);
}

Hdf5File *hdf5_open_sealed(const char *path, GError **error)
{
    return open_to_read(path, TRUE, error);
}

Hdf5File *hdf5_create(const char *path, GError **error)
{
    g_autoptr(Hdf5File) file = file_new(path);
    Handle access = access_unlocked();
    file->temporary = atomic_file_temporary(path);
    file->id = H5Fcreate(file->temporary, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (file->id < 0) {
        fail(error, file, "cannot be written");
        return NULL;
    }
    return g_steal_pointer(&file);
}

gboolean hdf5_commit(Hdf5File *file, GError **error)
{
    if (H5Fflush(file->id, H5F_SCOPE_LOCAL) < 0)
        return fail(error, file, "cannot be written");
    if (H5Fclose(file->id) < 0)
        return fail(error, file, "cannot be written");
    file->id = -1;
    if (!write_seal(file, error))
        return FALSE;
    g_autofree char *temporary = g_steal_pointer(&file->temporary);
    return atomic_file_commit(temporary, file->path, error);
}

void hdf5_close(Hdf5File *file)
{
    if (!file)
        return;
    release(&file->id);
    if (file->temporary)
        unlink(file->temporary);
    g_free(file->temporary);
    g_free(file->path);
    g_free(file);
}

/* ---- finding things ---- */

/* Whether path ("/a/b") exists and each step to it is a hard link, so that it lies in this very file. */
static gboolean exists(const Hdf5File *file, const char *path)
{
    g_auto(GStrv) steps = g_strsplit(path, "/", -1);
    g_autoptr(GString) prefix = g_string_new(NULL);
    for (char **step = steps; *step; step++) {
        H5L_info_t info;
        if (!**step)
            continue;
        g_string_append_printf(prefix, "/%s", *step);
        if (H5Lexists(file->id, prefix->str, H5P_DEFAULT) <= 0 ||
            H5Lget_info(file->id, prefix->str, &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_HARD)
            return FALSE;
    }
    return TRUE;
}

static hid_t open_object(const Hdf5File *file, const char *path, H5I_type_t kind)
{
    hid_t object = exists(file, path) ? H5Oopen(file->id, path, H5P_DEFAULT) : -1;
    if (object >= 0 && H5Iget_type(object) != kind) {
        release(&object);
        object = -1;
    }
    H5Eclear2(H5E_DEFAULT);
    return object;
}

gboolean hdf5_has_group(Hdf5File *file, const char *group)
{
    Handle object = open_object(file, group, H5I_GROUP);
    return object >= 0;
}

gboolean hdf5_has_dataset(Hdf5File *file, const char *dataset)
{
    Handle object = open_object(file, dataset, H5I_DATASET);
    return object >= 0;
}

gboolean hdf5_has_attribute(Hdf5File *file, const char *group, const char *attribute)
{
    Handle object = open_object(file, group, H5I_GROUP);
    return object >= 0 && H5Aexists(object, attribute) > 0;
}

/* ---- reading ---- */

static gboolean take_string(GPtrArray *out, const char *bytes, gsize length, gboolean spaces)
{
    char *text = g_strndup(bytes, length);
    if (spaces)
        g_strchomp(text);
    g_ptr_array_add(out, text);
    return g_utf8_validate(text, -1, NULL);
}

static gboolean read_fixed_strings(hid_t attribute, hid_t type, gsize n, GPtrArray *out)
{
    gsize size = H5Tget_size(type);
    if (size == 0 || size > MOST_TEXT / n)
        return FALSE;
    g_autofree char *bytes = g_malloc(n * size);
    gboolean good = H5Aread(attribute, type, bytes) >= 0;
    for (gsize i = 0; good && i < n; i++)
        good = take_string(out, bytes + i * size, size, H5Tget_strpad(type) == H5T_STR_SPACEPAD);
    return good;
}

static gboolean read_variable_strings(hid_t attribute, hid_t type, hid_t space, gsize n, GPtrArray *out)
{
    g_autofree char **strings = g_new0(char *, n);
    Handle memory = H5Tcopy(H5T_C_S1);
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    if (H5Aread(attribute, memory, strings) < 0)
        return FALSE;
    gboolean good = TRUE;
    gsize total = 0;
    for (gsize i = 0; good && i < n; i++) {
        const char *text = strings[i] ? strings[i] : "";
        gsize length = strlen(text);
        total += length;
        good = total <= MOST_TEXT && take_string(out, text, length, FALSE);
    }
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, strings);
    return good;
}

/* Appends the strings of an attribute to out. */
static gboolean read_strings(const Hdf5File *file, hid_t object, const char *name, GPtrArray *out,
                             GError **error)
{
    Handle attribute = H5Aopen(object, name, H5P_DEFAULT);
    Handle type = attribute < 0 ? -1 : H5Aget_type(attribute);
    Handle space = attribute < 0 ? -1 : H5Aget_space(attribute);
    if (type < 0 || space < 0)
        return fail(error, file, "its attribute %s cannot be read", name);
    int rank = H5Sget_simple_extent_ndims(space);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    if (n == 0)
        return TRUE;
    if (rank > 1 || n < 0 || n > MOST_NAMES || H5Tget_class(type) != H5T_STRING)
        return fail(error, file, "its attribute %s is not a list of strings", name);
    gboolean good = H5Tis_variable_str(type) > 0
                        ? read_variable_strings(attribute, type, space, (gsize)n, out)
                        : read_fixed_strings(attribute, type, (gsize)n, out);
    return good || fail(error, file, "its attribute %s cannot be read as UTF-8 strings", name);
}

static hid_t open_group(const Hdf5File *file, const char *group, GError **error)
{
    hid_t object = open_object(file, group, H5I_GROUP);
    if (object < 0)
        fail(error, file, "has no group %s", group);
    return object;
}

char **hdf5_read_names(Hdf5File *file, const char *group, const char *attribute, GError **error)
{
    Handle object = open_group(file, group, error);
    if (object < 0)
        return NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    gboolean whole = H5Aexists(object, attribute) > 0;
    gboolean good = !whole || read_strings(file, object, attribute, names, error);
    guint part = 0;
    for (; good && !whole; part++) {
        g_autofree char *name = g_strdup_printf("%s%u", attribute, part);
        if (H5Aexists(object, name) <= 0)
            break;
        good = names->len <= MOST_NAMES && read_strings(file, object, name, names, error);
    }
    if (good && !whole && part == 0)
        good = fail(error, file, "its group %s has no attribute %s", group, attribute);
    if (!good)
        return NULL;
    g_ptr_array_add(names, NULL);
    g_ptr_array_set_free_func(names, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

char *hdf5_read_text(Hdf5File *file, const char *group, const char *attribute, GError **error)
{
    Handle object = open_group(file, group, error);
    if (object < 0)
        return NULL;
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    if (H5Aexists(object, attribute) <= 0) {
        fail(error, file, "its group %s has no attribute %s", group, attribute);
        return NULL;
    }
    if (!read_strings(file, object, attribute, texts, error))
        return NULL;
    if (texts->len != 1) {
        fail(error, file, "its attribute %s is not one text", attribute);
        return NULL;
    }
    return g_strdup(texts->pdata[0]);
}

static char *describe_type(hid_t dataset)
{
    Handle type = H5Dget_type(dataset);
    int bits = 8 * (int)H5Tget_size(type);
    switch (H5Tget_class(type)) {
    case H5T_FLOAT:
        return g_strdup_printf("float%d", bits);
    case H5T_INTEGER:
        return g_strdup_printf("%sint%d", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_STRING:
        return g_strdup("strings");
    default:
        return g_strdup("of another type");
    }
}

static char *describe_shape(int rank, const hsize_t *shape)
{
    GString *text = g_string_new("(");
    for (int i = 0; i < rank; i++)
        g_string_append_printf(text, i ? ", %" G_GUINT64_FORMAT : "%" G_GUINT64_FORMAT, (guint64)shape[i]);
    return g_string_free(g_string_append_c(text, ')'), FALSE);
}

/* Whether the values lie in this file, contiguous or in chunks no larger than the dataset (a chunk is read
 * whole). */
static gboolean storage_is_plain(hid_t dataset, int rank, const hsize_t *shape)
{
    Handle creation = H5Dget_create_plist(dataset);
    H5D_layout_t layout = H5Pget_layout(creation);
    hsize_t chunk[MOST_RANK];
    if (layout != H5D_CHUNKED)
        return (layout == H5D_CONTIGUOUS && H5Pget_external_count(creation) == 0) || layout == H5D_COMPACT;
    if (H5Pget_chunk(creation, MOST_RANK, chunk) != rank)
        return FALSE;
    for (int i = 0; i < rank; i++)
        if (chunk[i] > shape[i])
            return FALSE;
    return TRUE;
}

gboolean hdf5_read_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape, float *out,
                          GError **error)
{
    g_return_val_if_fail(rank >= 1 && rank <= MOST_RANK, FALSE);
    Handle object = open_object(file, dataset, H5I_DATASET);
    if (object < 0)
        return fail(error, file, "has no dataset %s", dataset);
    Handle space = H5Dget_space(object);
    hsize_t expected[MOST_RANK], found[H5S_MAX_RANK];
    int found_rank = H5Sget_simple_extent_dims(space, found, NULL);
    gboolean same = found_rank == rank;
    for (int i = 0; i < rank; i++) {
        expected[i] = shape[i];
        same = same && found[i] == shape[i];
    }
    g_autofree char *type = describe_type(object);
    if (!same || !g_str_equal(type, "float32")) {
        g_autofree char *wanted = describe_shape(rank, expected);
        g_autofree char *present = describe_shape(MAX(found_rank, 0), found);
        return fail(error, file, "its dataset %s is %s %s; expected float32 %s", dataset, type, present,
                    wanted);
    }
    if (!storage_is_plain(object, rank, expected))
        return fail(error, file,
                    "its dataset %s is stored in a way that is not read here (external, virtual or in "
                    "chunks larger than itself)",
                    dataset);
    return H5Dread(object, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0 ||
           fail(error, file, "its dataset %s cannot be read: the file is damaged", dataset);
}

/* ---- writing ---- */

static hid_t make_group(const Hdf5File *file, const char *group)
{
    if (exists(file, group))
        return H5Gopen2(file->id, group, H5P_DEFAULT);
    Handle links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    return H5Gcreate2(file->id, group, links, H5P_DEFAULT, H5P_DEFAULT);
}

static gboolean write_attribute(hid_t object, const char *name, hid_t type, hid_t space, const void *data)
{
    Handle attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    return attribute >= 0 && H5Awrite(attribute, type, data) >= 0;
}

/* n strings as one attribute of fixed-length, NUL-padded strings of this size. */
static gboolean write_fixed_strings(hid_t object, const char *name, const char *const *names, gsize n,
                                    gsize size)
{
    Handle type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    Handle space = H5Screate_simple(1, (hsize_t[]){n}, NULL);
    g_autofree char *bytes = g_malloc0(MAX(n * size, 1));
    for (gsize i = 0; i < n; i++)
        memcpy(bytes + i * size, names[i], strlen(names[i]));
    return write_attribute(object, name, type, space, bytes);
}

gboolean hdf5_write_names(Hdf5File *file, const char *group, const char *attribute, const char *const *names,
                          GError **error)
{
    Handle object = make_group(file, group);
    gsize n = g_strv_length((char **)names), size = 1;
    for (gsize i = 0; i < n; i++)
        size = MAX(size, strlen(names[i]));
    gsize most = ATTRIBUTE_LIMIT / size;
    gboolean good = object >= 0 && most > 0;
    if (n <= most)
        good = good && write_fixed_strings(object, attribute, names, n, size);
    else
        for (gsize first = 0, part = 0; good && first < n; first += most, part++) {
            g_autofree char *name = g_strdup_printf("%s%zu", attribute, part);
            good = write_fixed_strings(object, name, names + first, MIN(most, n - first), size);
        }
    return good || fail(error, file, "its attribute %s cannot be written", attribute);
}

gboolean hdf5_write_text(Hdf5File *file, const char *group, const char *attribute, const char *text,
                         GError **error)
{
    /* Of variable length, as h5py writes a str: such a text lies in the file's heap, where 64 KiB are no
     * limit. */
    Handle object = make_group(file, group);
    Handle type = H5Tcopy(H5T_C_S1);
    Handle space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, g_str_is_ascii(text) ? H5T_CSET_ASCII : H5T_CSET_UTF8);
    return (object >= 0 && write_attribute(object, attribute, type, space, &text)) ||
           fail(error, file, "its attribute %s cannot be written", attribute);
}

gboolean hdf5_write_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape,
                           const float *data, GError **error)
{
    g_return_val_if_fail(rank >= 1 && rank <= MOST_RANK, FALSE);
    hsize_t extent[MOST_RANK];
    for (int i = 0; i < rank; i++)
        extent[i] = shape[i];
    Handle links = H5Pcreate(H5P_LINK_CREATE), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    H5Pset_obj_track_times(creation, FALSE);
    Handle space = H5Screate_simple(rank, extent, NULL);
    Handle object = H5Dcreate2(file->id, dataset, H5T_IEEE_F32LE, space, links, creation, H5P_DEFAULT);
    return (object >= 0 && H5Dwrite(object, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) ||
           fail(error, file, "its dataset %s cannot be written", dataset);
}
