/* packing: speed of packing and unpacking features, in GB/s of float32, one thread, for each instruction set and
 * encoding, from and to memory (the vectors exceed the caches), with memcpy of the float32 for comparison. */
#include "common/arithmetic/isa.h"
#include "common/cache/packed.h"
#include "common/core/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { D = 25088, VECTORS = 2048, TIMES = 5 };

static float *after_relu(double zeros, guint64 stream)
{
    Rng rng = rng_new(1, stream);
    float *x = g_new0(float, D);
    for (gsize i = 0; i < D; i++)
        if (rng_uniform(&rng) >= zeros)
            x[i] = (float)fabs(rng_normal(&rng));
    return x;
}

static double rate(gint64 start)
{
    return 4.0 * D * VECTORS / ((double)(g_get_monotonic_time() - start) * 1e3);
}

static void measure(double zeros, gboolean half)
{
    Packed packed[VECTORS];
    GByteArray *bytes[VECTORS];
    g_autofree float *out = g_new(float, D);
    double pack = 0, unpack = 0, size = 0;
    g_autofree float *x = after_relu(zeros, 1);
    gint64 start = g_get_monotonic_time();
    for (guint i = 0; i < VECTORS; i++) {
        bytes[i] = half ? packed_float16(x, D, &packed[i]) : packed_float32(x, D, TRUE, &packed[i]);
        size += bytes[i]->len;
    }
    pack = rate(start);
    for (int time = 0; time < TIMES; time++) {
        start = g_get_monotonic_time();
        for (guint i = 0; i < VECTORS; i++)
            packed_read(bytes[i]->data, packed[i], D, 0, D, out);
        unpack = MAX(unpack, rate(start));
    }
    printf("%-9s %5.0f %%  %-7s %7.3f %10.1f %10.1f\n", isa_name(isa_current()), 100 * zeros,
           half ? "float16" : "float32", size / (4.0 * D * VECTORS), pack, unpack);
    for (guint i = 0; i < VECTORS; i++)
        g_byte_array_unref(bytes[i]);
}

static void measure_copy(void)
{
    g_autofree float *from = g_new(float, (gsize)D *VECTORS), *to = g_new(float, D);
    double best = 0;
    memset(from, 1, (gsize)D * VECTORS * sizeof *from);
    for (int time = 0; time < TIMES; time++) {
        gint64 start = g_get_monotonic_time();
        for (gsize i = 0; i < VECTORS; i++) {
            memcpy(to, from + i * D, D * sizeof *to);
            *(volatile float *)to; /* or the compiler omits the copy */
        }
        best = MAX(best, rate(start));
    }
    printf("memcpy of float32 %44.1f\n", best);
}

int main(void)
{
    printf("set        zeros  values    share  pack GB/s  unpack GB/s\n");
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_available((IsaSet)isa))
            continue;
        isa_force((IsaSet)isa);
        for (double zeros = 0.5; zeros < 0.95; zeros += 0.25)
            for (int half = 0; half < 2; half++)
                measure(zeros, half);
    }
    measure_copy();
    return 0;
}
