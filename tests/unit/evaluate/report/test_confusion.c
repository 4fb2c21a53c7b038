/* Confusion matrices as plots. */
#include "evaluate/report/confusion.h"
#include "tests/unit/fixture.h"

static void test_confusion_values(void)
{
    const guint matrix[] = {3, 1, 0, 0, 6, 0, 0, 2, 0}; /* the third class is never predicted */
    double values[9];
    confusion_values(matrix, 3, CONFUSION_COUNTS, values);
    g_assert_cmpfloat(values[4], ==, 6);
    confusion_values(matrix, 3, CONFUSION_TRUE, values);
    g_assert_cmpfloat(values[0], ==, 0.75);
    g_assert_cmpfloat(values[7], ==, 1);
    confusion_values(matrix, 3, CONFUSION_PREDICTED, values);
    g_assert_cmpfloat_with_epsilon(values[4], 6.0 / 9, 1e-15);
    g_assert_cmpfloat(values[8], ==, 0);
    confusion_values(matrix, 3, CONFUSION_ALL, values);
    g_assert_cmpfloat_with_epsilon(values[4], 6.0 / 12, 1e-15);
}

static void test_confusion_sizes(void)
{
    const guint sizes[] = {1, 2, 10, 40, 41, 101};
    for (guint s = 0; s < G_N_ELEMENTS(sizes); s++) {
        guint classes = sizes[s];
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autofree guint *matrix = g_new0(guint, classes * classes);
        for (guint c = 0; c < classes; c++) {
            g_ptr_array_add(names, g_strdup_printf("a class with a long name %u", c));
            matrix[c * classes + c] = s == 1 ? 0 : 5; /* a matrix of nothing, too */
        }
        char name[] = "a model";
        Evaluation model = {.name = name, .matrix = matrix}, *models[] = {&model, &model, &model, &model};
        const Comparison comparison = {.models = 4,
                                       .evaluations = models,
                                       .names = (const char *const *)names->pdata,
                                       .classes = classes};
        const Confusion confusion = {&comparison, models, s < 4 ? 1 + s : 1, "title",
                                     (ConfusionCells)(s % 4)};
        const CanvasFigure figure = confusion_figure(&confusion);
        g_autoptr(GBytes) bytes =
            canvas_render(figure, CANVAS_PNG, s % 2 ? &canvas_dark : &canvas_light, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(g_bytes_get_size(bytes), >, 1000);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/confusion/cells are normalised as scikit-learn does", test_confusion_values);
    g_test_add_func("/confusion/any number of classes can be drawn", test_confusion_sizes);
    int status = g_test_run();
    scratch_remove();
    return status;
}
