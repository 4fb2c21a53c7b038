/* Reliability diagrams as plots. */
#include "evaluate/report/reliability.h"
#include "tests/unit/fixture.h"

static void test_reliability(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = in_folder("reliability.svg");
    char name[] = "model";
    float any;
    Evaluation evaluations[5] = {{0}}, *models[5];
    for (guint p = 0; p < 5; p++) {
        evaluations[p].name = name;
        evaluations[p].bins[14] = (ReliabilityBin){p, 0.97, 0.5};
        evaluations[p].probabilities = p == 2 ? NULL : &any;
        models[p] = &evaluations[p];
    }
    const CanvasFigure figure = reliability_figure(models, 5);
    g_assert_nonnull(reliability_figure(models + 2, 1).refusal);
    g_assert_true(canvas_write(figure, path, &error));
    g_assert_no_error(error);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/reliability/bins may be empty", test_reliability);
    int status = g_test_run();
    scratch_remove();
    return status;
}
