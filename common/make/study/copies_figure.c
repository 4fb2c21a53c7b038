/* copies_figure EVALUATION.json SECONDS FIGURE.csv PLOT: accuracy, with its interval, against seconds, for stored
 * augmented copies and for live augmentation.
 *
 * SECONDS has a line for each model of EVALUATION.json (evaluate --json), in the same order: the number of copies
 * stored per image, or "live", and the seconds that features and training took. Prints the table, writes it to
 * FIGURE.csv (copies,seconds,accuracy,low,high), and plots it. */
#include "common/core/error.h"
#include "common/plot/axes.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POINTS = CANVAS_SERIES, WIDTH = 640, HEIGHT = 380 };

static const double LEGEND = 0.45; /* space for the legend beside the points, as a fraction of their range */

typedef struct {
    char copies[16]; /* "0", "1", … or "live" */
    double seconds, accuracy, low, high;
} Point;

static void stop(const char *file, const char *sentence)
{
    fprintf(stderr, "copies_figure: %s: %s\n", file, sentence);
    exit(1);
}

static gboolean is_live(const Point *point)
{
    return g_str_equal(point->copies, "live");
}

/* Returns the number of points. */
static guint read_seconds(const char *path, Point points[MAX_POINTS])
{
    guint n = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        stop(path, g_strerror(errno));
    while (n < MAX_POINTS && fscanf(file, "%15s %lf", points[n].copies, &points[n].seconds) == 2)
        n++;
    gboolean whole = fscanf(file, " %*c") == EOF;
    fclose(file);
    if (!n || !whole)
        stop(path, "expected a line \"COPIES SECONDS\" for each model, at most 6");
    return n;
}

static void read_accuracies(const char *path, Point *points, guint n)
{
    json_error_t problem;
    json_t *root = json_load_file(path, 0, &problem);
    if (!root)
        stop(path, problem.text);
    json_t *models = json_object_get(root, "models");
    if (json_array_size(models) != n)
        stop(path, "its number of models differs from the number of lines of seconds");
    for (guint i = 0; i < n; i++)
        if (json_unpack(json_array_get(models, i), "{s:F, s:[FF]}", "accuracy", &points[i].accuracy,
                        "accuracy_interval", &points[i].low, &points[i].high))
            stop(path, "a model has no accuracy with its interval");
    json_decref(root);
}

static void write_table(const char *path, const Point *points, guint n)
{
    g_autoptr(GString) text = g_string_new("copies,seconds,accuracy,low,high\n");
    g_autoptr(GError) error = NULL;
    printf("%-8s %9s %9s   %s\n", "copies", "seconds", "accuracy", "95 % interval");
    for (guint i = 0; i < n; i++) {
        const Point *p = &points[i];
        printf("%-8s %9.1f %9.3f   %.3f to %.3f\n", p->copies, p->seconds, p->accuracy, p->low, p->high);
        g_string_append_printf(text, "%s,%.1f,%.6f,%.6f,%.6f\n", p->copies, p->seconds, p->accuracy, p->low,
                               p->high);
    }
    if (!g_file_set_contents(path, text->str, -1, &error))
        stop(path, error->message);
}

static char *label_of(const Point *point)
{
    if (is_live(point))
        return g_strdup("live augmentation");
    if (g_str_equal(point->copies, "0"))
        return g_strdup("no augmentation");
    return g_strdup_printf("%s stored cop%s", point->copies, g_str_equal(point->copies, "1") ? "y" : "ies");
}

static AxesOptions range_of(const Point *points, guint n)
{
    AxesOptions options = {.title = "Stored copies against live augmentation",
                           .x = {"seconds for features and training", INFINITY, 0, .log = TRUE},
                           .y = {"accuracy, 95 % interval", 1, 0, .nice = TRUE, .percent = TRUE}};
    for (guint i = 0; i < n; i++) {
        options.x.from = MIN(options.x.from, points[i].seconds);
        options.x.to = MAX(options.x.to, points[i].seconds);
        options.y.from = MIN(options.y.from, points[i].low);
        options.y.to = MAX(options.y.to, points[i].high);
    }
    options.x.from = MAX(options.x.from, 0.1) / 1.3, options.x.to = MAX(options.x.to, 0.1) * 1.3;
    options.x.to *= pow(options.x.to / options.x.from, LEGEND);
    return options;
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Point *points = figure->of;
    guint n = figure->n;
    const CanvasTheme *theme = canvas_theme(canvas);
    AxesOptions options = range_of(points, n);
    g_autoptr(Axes) axes = axes_new(canvas, 0, 0, WIDTH, HEIGHT, &options);
    for (guint i = 0; i < n; i++) {
        const Point *p = &points[i];
        g_autofree char *label = label_of(p);
        const AxesPoint bar[] = {{.x = p->seconds, .y = p->low}, {.x = p->seconds, .y = p->high}};
        axes_line(axes, bar, 2, theme->series[i], FALSE, NULL);
        axes_marks(axes, (AxesMark){is_live(p) ? AXES_DIAMOND : AXES_DISC, 4.5, theme->series[i]},
                   &(AxesPoint){.x = p->seconds, .y = p->accuracy}, 1, label);
    }
}

int main(int argc, char **argv)
{
    Point points[MAX_POINTS];
    if (argc != 5) {
        fprintf(stderr, "usage: copies_figure EVALUATION.json SECONDS FIGURE.csv PLOT\n");
        return 2;
    }
    guint n = read_seconds(argv[2], points);
    read_accuracies(argv[1], points, n);
    write_table(argv[3], points, n);
    g_autoptr(GError) error = NULL;
    const CanvasFigure figure = {.width = WIDTH, .height = HEIGHT, .draw = draw, .of = points, .n = n};
    if (!canvas_write(figure, argv[4], &error))
        stop(argv[4], error->message);
    return 0;
}
