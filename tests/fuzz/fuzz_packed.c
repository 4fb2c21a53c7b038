/* Packed features. The input: encoding u8, features u16, nonzeros u16, then the packed bytes, which are cut or filled
 * up with zeros to the size that these require, in memory of exactly that size. */
#include "common/cache/packed.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    enum { HEAD = 5 };
    if (size < HEAD)
        return 0;
    gsize n = 1 + (data[1] | data[2] << 8);
    Packed packed = {data[0] % (PACKED_ENCODINGS + 1), (guint32)(data[3] | data[4] << 8)};
    gsize wanted = packed_size(packed, n), first = data[4] * 64 % n / 64 * 64;
    if (!wanted)
        return 0;
    g_autofree guint8 *bytes = g_malloc0(wanted);
    memcpy(bytes, data + HEAD, MIN(wanted, size - HEAD));
    g_autofree float *all = g_new(float, n), *part = g_new(float, n - first);
    gboolean whole = packed_read(bytes, packed, n, 0, n, all);
    g_assert_true(packed_read(bytes, packed, n, first, n - first, part) || !whole);
    if (whole)
        g_assert_cmpmem(part, (n - first) * sizeof *part, all + first, (n - first) * sizeof *all);
    return 0;
}
