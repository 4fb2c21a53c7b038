/* Packed features: values and sizes, and that damaged ones do no harm. */
#include "common/cache/packed.h"
#include "common/core/rng.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { D = 25088 };

/* Like the output of a ReLU: the fraction `zeros` is 0, the others are |N(0, 1)| times scale. */
static float *after_relu(gsize n, double zeros, double scale, guint64 stream)
{
    Rng rng = rng_new(11, stream);
    float *x = g_new0(float, n);
    for (gsize i = 0; i < n; i++)
        if (rng_uniform(&rng) >= zeros)
            x[i] = (float)(fabs(rng_normal(&rng)) * scale);
    return x;
}

static void check_size(GByteArray *bytes, Packed packed, gsize n)
{
    g_assert_cmpuint(bytes->len, ==, packed_size(packed, n));
}

static void sparse_gives_every_bit_back(void)
{
    const gsize sizes[] = {1, 2, 63, 64, 65, 1023, 1024, 1025, 4097, D};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
        for (double zeros = 0; zeros <= 1; zeros += 0.25) {
            gsize n = sizes[i];
            Packed packed;
            g_autofree float *x = after_relu(n, zeros, 1, i), *back = g_new(float, n);
            x[n / 2] = n % 2 ? -0.0f : 1e-42f;
            g_autoptr(GByteArray) bytes = packed_float32(x, n, TRUE, &packed);
            check_size(bytes, packed, n);
            g_assert_cmpuint(bytes->len, <=, n * sizeof *x);
            g_assert_true(packed_read(bytes->data, packed, n, 0, n, back));
            g_assert_cmpmem(back, n * sizeof *back, x, n * sizeof *x);
        }
}

static void sparse_takes_a_third_at_three_quarters_of_zeros(void)
{
    Packed packed;
    g_autofree float *x = after_relu(D, 0.75, 1, 0);
    g_autoptr(GByteArray) floats = packed_float32(x, D, TRUE, &packed);
    g_assert_cmpuint(packed.encoding, ==, PACKED_SPARSE32);
    g_assert_cmpfloat(floats->len / (4.0 * D), <, 0.35);
    g_autoptr(GByteArray) halves = packed_float16(x, D, &packed);
    g_assert_cmpuint(packed.encoding, ==, PACKED_SPARSE16);
    g_assert_cmpfloat(halves->len / (4.0 * D), <, 0.17);
    g_autofree float *full = after_relu(D, 0, 1, 0);
    g_autoptr(GByteArray) as_they_are = packed_float32(full, D, TRUE, &packed);
    g_assert_cmpuint(packed.encoding, ==, PACKED_FLOAT32);
    g_assert_cmpuint(as_they_are->len, ==, 4 * D);
}

static void half_floats_keep_the_stated_bound(void)
{
    const double scales[] = {1e-9, 1e-6, 1e-3, 1, 1e3, 1e4};
    for (guint i = 0; i < G_N_ELEMENTS(scales); i++)
        for (int full = 0; full < 2; full++) {
            Packed packed;
            g_autofree float *x = after_relu(D, full ? 0 : 0.7, scales[i], i), *back = g_new(float, D);
            g_autoptr(GByteArray) bytes = packed_float16(x, D, &packed);
            check_size(bytes, packed, D);
            g_assert_true(packed_read(bytes->data, packed, D, 0, D, back));
            for (gsize j = 0; j < D; j++)
                g_assert_cmpfloat(fabs((double)back[j] - x[j]), <=,
                                  x[j] >= 0x1p-14f ? (double)x[j] * 0x1p-11 : 0x1p-25);
            Packed again; /* half floats packed once more are the same bytes */
            g_autoptr(GByteArray) twice = packed_float16(back, D, &again);
            g_assert_cmpmem(twice->data, twice->len, bytes->data, bytes->len);
        }
}

static void what_half_floats_cannot_hold_is_refused(void)
{
    const float impossible[] = {65520, -1e9f, INFINITY, NAN};
    for (guint i = 0; i < G_N_ELEMENTS(impossible); i++) {
        Packed packed;
        g_autofree float *x = after_relu(100, 0.5, 1, 0);
        x[70] = impossible[i];
        g_assert_null(packed_float16(x, 100, &packed));
    }
}

static GByteArray *pack_as(guint32 encoding, const float *x, gsize n, Packed *packed)
{
    gboolean halves = encoding == PACKED_FLOAT16 || encoding == PACKED_SPARSE16;
    GByteArray *bytes =
        halves ? packed_float16(x, n, packed) : packed_float32(x, n, encoding == PACKED_SPARSE32, packed);
    g_assert_cmpuint(packed->encoding, ==, encoding);
    return bytes;
}

static void parts_are_parts_of_the_whole(void)
{
    enum { N = 5000 };
    for (guint32 encoding = PACKED_FLOAT32; encoding < PACKED_ENCODINGS; encoding++) {
        Packed packed;
        gboolean sparse = encoding == PACKED_SPARSE32 || encoding == PACKED_SPARSE16;
        g_autofree float *x = after_relu(N, sparse ? 0.8 : 0, 1, 2), *whole = g_new(float, N);
        g_autoptr(GByteArray) bytes = pack_as(encoding, x, N, &packed);
        g_assert_true(packed_read(bytes->data, packed, N, 0, N, whole));
        for (gsize first = 0; first < N; first += 64 * 7)
            for (gsize count = 1; first + count <= N; count = count * 3 + 1) {
                float part[N];
                g_assert_true(packed_read(bytes->data, packed, N, first, count, part));
                g_assert_cmpmem(part, count * sizeof *part, whole + first, count * sizeof *whole);
            }
    }
}

/* Memory that ends at a protected page. */
static guint8 *fenced(gsize size)
{
    gsize page = (gsize)sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
    guint8 *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(map != MAP_FAILED && mprotect(map + room, page, PROT_NONE) == 0);
    return map + room - size;
}

static void unfence(guint8 *fence, gsize size)
{
    gsize page = (gsize)sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
    munmap(fence + size - room, room + page);
}

/* At odd addresses too, with altered bits and a random number of nonzeros. */
static void damaged_bytes_are_never_read_or_written_beyond(void)
{
    enum { N = 1337 };
    Rng rng = rng_new(5, 0);
    guint refused = 0;
    guint8 *out = fenced(N * sizeof(float));
    for (guint round = 0; round < 2000; round++) {
        Packed packed;
        g_autofree float *x = after_relu(N, 0.7, 1, round);
        g_autoptr(GByteArray) bytes = pack_as(round % 2 ? PACKED_SPARSE32 : PACKED_SPARSE16, x, N, &packed);
        packed.nonzeros = round % 4 < 2 ? packed.nonzeros : rng_below(&rng, N + 1);
        gsize size = packed_size(packed, N);
        guint8 *fence = fenced(size);
        memcpy(fence, bytes->data, MIN(size, bytes->len));
        for (guint i = 0; i < round % 5; i++)
            fence[rng_below(&rng, (guint32)MIN(size, 200))] ^= (guint8)(1 << rng_below(&rng, 8));
        refused += !packed_read(fence, packed, N, 0, N, (float *)out);
        packed_read(fence, packed, N, 640, N - 640, (float *)out);
        unfence(fence, size);
    }
    unfence(out, N * sizeof(float));
    g_assert_cmpuint(refused, >, 1000);
}

static void what_no_writer_leaves_is_refused(void)
{
    enum { N = 100 };
    Packed packed;
    float back[N];
    g_autofree float *x = after_relu(N, 0.9, 1, 0);
    g_autoptr(GByteArray) bytes = packed_float32(x, N, TRUE, &packed);
    Packed unknown = {PACKED_ENCODINGS, 0}, too_many = {PACKED_SPARSE32, N + 1};
    g_assert_cmpuint(packed_size(unknown, N), ==, 0);
    g_assert_cmpuint(packed_size(too_many, N), ==, 0);
    bytes->data[15] |= 0x80; /* a feature beyond the last one */
    g_assert_false(packed_read(bytes->data, packed, N, 0, N, back));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/packed/sparse keeps every bit", sparse_gives_every_bit_back);
    g_test_add_func("/packed/sparse takes a third at three quarters of zeros",
                    sparse_takes_a_third_at_three_quarters_of_zeros);
    g_test_add_func("/packed/half floats keep the stated bound", half_floats_keep_the_stated_bound);
    g_test_add_func("/packed/values beyond half floats are refused", what_half_floats_cannot_hold_is_refused);
    g_test_add_func("/packed/parts are parts of the whole", parts_are_parts_of_the_whole);
    g_test_add_func("/packed/damaged bytes are never read or written beyond",
                    damaged_bytes_are_never_read_or_written_beyond);
    g_test_add_func("/packed/bytes that no writer makes are refused", what_no_writer_leaves_is_refused);
    return g_test_run();
}
