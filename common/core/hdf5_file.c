/* hdf5_file: see hdf5_file.h. Handles of libhdf5 are closed at the end of their block (Handle).
 *
 * libhdf5 cannot recover from a failed write, so it never writes to disk: it lays out a new file in memory
 * (hdf5_layout.h), the arrays are written separately to the offsets it assigned, and the rest, a few kilobytes, is
 * copied at the end. Its clean-up at program exit is disabled for the same reason. */
#include "common/core/hdf5_file.h"

#include "common/core/error.h"
#include "common/core/hdf5_layout.h"
#include "common/core/memory.h"
#include "common/core/output_file.h"
#include "common/core/seal.h"

#include <errno.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>

enum {
    LIBRARY_ROOM = 8 << 20,  /* of memory: libhdf5 crashes if it lacks it at start */
    MAX_NAMES = 1 << 16,     /* elements of a list of strings */
    MAX_TEXT = 1 << 26,      /* bytes of all strings of an attribute */
    MAX_RANK = 8,            /* of the datasets read */
    ATTRIBUTE_LIMIT = 64512, /* bytes Keras puts into one attribute: HDF5_OBJECT_HEADER_LIMIT */
};

typedef struct {
    gint64 begin, end;
} Extent;

struct Hdf5File {
    hid_t id; /* < 0: closed */
    char *path;
    /* Of a file being written: */
    OutputFile *output; /* NULL: opened to read, or committed */
    Hdf5Layout *layout;
    GArray *arrays; /* Extent: already written to output */
};

G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN); /* arrays are written in memory's byte order */

static void release(hid_t *id)
{
    if (*id >= 0)
        H5Idec_ref(*id);
}
#define Handle __attribute__((cleanup(release))) hid_t

/* The innermost reason; for a failed system call, which libhdf5 describes at length, the system's own message. */
static herr_t keep_innermost(unsigned n, const H5E_error2_t *entry, void *data)
{
    if (n > 0 || !entry->desc)
        return 0;
    const char *words = strstr(entry->desc, "error message = '");
    if (words) {
        words += strlen("error message = '");
        *(char **)data = g_strndup(words, strcspn(words, "'"));
    } else {
        *(char **)data = g_strdup(entry->desc);
    }
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
    g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED, reason ? "%s: %s (%s)" : "%s: %s", file->path,
                message, reason);
    return FALSE;
}

const char *hdf5_path(const Hdf5File *file)
{
    return file->path;
}

/* ---- files ---- */

static Hdf5File *file_new(const char *path)
{
    memory_need(LIBRARY_ROOM, "HDF5");
    H5dont_atexit(); /* counts before libhdf5's first other call */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Eclear2(H5E_DEFAULT);
    Hdf5File *file = g_new0(Hdf5File, 1);
    file->id = -1;
    file->path = g_strdup(path);
    return file;
}

/* Without libhdf5's locks, which some filesystems refuse, and which renaming makes unnecessary. */
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
    gboolean good = !sealed || seal_check(stream, path, error);
    fclose(stream);
    if (!good)
        return NULL;
    Handle access = access_unlocked();
    file->id = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (file->id < 0) {
        fail(error, file, "is not an HDF5 file, or is damaged or truncated");
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
    file->output = output_file_open(path, error);
    if (!file->output)
        return NULL;
    file->arrays = g_array_new(FALSE, FALSE, sizeof(Extent));
    file->layout = hdf5_layout_new();
    Handle access = hdf5_layout_access(file->layout);
    file->id = access < 0 ? -1 : H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (file->id >= 0)
        return g_steal_pointer(&file);
    fail(error, file, "cannot be laid out in memory");
    return NULL;
}

static gint by_begin(gconstpointer a, gconstpointer b)
{
    const Extent *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static gboolean write_at(FILE *stream, gint64 offset, const void *bytes, gsize size)
{
    return fseeko(stream, offset, SEEK_SET) == 0 && fwrite(bytes, 1, size, stream) == size;
}

/* Copies what libhdf5 wrote within [begin, end) to the output. */
static gboolean copy_layout(const Hdf5File *file, gint64 begin, gint64 end)
{
    for (gsize length; begin < end; begin += (gint64)length) {
        const guint8 *piece = hdf5_layout_piece(file->layout, begin, (gsize)(end - begin), &length);
        if (!write_at(output_file_stream(file->output), begin, piece, length))
            return FALSE;
    }
    return TRUE;
}

/* Everything except the arrays, which have been written. */
static gboolean write_rest(const Hdf5File *file)
{
    gint64 at = 0;
    g_array_sort(file->arrays, by_begin);
    for (guint i = 0; i < file->arrays->len; i++) {
        Extent array = g_array_index(file->arrays, Extent, i);
        if (!copy_layout(file, at, array.begin))
            return FALSE;
        at = array.end;
    }
    return copy_layout(file, at, hdf5_layout_size(file->layout));
}

gboolean hdf5_commit(Hdf5File *file, GError **error)
{
    if (H5Fflush(file->id, H5F_SCOPE_LOCAL) < 0 || H5Fclose(file->id) < 0)
        return fail(error, file, "cannot be laid out in memory");
    file->id = -1;
    if (!write_rest(file) || !seal_write(output_file_stream(file->output)))
        return fail(error, file, "cannot be written: %s", g_strerror(errno));
    return output_file_commit(g_steal_pointer(&file->output), error);
}

void hdf5_close(Hdf5File *file)
{
    if (!file)
        return;
    release(&file->id);
    if (file->arrays)
        g_array_unref(file->arrays);
    hdf5_layout_free(file->layout);
    output_file_discard(file->output);
    g_free(file->path);
    g_free(file);
}

/* ---- finding things ---- */

/* 1 if path ("/a/b") exists and consists of hard links only, so that it is in this file; 0 if not; -1 if that cannot be
 * read: what a disk does not give must not pass for what the file does not have. */
static int exists(const Hdf5File *file, const char *path)
{
    g_auto(GStrv) steps = g_strsplit(path, "/", -1);
    g_autoptr(GString) prefix = g_string_new(NULL);
    for (char **step = steps; *step; step++) {
        H5L_info_t info;
        if (!**step)
            continue;
        g_string_append_printf(prefix, "/%s", *step);
        htri_t there = H5Lexists(file->id, prefix->str, H5P_DEFAULT);
        if (there <= 0)
            return there;
        if (H5Lget_info(file->id, prefix->str, &info, H5P_DEFAULT) < 0)
            return -1;
        if (info.type != H5L_TYPE_HARD)
            return 0;
    }
    return 1;
}

/* As exists, for an object of this kind, which is opened. */
static int find(const Hdf5File *file, const char *path, H5I_type_t kind, hid_t *object, GError **error)
{
    int found = exists(file, path);
    *object = found > 0 ? H5Oopen(file->id, path, H5P_DEFAULT) : -1;
    if (found < 0 || (found > 0 && *object < 0)) {
        fail(error, file, "its %s %s cannot be read", kind == H5I_GROUP ? "group" : "dataset", path);
        return -1;
    }
    if (found && H5Iget_type(*object) == kind)
        return 1;
    release(object);
    *object = -1;
    return 0;
}

/* -1 and error where there is none. */
static hid_t open_object(const Hdf5File *file, const char *path, H5I_type_t kind, GError **error)
{
    hid_t object = -1;
    if (find(file, path, kind, &object, error) == 0)
        fail(error, file, "has no %s %s", kind == H5I_GROUP ? "group" : "dataset", path);
    return object;
}

int hdf5_has_group(Hdf5File *file, const char *group, GError **error)
{
    Handle object = -1;
    return find(file, group, H5I_GROUP, &object, error);
}

int hdf5_has_dataset(Hdf5File *file, const char *dataset, GError **error)
{
    Handle object = -1;
    return find(file, dataset, H5I_DATASET, &object, error);
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
    if (size == 0 || size > MAX_TEXT / n)
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
        good = total <= MAX_TEXT && take_string(out, text, length, FALSE);
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
    if (rank > 1 || n < 0 || n > MAX_NAMES || H5Tget_class(type) != H5T_STRING)
        return fail(error, file, "its attribute %s is not a list of strings", name);
    gboolean good = H5Tis_variable_str(type) > 0
                        ? read_variable_strings(attribute, type, space, (gsize)n, out)
                        : read_fixed_strings(attribute, type, (gsize)n, out);
    return good || fail(error, file, "its attribute %s cannot be read as UTF-8 strings", name);
}

/* Adds the strings of an attribute. 1; 0 if there is no such attribute; -1 and error. */
static int add_strings(const Hdf5File *file, hid_t object, const char *name, GPtrArray *out, GError **error)
{
    htri_t there = H5Aexists(object, name);
    if (there < 0)
        fail(error, file, "its attribute %s cannot be read", name);
    else if (there && out->len > MAX_NAMES)
        fail(error, file, "its attribute %s makes more than %d names", name, MAX_NAMES);
    else if (!there || read_strings(file, object, name, out, error))
        return there;
    return -1;
}

char **hdf5_read_names(Hdf5File *file, const char *group, const char *attribute, GError **error)
{
    Handle object = open_object(file, group, H5I_GROUP, error);
    if (object < 0)
        return NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int whole = add_strings(file, object, attribute, names, error), part = !whole;
    guint parts = 0;
    for (; part > 0; parts += part > 0) {
        g_autofree char *name = g_strdup_printf("%s%u", attribute, parts);
        part = add_strings(file, object, name, names, error);
    }
    if (!whole && !parts && part == 0)
        fail(error, file, "its group %s has no attribute %s", group, attribute);
    if (whole < 0 || part < 0 || (!whole && !parts))
        return NULL;
    g_ptr_array_add(names, NULL);
    g_ptr_array_set_free_func(names, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

char *hdf5_read_text(Hdf5File *file, const char *group, const char *attribute, GError **error)
{
    Handle object = open_object(file, group, H5I_GROUP, error);
    if (object < 0)
        return NULL;
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    int found = add_strings(file, object, attribute, texts, error);
    if (found == 0)
        fail(error, file, "its group %s has no attribute %s", group, attribute);
    if (found <= 0)
        return NULL;
    if (texts->len != 1) {
        fail(error, file, "its attribute %s is not a single string", attribute);
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

/* Whether the values are in this file, contiguous or in chunks no larger than the dataset (a chunk is read as a
 * whole). */
static gboolean storage_is_plain(hid_t dataset, int rank, const hsize_t *shape)
{
    Handle creation = H5Dget_create_plist(dataset);
    H5D_layout_t layout = H5Pget_layout(creation);
    hsize_t chunk[MAX_RANK];
    if (layout != H5D_CHUNKED)
        return (layout == H5D_CONTIGUOUS && H5Pget_external_count(creation) == 0) || layout == H5D_COMPACT;
    if (H5Pget_chunk(creation, MAX_RANK, chunk) != rank)
        return FALSE;
    for (int i = 0; i < rank; i++)
        if (chunk[i] > shape[i])
            return FALSE;
    return TRUE;
}

/* All values of a dataset of this shape. */
static gboolean read_values(const Hdf5File *file, const char *dataset, hid_t object, int rank,
                            const hsize_t *shape, hid_t type, void *out, GError **error)
{
    if (!storage_is_plain(object, rank, shape))
        return fail(error, file,
                    "its dataset %s is stored in an unsupported way (external, virtual or in chunks larger "
                    "than itself)",
                    dataset);
    return H5Dread(object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0 ||
           fail(error, file, "its dataset %s cannot be read: the file is damaged", dataset);
}

gboolean hdf5_read_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape, float *out,
                          GError **error)
{
    g_return_val_if_fail(rank >= 1 && rank <= MAX_RANK, FALSE);
    Handle object = open_object(file, dataset, H5I_DATASET, error);
    if (object < 0)
        return FALSE;
    Handle space = H5Dget_space(object);
    hsize_t expected[MAX_RANK], found[H5S_MAX_RANK];
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
    return read_values(file, dataset, object, rank, expected, H5T_NATIVE_FLOAT, out, error);
}

GArray *hdf5_read_numbers(Hdf5File *file, const char *dataset, gsize max, GError **error)
{
    Handle object = open_object(file, dataset, H5I_DATASET, error);
    if (object < 0)
        return NULL;
    Handle space = H5Dget_space(object);
    hsize_t found[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_dims(space, found, NULL);
    g_autofree char *type = describe_type(object);
    if (rank != 1 || found[0] > max || !g_str_equal(type, "uint64")) {
        g_autofree char *present = describe_shape(MAX(rank, 0), found);
        fail(error, file, "its dataset %s is %s %s; expected uint64 (N), N at most %zu", dataset, type,
             present, max);
        return NULL;
    }
    g_autoptr(GArray) numbers = g_array_set_size(g_array_new(FALSE, FALSE, sizeof(guint64)), (guint)found[0]);
    if (found[0] && !read_values(file, dataset, object, 1, found, H5T_NATIVE_UINT64, numbers->data, error))
        return NULL;
    return g_steal_pointer(&numbers);
}

/* ---- writing ---- */

static hid_t make_group(const Hdf5File *file, const char *group)
{
    if (exists(file, group) > 0)
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
    gsize max = ATTRIBUTE_LIMIT / size;
    gboolean good = object >= 0 && max > 0;
    if (n <= max)
        good = good && write_fixed_strings(object, attribute, names, n, size);
    else
        for (gsize first = 0, part = 0; good && first < n; first += max, part++) {
            g_autofree char *name = g_strdup_printf("%s%zu", attribute, part);
            good = write_fixed_strings(object, name, names + first, MIN(max, n - first), size);
        }
    return good || fail(error, file, "its attribute %s cannot be written", attribute);
}

gboolean hdf5_write_text(Hdf5File *file, const char *group, const char *attribute, const char *text,
                         GError **error)
{
    /* Of variable length, like h5py's str: such a text is in the file's heap, which has no limit of 64 KiB. */
    Handle object = make_group(file, group);
    Handle type = H5Tcopy(H5T_C_S1);
    Handle space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, g_str_is_ascii(text) ? H5T_CSET_ASCII : H5T_CSET_UTF8);
    return (object >= 0 && write_attribute(object, attribute, type, space, &text)) ||
           fail(error, file, "its attribute %s cannot be written", attribute);
}

/* element: bytes of one; type: in the file and in memory. */
static gboolean write_array(const Hdf5File *file, const char *dataset, int rank, const gsize *shape,
                            hid_t type, gsize element, const void *data, GError **error)
{
    g_return_val_if_fail(rank >= 1 && rank <= MAX_RANK, FALSE);
    hsize_t extent[MAX_RANK];
    gsize size = element;
    for (int i = 0; i < rank; i++) {
        extent[i] = shape[i];
        size *= shape[i];
    }
    Handle links = H5Pcreate(H5P_LINK_CREATE), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    H5Pset_obj_track_times(creation, FALSE);
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    Handle space = H5Screate_simple(rank, extent, NULL);
    Handle object = H5Dcreate2(file->id, dataset, type, space, links, creation, H5P_DEFAULT);
    haddr_t place = object < 0 ? HADDR_UNDEF : H5Dget_offset(object);
    if (size == 0 && object >= 0)
        return TRUE;
    if (place == HADDR_UNDEF)
        return fail(error, file, "its dataset %s cannot be written", dataset);
    Extent array = {(gint64)place, (gint64)(place + size)};
    g_array_append_val(file->arrays, array);
    return write_at(output_file_stream(file->output), array.begin, data, size) ||
           fail(error, file, "cannot be written: %s", g_strerror(errno));
}

gboolean hdf5_write_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape,
                           const float *data, GError **error)
{
    return write_array(file, dataset, rank, shape, H5T_IEEE_F32LE, sizeof *data, data, error);
}

gboolean hdf5_write_numbers(Hdf5File *file, const char *dataset, gsize n, const guint64 *data, GError **error)
{
    return write_array(file, dataset, 1, &n, H5T_STD_U64LE, sizeof *data, data, error);
}
