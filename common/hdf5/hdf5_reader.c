/* hdf5_reader: see hdf5_reader.h. */
#include "common/hdf5/hdf5_reader.h"

#include "common/core/sandbox.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/mman.h>

enum { MAX_NAMES = 1 << 16 /* elements of a list of strings */ };

/* ---- opening ---- */

/* The file is mapped, and read by libhdf5's driver for files in memory: it opens none. These functions keep that driver
 * from copying it. */
static SandboxBytes image; /* the one file that this process reads */

static void *image_take(size_t size, H5FD_file_image_op_t operation, void *user)
{
    return image.bytes;
}

static void *image_copy(void *to, const void *from, size_t size, H5FD_file_image_op_t operation, void *user)
{
    return to;
}

static herr_t image_free(void *bytes, H5FD_file_image_op_t operation, void *user)
{
    return 0;
}

/* Lets image be the weights of Keras's .keras, a zip archive. */
static gboolean unzip(const Hdf5Reader *file, GError **error)
{
    struct archive *zip = archive_read_new();
    struct archive_entry *entry;
    gboolean good = archive_read_support_format_zip(zip) == ARCHIVE_OK &&
                    archive_read_open_memory(zip, image.bytes, image.size) == ARCHIVE_OK,
             found = FALSE;
    while (good && !found && archive_read_next_header(zip, &entry) == ARCHIVE_OK)
        found = g_strcmp0(archive_entry_pathname(entry), "model.weights.h5") == 0;
    if (found) {
        gsize size = (gsize)MAX(archive_entry_size(entry), 0);
        image.bytes = g_try_malloc(size + 1);
        image.size = size;
        good = image.bytes && archive_read_data(zip, image.bytes, size) == (gssize)size;
    }
    g_autofree char *reason = g_strdup(archive_error_string(zip));
    archive_read_free(zip);
    if (!found)
        return hdf5_fail(error, file->path,
                         "is a zip archive without model.weights.h5, which Keras's .keras has");
    return good || hdf5_fail(error, file->path, "its model.weights.h5 cannot be unpacked (%s)",
                             reason ? reason : "truncated, or too large");
}

static gboolean open_image(Hdf5Reader *file, GError **error)
{
    H5FD_file_image_callbacks_t borrow = {
        .image_malloc = image_take, .image_memcpy = image_copy, .image_free = image_free};
    image.size = MAX(1, file->size);
    image.bytes = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, SUBPROCESS_FILE, 0);
    if (image.bytes != MAP_FAILED && image.size > 4 && memcmp(image.bytes, "PK\3\4", 4) == 0 &&
        !unzip(file, error))
        return FALSE;
    hdf5_startup();
    Handle access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, HDF5_PIECE, FALSE);
    H5Pset_file_image_callbacks(access, &borrow);
    if (image.bytes != MAP_FAILED && H5Pset_file_image(access, image.bytes, image.size) >= 0)
        file->id =
            H5Fopen("/dev/null/image", H5F_ACC_RDONLY, access); /* it insists that there is no such file */
    return file->id >= 0 || hdf5_fail(error, file->path, "is not an HDF5 file, or is damaged or truncated");
}

/* ---- finding things ---- */

/* As hdf5_exists, for an object of this kind, which is opened. */
static int find(const Hdf5Reader *file, const char *path, H5I_type_t kind, hid_t *object, GError **error)
{
    int found = hdf5_exists(file->id, path);
    *object = found > 0 ? H5Oopen(file->id, path, H5P_DEFAULT) : -1;
    if (found < 0 || (found > 0 && *object < 0)) {
        hdf5_fail(error, file->path, "its %s %s cannot be read", kind == H5I_GROUP ? "group" : "dataset",
                  path);
        return -1;
    }
    if (found && H5Iget_type(*object) == kind)
        return 1;
    hdf5_release(object);
    *object = -1;
    return 0;
}

/* -1 and error where there is none. */
static hid_t open_object(const Hdf5Reader *file, const char *path, H5I_type_t kind, GError **error)
{
    hid_t object = -1;
    if (find(file, path, kind, &object, error) == 0)
        hdf5_fail(error, file->path, "has no %s %s", kind == H5I_GROUP ? "group" : "dataset", path);
    return object;
}

/* ---- strings ---- */

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
    if (size == 0 || size > HDF5_MAX_TEXT / n)
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
        good = total <= HDF5_MAX_TEXT && take_string(out, text, length, FALSE);
    }
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, strings);
    return good;
}

/* Appends the strings of an attribute to out. */
static gboolean read_strings(const Hdf5Reader *file, hid_t object, const char *name, GPtrArray *out,
                             GError **error)
{
    Handle attribute = H5Aopen(object, name, H5P_DEFAULT);
    Handle type = attribute < 0 ? -1 : H5Aget_type(attribute);
    Handle space = attribute < 0 ? -1 : H5Aget_space(attribute);
    if (type < 0 || space < 0)
        return hdf5_fail(error, file->path, "its attribute %s cannot be read", name);
    int rank = H5Sget_simple_extent_ndims(space);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    if (n == 0)
        return TRUE;
    if (rank > 1 || n < 0 || n > MAX_NAMES || H5Tget_class(type) != H5T_STRING)
        return hdf5_fail(error, file->path, "its attribute %s is not a list of strings", name);
    gboolean good = H5Tis_variable_str(type) > 0
                        ? read_variable_strings(attribute, type, space, (gsize)n, out)
                        : read_fixed_strings(attribute, type, (gsize)n, out);
    return good || hdf5_fail(error, file->path, "its attribute %s cannot be read as UTF-8 strings", name);
}

/* Adds the strings of an attribute. 1; 0 if there is no such attribute; -1 and error. */
static int add_strings(const Hdf5Reader *file, hid_t object, const char *name, GPtrArray *out, GError **error)
{
    htri_t there = H5Aexists(object, name);
    if (there < 0)
        hdf5_fail(error, file->path, "its attribute %s cannot be read", name);
    else if (there && out->len > MAX_NAMES)
        hdf5_fail(error, file->path, "its attribute %s makes more than %d names", name, MAX_NAMES);
    else if (!there || read_strings(file, object, name, out, error))
        return there;
    return -1;
}

/* names joined, each with its NUL. */
static SandboxBytes join(const GPtrArray *names)
{
    GString *all = g_string_new(NULL);
    for (guint i = 0; i < names->len; i++)
        g_string_append_len(all, names->pdata[i], (gssize)strlen(names->pdata[i]) + 1);
    SandboxBytes joined = {.size = all->len};
    joined.bytes = g_string_free(all, FALSE);
    return joined;
}

/* In one attribute or, where that would be too large, in NAME0, NAME1, … */
static gboolean read_names(const Hdf5Reader *file, const char *group, const char *attribute,
                           SandboxBytes *answer, GError **error)
{
    Handle object = open_object(file, group, H5I_GROUP, error);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int whole = object < 0 ? -1 : add_strings(file, object, attribute, names, error), part = !whole;
    guint parts = 0;
    for (; part > 0; parts += part > 0) {
        g_autofree char *name = g_strdup_printf("%s%u", attribute, parts);
        part = add_strings(file, object, name, names, error);
    }
    if (whole < 0 || part < 0)
        return FALSE;
    if (!whole && !parts)
        return hdf5_fail(error, file->path, "its group %s has no attribute %s", group, attribute);
    *answer = join(names);
    return TRUE;
}

static gboolean read_groups(const Hdf5Reader *file, const char *group, SandboxBytes *answer, GError **error)
{
    H5G_info_t info;
    Handle object = open_object(file, group, H5I_GROUP, error);
    if (object < 0)
        return FALSE;
    if (H5Gget_info(object, &info) < 0 || info.nlinks > MAX_NAMES)
        return hdf5_fail(error, file->path, "its group %s cannot be read", group);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (hsize_t i = 0; i < info.nlinks; i++) {
        char name[256] = "";
        Handle child = -1;
        gssize length =
            H5Lget_name_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
        g_autofree char *path = g_strdup_printf("%s/%s", group, name);
        if (length > 0 && find(file, path, H5I_GROUP, &child, NULL) > 0)
            g_ptr_array_add(names, g_strdup(name));
    }
    *answer = join(names);
    return TRUE;
}

/* ---- values ---- */

static char *describe_type(hid_t type)
{
    int bits = 8 * (int)H5Tget_size(type);
    switch (H5Tget_class(type)) {
    case H5T_FLOAT:
        return g_strdup_printf("float%d", bits);
    case H5T_INTEGER:
        return g_strdup_printf("%sint%d", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_STRING:
        return g_strdup("strings");
    case H5T_OPAQUE: /* how h5py, and so Keras, keeps bfloat16 */
        return g_strdup(bits == 16 ? "bfloat16" : "opaque");
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
static gboolean storage_is_plain(hid_t creation, const Hdf5Request *request)
{
    H5D_layout_t layout = H5Pget_layout(creation);
    hsize_t chunk[HDF5_MAX_RANK];
    if (layout != H5D_CHUNKED)
        return (layout == H5D_CONTIGUOUS && H5Pget_external_count(creation) == 0) || layout == H5D_COMPACT;
    if (H5Pget_chunk(creation, HDF5_MAX_RANK, chunk) != request->rank)
        return FALSE;
    for (int i = 0; i < request->rank; i++)
        if (chunk[i] > request->shape[i])
            return FALSE;
    return TRUE;
}

/* FALSE and error if the values went through a filter that libhdf5 here has not, such as lzf. */
static gboolean filters_are_here(const Hdf5Reader *file, const char *dataset, hid_t creation, GError **error)
{
    for (int i = 0; i < H5Pget_nfilters(creation); i++) {
        char name[64] = "";
        unsigned flags;
        gsize values = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, sizeof name, name, NULL);
        if (filter >= 0 && H5Zfilter_avail(filter) > 0)
            continue;
        H5Eclear2(H5E_DEFAULT);
        name[sizeof name - 1] = '\0';
        return hdf5_fail(error, file->path,
                         "its dataset %s is compressed by the filter %s (number %d), which is missing here; "
                         "write it with gzip or uncompressed",
                         dataset, *name ? name : "without a name", filter);
    }
    return TRUE;
}

/* The rows from `first` on that are read at once: whole chunks, so that each is unpacked once. */
static gsize rows_at(hid_t creation, const Hdf5Request *request, gsize row_bytes)
{
    hsize_t chunk[HDF5_MAX_RANK] = {1};
    if (H5Pget_layout(creation) == H5D_CHUNKED)
        H5Pget_chunk(creation, HDF5_MAX_RANK, chunk);
    gsize rows = MAX(1, HDF5_PIECE / row_bytes);
    rows = MAX(chunk[0], rows - rows % chunk[0]);
    return MIN(rows, request->shape[0] - request->first);
}

/* Some rows of a dataset of this shape, which has been checked. */
static gboolean read_rows(const Hdf5Reader *file, const char *dataset, hid_t object,
                          const Hdf5Request *request, hid_t type, SandboxBytes *answer, GError **error)
{
    hsize_t first[HDF5_MAX_RANK] = {request->first}, count[HDF5_MAX_RANK];
    gsize row_bytes = H5Tget_size(type);
    Handle creation = H5Dget_create_plist(object);
    if (!storage_is_plain(creation, request))
        return hdf5_fail(
            error, file->path,
            "its dataset %s is stored in an unsupported way (external, virtual or in chunks larger "
            "than itself)",
            dataset);
    if (!filters_are_here(file, dataset, creation, error))
        return FALSE;
    for (int i = 1; i < request->rank; i++) {
        count[i] = request->shape[i];
        row_bytes *= count[i];
    }
    count[0] = rows_at(creation, request, row_bytes);
    *answer = (SandboxBytes){g_malloc(count[0] * row_bytes), count[0] * row_bytes};
    Handle stored = H5Dget_space(object), memory = H5Screate_simple(request->rank, count, NULL);
    H5Sselect_hyperslab(stored, H5S_SELECT_SET, first, NULL, count, NULL);
    return H5Dread(object, type, memory, stored, H5P_DEFAULT, answer->bytes) >= 0 ||
           hdf5_fail(error, file->path, "its dataset %s cannot be read: the file is damaged", dataset);
}

/* bfloat16, the upper halves of float32, as float32. */
static void widen(SandboxBytes *values)
{
    gsize n = values->size / sizeof(guint16);
    const guint16 *halves = values->bytes;
    guint32 *floats = g_new(guint32, n);
    for (gsize i = 0; i < n; i++)
        floats[i] = (guint32)halves[i] << 16;
    g_free(values->bytes);
    *values = (SandboxBytes){floats, n * sizeof(guint32)};
}

/* What order asks for: numbers with at most as many rows as the request's shape, which becomes the dataset's. */
static gboolean read_values(const Hdf5Reader *file, const char *dataset, Hdf5Request *request,
                            SandboxBytes *answer, GError **error)
{
    static const char *const floats[] = {"float32", "float16", "float64", "bfloat16", NULL};
    gboolean numbers = request->order == HDF5_NUMBERS;
    Handle object = open_object(file, dataset, H5I_DATASET, error);
    if (object < 0)
        return FALSE;
    Handle space = H5Dget_space(object), stored = H5Dget_type(object);
    hsize_t found[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_dims(space, found, NULL);
    g_autofree char *type = describe_type(stored);
    gboolean good =
        rank == request->rank && (numbers ? g_str_equal(type, "uint64") : g_strv_contains(floats, type));
    for (int i = 0; good && i < rank; i++)
        good = numbers ? found[i] <= request->shape[i] : found[i] == request->shape[i];
    if (!good) {
        g_autofree char *shape = describe_shape(request->rank, request->shape);
        g_autofree char *present = describe_shape(MAX(rank, 0), found);
        g_autofree char *wanted =
            numbers ? g_strdup_printf("uint64 (N), N at most %" G_GUINT64_FORMAT, (guint64)request->shape[0])
                    : g_strconcat("float32 ", shape, NULL);
        return hdf5_fail(error, file->path, "its dataset %s is %s %s; expected %s", dataset, type, present,
                         wanted);
    }
    request->shape[0] = found[0];
    if (request->first >= found[0])
        return TRUE;
    gboolean narrow = g_str_equal(type, "bfloat16");
    hid_t memory = numbers ? H5T_NATIVE_UINT64 : narrow ? stored : H5T_NATIVE_FLOAT;
    if (!read_rows(file, dataset, object, request, memory, answer, error))
        return FALSE;
    if (narrow)
        widen(answer);
    return TRUE;
}

/* ---- requests ---- */

static gboolean has(const Hdf5Reader *file, const char *path, H5I_type_t kind, SandboxBytes *answer,
                    GError **error)
{
    Handle object = -1;
    int found = find(file, path, kind, &object, error);
    *answer = (SandboxBytes){found > 0 ? g_strdup("") : NULL, found > 0};
    return found >= 0;
}

gboolean hdf5_reader_serve(gpointer reader, const guint8 *bytes, gsize size, SandboxBytes *answer,
                           GError **error)
{
    Hdf5Reader *file = reader;
    Hdf5Request request;
    memcpy(&request, bytes, sizeof request); /* the parent is trusted */
    const char *object = (const char *)bytes + sizeof request, *attribute = object + strlen(object) + 1;
    switch (request.order) {
    case HDF5_OPEN:
        return open_image(file, error);
    case HDF5_HAS_GROUP:
        return has(file, object, H5I_GROUP, answer, error);
    case HDF5_HAS_DATASET:
        return has(file, object, H5I_DATASET, answer, error);
    case HDF5_GROUPS:
        return read_groups(file, object, answer, error);
    case HDF5_NAMES:
        return read_names(file, object, attribute, answer, error);
    default:
        return read_values(file, object, &request, answer, error);
    }
}
