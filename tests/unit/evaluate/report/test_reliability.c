/* Reliability diagrams as plots. */
#include "evaluate/report/reliability.h"
#include "tests/unit/fixture.h"

static void test_reliability(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = in_folder("reliability.svg");
    ReliabilityBin bins[5][RELIABILITY_BINS] = {{{0}}};
    ReliabilityPanel panels[5];
    for (guint p = 0; p < 5; p++) {
        bins[p][14] = (ReliabilityBin){p, 0.97, 0.5};
        panels[p] = (ReliabilityPanel){"model", bins[p]};
    }
    const CanvasFigure figure = reliability_figure(panels, 5);
    g_assert_true(canvas_write(&figure, path, &error));
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
