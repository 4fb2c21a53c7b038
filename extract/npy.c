/* npy: see npy.h. */
#include "extract/npy.h"

#include "common/arithmetic/kernels.h"
#include "common/core/error.h"
#include "common/core/floats.h"
#include "common/core/input_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_HEADER = 1 << 16 };

void npy_close(Npy *npy)
{
    if (!npy)
        return;
    if (npy->stream)
        fclose(npy->stream);
    g_free(npy->buffer);
    g_free(npy->path);
    g_free(npy);
}

/* ---- The header ---- */

/* The dict as text; NULL and error on failure. */
static char *read_dict(const Npy *npy, gsize *before, GError **error)
{
    guint8 start[12];
    gboolean known = fread(start, 1, 10, npy->stream) == 10 && memcmp(start, "\x93NUMPY", 6) == 0 &&
                     start[6] >= 1 && start[6] <= 3 && start[7] == 0;
    gboolean wide = known && start[6] > 1;
    if (!known || (wide && fread(start + 10, 1, 2, npy->stream) != 2)) {
        error_set(error, "%s: is not a file written by numpy.save", npy->path);
        return NULL;
    }
    gsize size = (gsize)start[8] | (gsize)start[9] << 8;
    if (wide)
        size |= (gsize)start[10] << 16 | (gsize)start[11] << 24;
    g_autofree char *dict = size <= MAX_HEADER ? g_malloc0(size + 1) : NULL;
    *before = (wide ? 12 : 10) + size;
    if (dict && fread(dict, 1, size, npy->stream) == size)
        return g_steal_pointer(&dict);
    error_set(error, "%s: its header is truncated or too long", npy->path);
    return NULL;
}

/* What a regular expression matches in the dict; NULL if nothing. */
static char *find(const char *dict, const char *pattern)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    return g_regex_match(regex, dict, 0, &match) ? g_match_info_fetch(match, 1) : NULL;
}

/* What labels are that are no class numbers. */
static const char *other_labels(char kind)
{
    return kind == 'f'
               ? "real numbers, as for regression, which no head learns; save class numbers, y.astype('i8')"
           : strchr("USTOa", kind) ? "strings; give a CSV with the columns path,class in its place"
                                   : NULL;
}

static gboolean parse_type(Npy *npy, const char *type, const char *kinds, guint dimensions, GError **error)
{
    const char *labels = dimensions == 1 ? other_labels(type[1]) : NULL;
    g_auto(GStrv) wanted = g_strsplit(kinds, " ", -1);
    if (labels)
        return error_set(error, "%s: its labels (%s) are %s", npy->path, type, labels);
    if (type[0] == '>')
        return error_set(error, "%s: its numbers are big-endian (%s); save x.astype('<%s') instead",
                         npy->path, type, type + 1);
    if (!g_strv_contains((const char *const *)wanted, type + 1))
        return error_set(error, "%s: its type is %s, expected one of %s; save x.astype('%s')", npy->path,
                         type, kinds, wanted[g_strv_length(wanted) - 1]);
    npy->kind = type[1];
    npy->item = (gsize)(type[2] - '0');
    return TRUE;
}

/* max: the number of dimensions, at most 4; where it is more than 2, there may be 2. */
static gboolean parse_shape(Npy *npy, const char *shape, guint max, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(shape, ",", -1);
    guint64 sizes[4] = {1, 1, 1, 1};
    guint n = 0;
    gboolean fits = TRUE;
    for (char **part = parts; *part; part++)
        if (*g_strstrip(*part)) {
            fits &= n < max && g_ascii_string_to_unsigned(*part, 10, 1, G_MAXINT32, &sizes[MIN(n, 3)], NULL);
            n++;
        }
    if (max == 1 && n == 2 && !g_str_equal(parts[1], "1"))
        return error_set(error,
                         "%s: its shape is (%s): several labels an image (multi-label, one-hot), where heads "
                         "learn one; save x.argmax(1) if they are one-hot",
                         npy->path, shape);
    if (!fits || (n != max && n != MIN(max, 2)))
        return error_set(error, "%s: its shape is (%s), not %s", npy->path, shape,
                         max == 1 ? "(N,)" : "(N, D) or (N, H, W, C)");
    if (n == 2 && max > 2) { /* (N, D) is (N, 1, 1, D) */
        sizes[3] = sizes[1];
        sizes[1] = 1;
    }
    gsize all = npy->rows = sizes[0];
    npy->columns = 1;
    for (guint i = 1; i < max; i++) {
        npy->shape[i - 1] = (int)sizes[i];
        npy->columns *= sizes[i];
        if (!g_size_checked_mul(&all, all, sizes[i]) || all > G_MAXSIZE / sizeof(double))
            return error_set(error, "%s: its shape (%s) is too large", npy->path, shape);
    }
    return TRUE;
}

static gboolean parse_dict(Npy *npy, const char *dict, const char *kinds, guint dimensions, GError **error)
{
    g_autofree char *type = find(dict, "'descr': *'([<>|=][a-zA-Z][0-9]*)'");
    g_autofree char *order = find(dict, "'fortran_order': *(True|False)");
    g_autofree char *shape = find(dict, "'shape': *\\(([0-9, ]*)\\)");
    if (!type || !order || !shape)
        return error_set(error,
                         "%s: its header lacks descr, fortran_order and shape of an array of numbers: %.80s",
                         npy->path, dict);
    if (dimensions > 1 && order[0] == 'T')
        return error_set(error, "%s: is in Fortran order; save numpy.ascontiguousarray(x) instead",
                         npy->path);
    return parse_type(npy, type, kinds, dimensions, error) && parse_shape(npy, shape, dimensions, error);
}

static gboolean check_length(const Npy *npy, gsize before, GError **error)
{
    struct stat status;
    guint64 expected = before + (guint64)npy->rows * npy->columns * npy->item;
    if (fstat(fileno(npy->stream), &status))
        return error_set(error, "cannot read %s: %s", npy->path, g_strerror(errno));
    return (guint64)status.st_size == expected ||
           error_set(error,
                     "%s: has %" G_GUINT64_FORMAT " bytes where its header requires %" G_GUINT64_FORMAT
                     ": it is truncated or damaged",
                     npy->path, (guint64)status.st_size, expected);
}

Npy *npy_open(const char *path, const char *kinds, guint dimensions, GError **error)
{
    g_autoptr(Npy) npy = g_new0(Npy, 1);
    gsize before;
    npy->path = g_strdup(path);
    if (!(npy->stream = input_file_stream(path, error)))
        return NULL;
    g_autofree char *dict = read_dict(npy, &before, error);
    if (!dict || !parse_dict(npy, dict, kinds, dimensions, error) || !check_length(npy, before, error))
        return NULL;
    npy->buffer = g_malloc(npy->columns * npy->item);
    return g_steal_pointer(&npy);
}

/* ---- The data ---- */

static gboolean read_row(Npy *npy, GError **error)
{
    npy->row++;
    return fread(npy->buffer, npy->item, npy->columns, npy->stream) == npy->columns ||
           error_set(error, "cannot read %s: %s", npy->path,
                     ferror(npy->stream) ? g_strerror(errno) : "it was truncated in the meantime");
}

gboolean npy_read_floats(Npy *npy, float *values, GError **error)
{
    if (!read_row(npy, error))
        return FALSE;
    if (npy->item == sizeof(guint16))
        kernels_current()->packing->from_half(npy->buffer, npy->columns, values);
    else
        memcpy(values, npy->buffer, npy->columns * sizeof *values);
    gsize j = floats_finite(values, npy->columns);
    return j == npy->columns || error_set(error,
                                          "%s: row %" G_GSIZE_FORMAT ", column %" G_GSIZE_FORMAT
                                          " (from 0) is %f, not a finite number",
                                          npy->path, npy->row - 1, j, (double)values[j]);
}

gboolean npy_read_integer(Npy *npy, gint64 *value, GError **error)
{
    guint64 bits = 0;
    if (!read_row(npy, error))
        return FALSE;
    memcpy(&bits, npy->buffer, npy->item); /* little-endian on both sides */
    guint unused = 64 - 8 * (guint)npy->item;
    *value = npy->kind == 'i' ? (gint64)(bits << unused) >> unused : (gint64)bits;
    return TRUE;
}
