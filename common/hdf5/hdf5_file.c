/* hdf5_file: see hdf5_file.h. Files are read in a sandbox (hdf5_reader.h).
 *
 * They are written here, as saving must not depend on starting a process. libhdf5 cannot recover from a failed write, so
 * it hears of none (hdf5_layout.h), and its clean-up at program exit is disabled. */
#include "common/hdf5/hdf5_file.h"

#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/output_file.h"
#include "common/hdf5/hdf5_layout.h"
#include "common/hdf5/hdf5_reader.h"
#include "common/hdf5/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LIMIT = 5000, /* ms of processor time to read a file, and as much again for each GB; it takes 1 s a GB */
    MEMORY = 1 << 30,        /* bytes that reading may take, beyond twice the file's size */
    ATTRIBUTE_LIMIT = 64512, /* bytes Keras puts into one attribute: HDF5_OBJECT_HEADER_LIMIT */
};

struct Hdf5File {
    char *path;
    Sandbox *reader; /* NULL: being written */
    /* Of a file being written: */
    hid_t id;           /* < 0: closed */
    OutputFile *output; /* NULL: opened to read, or committed */
    Hdf5Layout layout;
};

G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN); /* arrays are written in memory's byte order */

const char *hdf5_path(const Hdf5File *file)
{
    return file->path;
}

static Hdf5File *file_new(const char *path)
{
    Hdf5File *file = g_new0(Hdf5File, 1);
    file->id = -1;
    file->path = g_strdup(path);
    return file;
}

/* ---- reading ---- */

/* Asks for at most max bytes, as sandbox_ask does; object and attribute may be NULL. */
static gboolean ask(Hdf5File *file, Hdf5Request request, const char *object, const char *attribute, gsize max,
                    SandboxBytes *answer, GError **error)
{
    GError *problem = NULL;
    g_autoptr(GString) strings = g_string_new(object);
    g_string_append_c(strings, '\0');
    g_string_append(strings, attribute ? attribute : "");
    SandboxBytes body = {strings->str, strings->len + 1};
    return sandbox_ask(file->reader, (SandboxBytes){&request, sizeof request}, body, max, answer, &problem) ||
           sandbox_blame(error, file->path, "file", problem);
}

static gboolean start_reader(Hdf5File *file, int descriptor, gsize size, GError **error)
{
    GError *problem = NULL;
    Hdf5Reader reader = {.path = file->path, .size = size, .id = -1};
    const SandboxWork work = {.serve = hdf5_reader_serve,
                              .data = &reader,
                              .file = descriptor,
                              .request = HDF5_PIECE,
                              .memory = MEMORY + 2 * size,
                              .limit = (guint)(LIMIT + size / (1000000000 / LIMIT))};
    guint8 byte;
    SandboxBytes nothing = {.bytes = &byte};
    file->reader = sandbox_start(&work, &problem);
    return file->reader ? ask(file, (Hdf5Request){.order = HDF5_OPEN}, NULL, NULL, 0, &nothing, error)
                        : sandbox_blame(error, file->path, "file", problem);
}

static Hdf5File *open_to_read(const char *path, gboolean sealed, GError **error)
{
    g_autoptr(Hdf5File) file = file_new(path);
    struct stat status;
    FILE *stream = input_file_stream(path, error);
    if (!stream)
        return NULL;
    gboolean good = fstat(fileno(stream), &status) == 0 ||
                    error_set(error, "%s: cannot be opened: %s", path, g_strerror(errno));
    good = good && (!sealed || seal_check(stream, path, error)) &&
           start_reader(file, fileno(stream), (gsize)status.st_size, error);
    fclose(stream);
    return good ? g_steal_pointer(&file) : NULL;
}

Hdf5File *hdf5_open(const char *path, GError **error)
{
    return open_to_read(path, FALSE, error);
}

Hdf5File *hdf5_open_sealed(const char *path, GError **error)
{
    return open_to_read(path, TRUE, error);
}

static int has(Hdf5File *file, Hdf5Order order, const char *object, GError **error)
{
    guint8 byte;
    SandboxBytes answer = {.bytes = &byte};
    return ask(file, (Hdf5Request){.order = order}, object, NULL, 1, &answer, error) ? (int)answer.size : -1;
}

int hdf5_has_group(Hdf5File *file, const char *group, GError **error)
{
    return has(file, HDF5_HAS_GROUP, group, error);
}

int hdf5_has_dataset(Hdf5File *file, const char *dataset, GError **error)
{
    return has(file, HDF5_HAS_DATASET, dataset, error);
}

/* The strings of an attribute, or without one the names of a group's groups; NULL and error. */
static char **read_list(Hdf5File *file, const char *group, const char *attribute, GError **error)
{
    SandboxBytes answer = {0};
    Hdf5Request request = {.order = attribute ? HDF5_NAMES : HDF5_GROUPS};
    if (!ask(file, request, group, attribute, 2 * HDF5_MAX_TEXT, &answer, error))
        return NULL;
    const char *text = answer.bytes, *end = text + answer.size; /* there is a NUL at the end */
    GPtrArray *strings = g_ptr_array_new();
    for (; text < end; text += strlen(text) + 1)
        g_ptr_array_add(strings, g_utf8_make_valid(text, -1));
    g_ptr_array_add(strings, NULL);
    g_free(answer.bytes);
    return (char **)g_ptr_array_free(strings, FALSE);
}

char **hdf5_read_names(Hdf5File *file, const char *group, const char *attribute, GError **error)
{
    return read_list(file, group, attribute, error);
}

char **hdf5_read_groups(Hdf5File *file, const char *group, GError **error)
{
    return read_list(file, group, NULL, error);
}

char *hdf5_read_text(Hdf5File *file, const char *group, const char *attribute, GError **error)
{
    g_auto(GStrv) texts = read_list(file, group, attribute, error);
    if (texts && g_strv_length(texts) != 1)
        return error_null(error, "%s: its attribute %s is not a single string", file->path, attribute);
    return texts ? g_strdup(texts[0]) : NULL;
}

/* All values of a dataset of the request's shape, some rows at a time. */
static gboolean read_values(Hdf5File *file, Hdf5Request request, const char *dataset, gsize element,
                            void *out, GError **error)
{
    gsize row = element;
    for (int i = 1; i < request.rank; i++)
        row *= request.shape[i];
    do {
        SandboxBytes answer = {.bytes = (guint8 *)out + request.first * row};
        if (!ask(file, request, dataset, NULL, (request.shape[0] - request.first) * row, &answer, error))
            return FALSE;
        if (answer.size == 0 || answer.size % row != 0)
            return error_set(error, "%s: its dataset %s cannot be read: the file is damaged", file->path,
                             dataset);
        request.first += answer.size / row;
    } while (request.first < request.shape[0]);
    return TRUE;
}

gboolean hdf5_read_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape, float *out,
                          GError **error)
{
    g_return_val_if_fail(rank >= 1 && rank <= HDF5_MAX_RANK, FALSE);
    Hdf5Request request = {.order = HDF5_FLOATS, .rank = rank};
    for (int i = 0; i < rank; i++)
        request.shape[i] = shape[i];
    return read_values(file, request, dataset, sizeof *out, out, error);
}

GArray *hdf5_read_numbers(Hdf5File *file, const char *dataset, gsize max, GError **error)
{
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
    SandboxBytes answer;
    do {
        Hdf5Request request = {.order = HDF5_NUMBERS, .rank = 1, .shape = {max}, .first = numbers->len};
        answer = (SandboxBytes){0};
        if (!ask(file, request, dataset, NULL, (max - numbers->len) * sizeof(guint64), &answer, error))
            return NULL;
        g_array_append_vals(numbers, answer.bytes, (guint)(answer.size / sizeof(guint64)));
        g_free(answer.bytes);
        if (answer.size % sizeof(guint64) != 0)
            return error_null(error, "%s: its dataset %s cannot be read: the file is damaged", file->path,
                              dataset);
    } while (answer.size);
    return g_steal_pointer(&numbers);
}

/* ---- writing ---- */

Hdf5File *hdf5_create(const char *path, GError **error)
{
    g_autoptr(Hdf5File) file = file_new(path);
    file->output = output_file_open(path, error);
    if (!file->output)
        return NULL;
    file->layout.stream = output_file_stream(file->output);
    hdf5_startup();
    Handle access = hdf5_layout_access(&file->layout);
    file->id = access < 0 ? -1 : H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (file->id >= 0)
        return g_steal_pointer(&file);
    hdf5_fail(error, file->path, "libhdf5 cannot lay it out");
    return NULL;
}

static gboolean fail_to_write(const Hdf5File *file, int code, GError **error)
{
    return hdf5_fail(error, file->path, "cannot be written: %s", g_strerror(code));
}

gboolean hdf5_commit(Hdf5File *file, GError **error)
{
    if (H5Fflush(file->id, H5F_SCOPE_LOCAL) < 0 || H5Fclose(file->id) < 0)
        return hdf5_fail(error, file->path, "libhdf5 cannot lay it out");
    file->id = -1;
    if (file->layout.code)
        return fail_to_write(file, file->layout.code, error);
    if (!output_file_resize(file->output, file->layout.size) || !seal_write(file->layout.stream))
        return fail_to_write(file, errno, error);
    return output_file_commit(g_steal_pointer(&file->output), error);
}

void hdf5_close(Hdf5File *file)
{
    if (!file)
        return;
    sandbox_free(file->reader);
    hdf5_release(&file->id);
    output_file_discard(file->output);
    g_free(file->path);
    g_free(file);
}

static hid_t make_group(const Hdf5File *file, const char *group)
{
    if (hdf5_exists(file->id, group) > 0)
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
    return good || hdf5_fail(error, file->path, "its attribute %s cannot be written", attribute);
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
           hdf5_fail(error, file->path, "its attribute %s cannot be written", attribute);
}

/* type: in the file and in memory. */
static gboolean write_array(const Hdf5File *file, const char *dataset, int rank, const gsize *shape,
                            hid_t type, const void *data, GError **error)
{
    g_return_val_if_fail(rank >= 1 && rank <= HDF5_MAX_RANK, FALSE);
    hsize_t extent[HDF5_MAX_RANK];
    for (int i = 0; i < rank; i++)
        extent[i] = shape[i];
    Handle links = H5Pcreate(H5P_LINK_CREATE), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    H5Pset_obj_track_times(creation, FALSE);
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    Handle space = H5Screate_simple(rank, extent, NULL);
    Handle object = H5Dcreate2(file->id, dataset, type, space, links, creation, H5P_DEFAULT);
    if (object < 0 || H5Dwrite(object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        return hdf5_fail(error, file->path, "its dataset %s cannot be written", dataset);
    return !file->layout.code || fail_to_write(file, file->layout.code, error);
}

gboolean hdf5_write_floats(Hdf5File *file, const char *dataset, int rank, const gsize *shape,
                           const float *data, GError **error)
{
    return write_array(file, dataset, rank, shape, H5T_IEEE_F32LE, data, error);
}

gboolean hdf5_write_numbers(Hdf5File *file, const char *dataset, gsize n, const guint64 *data, GError **error)
{
    return write_array(file, dataset, 1, &n, H5T_STD_U64LE, data, error);
}

gboolean hdf5_link(Hdf5File *file, const char *target, const char *name, GError **error)
{
    Handle links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    return H5Lcreate_hard(file->id, target, file->id, name, links, H5P_DEFAULT) >= 0 ||
           hdf5_fail(error, file->path, "its group %s cannot be written", name);
}
