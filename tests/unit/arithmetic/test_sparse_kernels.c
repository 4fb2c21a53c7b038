/* Products that skip zeros: bitmaps against their definition, sums to the bit against the dense product. */
#include "common/arithmetic/kernels.h"
#include "tests/unit/fixture.h"

#include <string.h>

enum { LONGEST = 150, ROOM = LONGEST * 3 };

/* A fraction of the numbers is zero, of either sign. */
static void draw(Rng *rng, float *x, gsize n, double zeros)
{
    for (gsize i = 0; i < n; i++)
        x[i] = rng_uniform(rng) < zeros ? (rng_uniform(rng) < 0.5 ? 0.0f : -0.0f) : (float)rng_normal(rng);
}

static gboolean marked(const guint64 *bitmap, int i)
{
    return bitmap[i / SPARSE_WORD] >> i % SPARSE_WORD & 1;
}

static void check_along(void)
{
    float x[LONGEST];
    Rng rng = rng_new(1, 0);
    for (int n = 1; n <= LONGEST; n++) {
        guint64 bitmap[LONGEST / SPARSE_WORD + 1];
        draw(&rng, x, n, 0.5);
        x[n / 2] = NAN;
        gsize count = kernels_current()->sparse->along(x, n, bitmap);
        for (int i = 0; i < (n + SPARSE_WORD - 1) / SPARSE_WORD * SPARSE_WORD; i++)
            g_assert_cmpint(marked(bitmap, i), ==, i < n && x[i] != 0);
        for (int i = 0; i < n; i++)
            count -= x[i] != 0;
        g_assert_cmpuint(count, ==, 0);
    }
}

static void check_across(void)
{
    float x[SPARSE_DEPTH * ROOM];
    guint32 bitmaps[LONGEST];
    Rng rng = rng_new(2, 0);
    draw(&rng, x, G_N_ELEMENTS(x), 0.5);
    for (int n = 1; n <= LONGEST; n += 7)
        for (int depth = 1; depth <= SPARSE_DEPTH; depth += 31) {
            gsize count = kernels_current()->sparse->across(x, ROOM, depth, n, bitmaps);
            for (int i = 0; i < n; i++)
                for (int p = 0; p < SPARSE_DEPTH; p++) {
                    gboolean nonzero = p < depth && x[p * ROOM + i] != 0;
                    g_assert_cmpint(bitmaps[i] >> p & 1, ==, nonzero);
                    count -= nonzero;
                }
            g_assert_cmpuint(count, ==, 0);
        }
}

/* One row, its elements `column` apart. */
static void check_product(Rng *rng, int depth, int column, double zeros, gboolean accumulate)
{
    const Kernels *kernels = kernels_current();
    float a[LONGEST * 3], b[SPARSE_STRIPS][LONGEST * STRIP], row[LONGEST];
    float full[SPARSE_STRIPS][STRIP], sparse[SPARSE_STRIPS][STRIP];
    guint64 bitmap[LONGEST / SPARSE_WORD + 1];
    draw(rng, a, G_N_ELEMENTS(a), zeros);
    for (int p = 0; p < depth; p++)
        row[p] = a[p * column];
    kernels->sparse->along(row, depth, bitmap);
    for (int s = 0; s < SPARSE_STRIPS; s++) {
        draw(rng, b[s], G_N_ELEMENTS(b[s]), 0);
        draw(rng, full[s], STRIP, 0);
        memcpy(sparse[s], full[s], sizeof sparse[s]);
        kernels->dense->multiply(1, depth, a, 1, (gsize)column, b[s], full[s], STRIP, accumulate);
    }
    for (int strips = 1; strips <= SPARSE_STRIPS; strips++) {
        float found[SPARSE_STRIPS][STRIP];
        memcpy(found, sparse, sizeof found);
        kernels->sparse->multiply(bitmap, depth, a, (gsize)column, strips, b[0], sizeof b[0] / sizeof(float),
                                  found[0], STRIP, accumulate);
        for (int s = 0; s < SPARSE_STRIPS; s++)
            g_assert_cmpmem(found[s], sizeof found[s], s < strips ? full[s] : sparse[s], sizeof full[s]);
    }
}

static void check_products(void)
{
    static const int depths[] = {1, 31, 63, 64, 65, 128, LONGEST};
    Rng rng = rng_new(3, 0);
    for (guint d = 0; d < G_N_ELEMENTS(depths); d++)
        for (int column = 1; column <= 3; column += 2)
            for (int zeros = 0; zeros <= 4; zeros++)
                for (int accumulate = 0; accumulate <= 1; accumulate++)
                    check_product(&rng, depths[d], column, zeros / 4.0, accumulate);
}

static void bitmaps_mark_what_is_not_zero(void)
{
    with_every_isa(check_along);
    with_every_isa(check_across);
}

static void products_have_the_bits_of_those_that_take_all(void)
{
    with_every_isa(check_products);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sparse kernels/bitmaps mark what is not zero", bitmaps_mark_what_is_not_zero);
    g_test_add_func("/sparse kernels/products have the bits of dense ones",
                    products_have_the_bits_of_those_that_take_all);
    return g_test_run();
}
