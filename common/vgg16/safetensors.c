/* safetensors: see safetensors.h. */
#include "common/vgg16/safetensors.h"

#include "common/arithmetic/kernels.h"
#include "common/core/error.h"
#include "common/core/input_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN); /* tensors are read in the file's byte order */

enum { PREFIX = 8, MAX_HEADER = 100000000 };

typedef SafetensorsTensor Tensor;

struct Safetensors {
    char *path;
    FILE *stream;
    guint64 data;       /* offset of the tensors' bytes in the file */
    GPtrArray *tensors; /* Tensor *, by begin */
    GPtrArray *names;   /* of these, and NULL */
};

static const struct {
    const char *name;
    guint64 size;
} dtypes[] = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1},
    {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},     {"I32", 4},
    {"F32", 4},  {"U64", 8}, {"I64", 8}, {"F64", 8},
};

static void tensor_free(gpointer data)
{
    Tensor *tensor = data;
    g_free(tensor->name);
    g_free(tensor);
}

static gboolean read_exactly(FILE *stream, guint64 offset, void *bytes, gsize size)
{
    gboolean whole = fseeko(stream, (off_t)offset, SEEK_SET) == 0 && fread(bytes, 1, size, stream) == size;
    if (feof(stream))
        errno = ENODATA;
    return whole;
}

static gboolean natural(const json_t *value, guint64 *number)
{
    *number = (guint64)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* Fills tensor except its name; returns NULL, or what is wrong with the entry. */
static const char *parse_tensor(const json_t *entry, Tensor *tensor)
{
    const json_t *dtype = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_string(dtype) || !json_is_array(shape) || !json_is_array(offsets) ||
        json_array_size(offsets) != 2 || !natural(json_array_get(offsets, 0), &tensor->begin) ||
        !natural(json_array_get(offsets, 1), &tensor->end))
        return "lacks a valid dtype, shape or data_offsets";
    guint64 span = 0;
    for (guint i = 0; i < G_N_ELEMENTS(dtypes); i++)
        if (g_str_equal(dtypes[i].name, json_string_value(dtype))) {
            tensor->dtype = dtypes[i].name;
            span = dtypes[i].size;
        }
    if (!tensor->dtype)
        return "has an unknown type";
    if (json_array_size(shape) > SAFETENSORS_MAX_RANK)
        return "has too many dimensions";
    tensor->rank = (int)json_array_size(shape);
    for (int i = 0; i < tensor->rank; i++)
        if (!natural(json_array_get(shape, (size_t)i), &tensor->shape[i]) ||
            !g_uint64_checked_mul(&span, span, tensor->shape[i]))
            return "has an invalid shape";
    if (tensor->end < tensor->begin || tensor->end - tensor->begin != span)
        return "has offsets that do not fit its shape and type";
    return NULL;
}

static gint by_begin(gconstpointer a, gconstpointer b)
{
    const Tensor *x = *(Tensor *const *)a, *y = *(Tensor *const *)b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end); /* an empty tensor comes before its neighbour */
}

static gboolean check_offsets(const Safetensors *file, guint64 size, GError **error)
{
    guint64 at = 0;
    for (guint i = 0; i < file->tensors->len; i++) {
        const Tensor *tensor = file->tensors->pdata[i];
        if (tensor->begin != at)
            return error_set(error,
                             "%s: its tensor %s begins at %" G_GUINT64_FORMAT ", not where the one before "
                             "it ends (%" G_GUINT64_FORMAT ")",
                             file->path, tensor->name, tensor->begin, at);
        at = tensor->end;
    }
    return size - file->data == at ||
           error_set(error,
                     "%s: has %" G_GUINT64_FORMAT " bytes, but its header says %" G_GUINT64_FORMAT
                     ": the file is truncated",
                     file->path, size, file->data + at);
}

static gboolean parse_header(Safetensors *file, const char *text, gsize length, GError **error)
{
    json_error_t where;
    json_t *root = text[0] == '{' ? json_loadb(text, length, JSON_REJECT_DUPLICATES, &where) : NULL;
    if (!root)
        return error_set(error, "%s: is not a safetensors file: its header is not JSON (%s)", file->path,
                         text[0] == '{' ? where.text : "it does not begin with {");
    const char *name;
    json_t *entry;
    gboolean good =
        json_is_object(root) ||
        error_set(error, "%s: is not a safetensors file: its header is not an object", file->path);
    json_object_foreach(root, name, entry)
    {
        if (!good || g_str_equal(name, "__metadata__"))
            continue;
        Tensor *tensor = g_new0(Tensor, 1);
        tensor->name = g_strdup(name);
        g_ptr_array_add(file->tensors, tensor);
        const char *wrong = parse_tensor(entry, tensor);
        if (wrong)
            good = error_set(error, "%s: its tensor %s %s", file->path, name, wrong);
    }
    json_decref(root);
    return good;
}

static gboolean read_header(Safetensors *file, GError **error)
{
    struct stat status;
    guint64 length, size;
    if (fstat(fileno(file->stream), &status) != 0 || !S_ISREG(status.st_mode))
        return error_set(error, "%s: is not a regular file", file->path);
    size = (guint64)status.st_size;
    if (size < PREFIX + 2 || !read_exactly(file->stream, 0, &length, PREFIX))
        return error_set(error, "%s: is too short for a safetensors file", file->path);
    if (length < 2 || length > MAX_HEADER || length > size - PREFIX)
        return error_set(
            error,
            "%s: is not a safetensors file, or truncated: its header is said to have %" G_GUINT64_FORMAT
            " bytes",
            file->path, length);
    g_autofree char *text = g_malloc(length);
    if (!read_exactly(file->stream, PREFIX, text, length))
        return error_set(error, "%s: cannot be read: %s", file->path, g_strerror(errno));
    file->data = PREFIX + length;
    if (!parse_header(file, text, length, error))
        return FALSE;
    g_ptr_array_sort(file->tensors, by_begin);
    for (guint i = 0; i < file->tensors->len; i++)
        g_ptr_array_add(file->names, ((const Tensor *)file->tensors->pdata[i])->name);
    g_ptr_array_add(file->names, NULL);
    return check_offsets(file, size, error);
}

Safetensors *safetensors_open(const char *path, GError **error)
{
    g_autoptr(Safetensors) file = g_new0(Safetensors, 1);
    file->path = g_strdup(path);
    file->tensors = g_ptr_array_new_with_free_func(tensor_free);
    file->names = g_ptr_array_new();
    file->stream = input_file_stream(path, error);
    return file->stream && read_header(file, error) ? g_steal_pointer(&file) : NULL;
}

void safetensors_close(Safetensors *file)
{
    if (!file)
        return;
    if (file->stream)
        fclose(file->stream);
    g_ptr_array_unref(file->tensors);
    g_ptr_array_unref(file->names);
    g_free(file->path);
    g_free(file);
}

const char *safetensors_path(const Safetensors *file)
{
    return file->path;
}

const char *const *safetensors_names(const Safetensors *file)
{
    return (const char *const *)file->names->pdata;
}

static char *describe_shape(int rank, const guint64 *shape)
{
    GString *text = g_string_new("(");
    for (int i = 0; i < rank; i++)
        g_string_append_printf(text, i ? ", %" G_GUINT64_FORMAT : "%" G_GUINT64_FORMAT, shape[i]);
    return g_string_free(g_string_append_c(text, ')'), FALSE);
}

/* n numbers of one type, at `in`, as float32: exactly, or rounded to the nearest, ties to even. */
static void to_floats(const Tensor *tensor, const void *in, gsize n, float *out)
{
    const guint16 *halves = in;
    if (g_str_equal(tensor->dtype, "F16"))
        kernels_current()->packing->from_half(halves, n, out);
    else if (g_str_equal(tensor->dtype, "BF16"))
        for (gsize i = 0; i < n; i++) {
            guint32 bits = (guint32)halves[i] << 16; /* the upper half of a float32 */
            memcpy(out + i, &bits, sizeof bits);
        }
    else
        for (gsize i = 0; i < n; i++)
            out[i] = (float)((const double *)in)[i];
}

const Tensor *safetensors_find(const Safetensors *file, const char *name, int rank, const gsize *shape,
                               GError **error)
{
    static const char *const floats[] = {"F32", "F16", "BF16", "F64", NULL};
    guint64 wanted[SAFETENSORS_MAX_RANK];
    guint at = 0;
    while (at < file->tensors->len && !g_str_equal(file->names->pdata[at], name))
        at++;
    if (at == file->tensors->len)
        return error_null(error, "%s: has no tensor %s", file->path, name);
    const Tensor *tensor = file->tensors->pdata[at];
    gboolean same = tensor->rank == rank && g_strv_contains(floats, tensor->dtype);
    for (int i = 0; i < rank; i++) {
        wanted[i] = shape[i];
        same = same && tensor->shape[i] == shape[i];
    }
    if (same)
        return tensor;
    g_autofree char *expected = describe_shape(rank, wanted);
    g_autofree char *found = describe_shape(tensor->rank, tensor->shape);
    return error_null(error, "%s: its tensor %s is %s %s; expected F32 %s", file->path, name, tensor->dtype,
                      found, expected);
}

gboolean safetensors_read(const Safetensors *file, const Tensor *tensor, gsize first, gsize n, float *out,
                          GError **error)
{
    enum { AT_ONCE = 1 << 15 };
    gboolean converts = !g_str_equal(tensor->dtype, "F32");
    gsize size = g_str_equal(tensor->dtype, "F64") ? 8 : converts ? 2 : 4, most = converts ? AT_ONCE : n;
    g_autofree double *piece = converts ? g_new(double, AT_ONCE) : NULL;
    for (gsize done = 0, part; done < n; done += part) {
        part = MIN(n - done, most);
        if (!read_exactly(file->stream, file->data + tensor->begin + (first + done) * size,
                          converts ? (void *)piece : out, part * size))
            return error_set(error, "%s: its tensor %s cannot be read: %s", file->path, tensor->name,
                             g_strerror(errno));
        if (converts)
            to_floats(tensor, piece, part, out + done);
    }
    return TRUE;
}
