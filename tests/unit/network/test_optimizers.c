/* Optimizers against Keras's formulas in double precision: tests/golden/make_nn.py. */
#include "common/arithmetic/kernels.h"
#include "common/cli/choice.h"
#include "common/network/optimizer.h"
#include "tests/unit/fixture.h"

static json_t *golden;

static void check_case(const json_t *c)
{
    int count = integer(c, "count"), steps = integer(c, "steps");
    int kind = choice_find(OPTIMIZER_CHOICES, json_string_value(json_object_get(c, "kind")));
    g_assert_cmpint(kind, >=, 0);
    Optimizer optimizer = optimizer_default((OptimizerKind)kind);
    optimizer.learning_rate = number(c, "rate");
    optimizer.momentum = number(c, "momentum");
    optimizer.weight_decay = number(c, "decay");
    g_autofree float *w = filled(count, 12, 1);
    g_autofree float *m = optimizer_has_m(&optimizer) ? g_new0(float, count) : NULL;
    g_autofree float *v = optimizer_has_v(&optimizer) ? g_new0(float, count) : NULL;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    for (int t = 1; t <= steps; t++) {
        g_autofree float *g = filled(count, 100 + t, 1);
        OptimizerStep step = optimizer_step(&optimizer, t);
        optimizer_update(thread_pool, &step, count, g, &(Parameters){w, m, v});
    }
    assert_close(w, json_object_get(c, "w"), 2e-6);
}

static void check_all(void)
{
    gsize i;
    json_t *c;
    json_array_foreach(json_object_get(golden, "optimizers"), i, c) check_case(c);
}

static void test_formulas(void)
{
    with_every_isa(check_all);
}

static void test_slots(void)
{
    Optimizer optimizer = optimizer_default(OPTIMIZER_ADAM);
    g_assert_true(optimizer_has_m(&optimizer) && optimizer_has_v(&optimizer));
    optimizer = optimizer_default(OPTIMIZER_RMSPROP);
    g_assert_true(!optimizer_has_m(&optimizer) && optimizer_has_v(&optimizer));
    optimizer = optimizer_default(OPTIMIZER_SGD);
    g_assert_true(!optimizer_has_m(&optimizer) && !optimizer_has_v(&optimizer));
    optimizer.momentum = 0.9;
    g_assert_true(optimizer_has_m(&optimizer));
}

/* The whole array at once and weight by weight: a weight's update does not depend on its position. */
static void check_places(void)
{
    enum { COUNT = 101 };
    float w[COUNT], m[COUNT] = {0}, v[COUNT] = {0}, g[COUNT], w1[COUNT], m1[COUNT] = {0}, v1[COUNT] = {0};
    Optimizer optimizer = optimizer_default(OPTIMIZER_ADAM);
    OptimizerStep step = optimizer_step(&optimizer, 3);
    fill(w, COUNT, 1, 1);
    fill(w1, COUNT, 1, 1);
    fill(g, COUNT, 2, 1);
    kernels_current()->dense->update(&step, COUNT, g, (Parameters){w, m, v});
    for (int i = 0; i < COUNT; i++)
        kernels_current()->dense->update(&step, 1, g + i, (Parameters){w1 + i, m1 + i, v1 + i});
    g_assert_cmpmem(w, sizeof w, w1, sizeof w1);
    g_assert_cmpmem(v, sizeof v, v1, sizeof v1);
}

static void test_places(void)
{
    with_every_isa(check_places);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    golden = load_golden();
    g_test_add_func("/optimizers/Adam, RMSprop and SGD follow Keras's formulas on every instruction set",
                    test_formulas);
    g_test_add_func("/optimizers/slots are kept only if the formula has them", test_slots);
    g_test_add_func("/optimizers/a weight's update does not depend on its place", test_places);
    int status = g_test_run();
    json_decref(golden);
    return status;
}
