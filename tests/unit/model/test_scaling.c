/* Scaling against scikit-learn 1.2.1's StandardScaler and Normalizer (numbers printed by them), and NumPy. */
#include "common/model/scaling.h"
#include "tests/unit/fixture.h"

#include <math.h>
#include <string.h>

enum { N = 4, D = 5 };
static const float rows[N][D] = {
    {0, 1, 5, 1000.25f, -2}, {3, 1, 0, 1000.75f, 4}, {0, 1, 7, 1001.5f, 0}, {1.5f, 1, 0.25f, 999.5f, -8}};
static const float *const x[N] = {rows[0], rows[1], rows[2], rows[3]};

/* StandardScaler's, but for the fourth feature: its std 0.729 is below 1.244, the lower median of the four above 0. */
static const float standard[N][D] = {{-0.90453404f, 0, 0.6409831f, -0.20100756f, -0.11547005f},
                                     {1.5075567f, 0, -1.0131668f, 0.20100756f, 1.2701706f},
                                     {-0.90453404f, 0, 1.3026431f, 0.80403025f, 0.34641016f},
                                     {0.30151135f, 0, -0.9304593f, -0.80403025f, -1.5011107f}};
static const float l2[N][D] = {
    {0, 9.9973509e-04f, 4.9986755e-03f, 9.9998498e-01f, -1.9994702e-03f},
    {2.9977127e-03f, 9.9923764e-04f, 0, 9.9998701e-01f, 3.9969506e-03f},
    {0, 9.9847734e-04f, 6.9893417e-03f, 9.9997509e-01f, 0},
    {1.5006998e-03f, 1.0004665e-03f, 2.5011663e-04f, 9.9996632e-01f, -8.0037322e-03f}};
/* NumPy: y = sign(x) sqrt(abs(x)); y / norm(y) */
static const float root[N][D] = {{0, 0.031493134f, 0.070420789f, 0.996024829f, -0.044538018f},
                                 {0.054534188f, 0.031485328f, 0, 0.996026803f, 0.062970657f},
                                 {0, 0.03147363f, 0.083271398f, 0.996029761f, 0},
                                 {0.038532856f, 0.031461945f, 0.015730973f, 0.994665305f, -0.088987819f}};

static void assert_scaled(ScalingKind kind, const float expected[N][D])
{
    g_autoptr(Scaling) scaling = scaling_new(kind, D);
    Rows all = rows_in_memory(x, N, D);
    scaling_fit(scaling, &all);
    for (int i = 0; i < N; i++) {
        float out[D];
        scaling_apply(scaling, x[i], out);
        for (int j = 0; j < D; j++)
            g_assert_cmpfloat_with_epsilon(out[j], expected[i][j], 2e-7 * MAX(1, fabsf(expected[i][j])));
    }
}

static void test_standard(void)
{
    assert_scaled(SCALE_STANDARD, standard);
}

static void test_l2(void)
{
    assert_scaled(SCALE_L2, l2);
}

static void test_sqrt(void)
{
    assert_scaled(SCALE_SQRT, root);
}

static void test_max(void)
{
    float expected[N][D];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++)
            expected[i][j] = rows[i][j] / 1001.5f;
    assert_scaled(SCALE_MAX, expected);
}

static void test_none_and_unfitted(void)
{
    assert_scaled(SCALE_NONE, rows);
    for (ScalingKind kind = SCALE_NONE; kind <= SCALE_STANDARD; kind++) {
        g_autoptr(Scaling) scaling = scaling_new(kind, D);
        float out[D];
        scaling_apply(scaling, rows[1], out);
        g_assert_cmpmem(out, sizeof out, rows[1], sizeof rows[1]);
    }
}

static void test_zero_vector(void)
{
    static const float zero[D], *const one[1] = {zero};
    for (ScalingKind kind = SCALE_NONE; kind <= SCALE_SQRT; kind++) {
        g_autoptr(Scaling) scaling = scaling_new(kind, D);
        float out[D];
        Rows single = rows_in_memory(one, 1, D);
        scaling_fit(scaling, &single);
        scaling_apply(scaling, zero, out);
        for (int j = 0; j < D; j++)
            g_assert_true(out[j] == 0);
    }
}

/* A feature with the same large value in every row must not be scaled up to noise. */
static void test_constant_feature(void)
{
    enum { MANY = 1000 };
    float value = 0.1f;
    const float *constant[MANY];
    for (int i = 0; i < MANY; i++)
        constant[i] = &value;
    g_autoptr(Scaling) scaling = scaling_new(SCALE_STANDARD, 1);
    Rows rows = rows_in_memory(constant, MANY, D);
    scaling_fit(scaling, &rows);
    g_assert_true(scaling->inverse[0] == 1);
    float out;
    scaling_apply(scaling, &value, &out);
    g_assert_cmpfloat_with_epsilon(out, 0, 1e-7);
}

static void test_pieces_and_in_place(void)
{
    for (ScalingKind kind = SCALE_NONE; kind <= SCALE_SQRT; kind++) {
        g_autoptr(Scaling) scaling = scaling_new(kind, D);
        Rows all = rows_in_memory(x, N, D);
        scaling_fit(scaling, &all);
        float whole[D], pieces[D], place[D];
        scaling_apply(scaling, rows[3], whole);
        float factor = scaling_factor(scaling, rows[3]);
        scaling_apply_range(scaling, factor, rows[3], 0, 2, pieces);
        scaling_apply_range(scaling, factor, rows[3] + 2, 2, D - 2, pieces + 2);
        memcpy(place, rows[3], sizeof place);
        scaling_apply(scaling, place, place);
        g_assert_cmpmem(pieces, sizeof pieces, whole, sizeof whole);
        g_assert_cmpmem(place, sizeof place, whole, sizeof whole);
    }
}

static void test_names(void)
{
    for (ScalingKind kind = SCALE_NONE; kind <= SCALE_SQRT; kind++) {
        ScalingKind parsed = SCALE_NONE;
        g_assert_true(scaling_parse(scaling_name(kind), &parsed));
        g_assert_cmpint(parsed, ==, kind);
    }
    ScalingKind kind = SCALE_L2;
    g_assert_false(scaling_parse("minmax", &kind));
    g_assert_cmpint(kind, ==, SCALE_L2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scaling/standard equals StandardScaler above the median", test_standard);
    g_test_add_func("/scaling/l2 equals Normalizer", test_l2);
    g_test_add_func("/scaling/sqrt is the square root at unit length", test_sqrt);
    g_test_add_func("/scaling/max divides by the largest magnitude", test_max);
    g_test_add_func("/scaling/none and unfitted scalings are the identity", test_none_and_unfitted);
    g_test_add_func("/scaling/a zero vector stays zero", test_zero_vector);
    g_test_add_func("/scaling/a constant feature is not blown up", test_constant_feature);
    g_test_add_func("/scaling/pieces and in place give the same bits", test_pieces_and_in_place);
    g_test_add_func("/scaling/names are parsed back", test_names);
    return g_test_run();
}
