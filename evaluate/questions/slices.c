/* slices: see slices.h. */
#include "evaluate/questions/slices.h"

#include "common/cli/choice.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/interrupt.h"
#include "common/core/thread_pool.h"
#include "common/image/image_file.h"

#include <math.h>
#include <string.h>

/* What a table says of the images in one column. */
typedef struct {
    char *name;
    GPtrArray *texts;  /* (N) char*; NULL where it says nothing */
    GPtrArray *values; /* char*: of the slices */
    int *of;           /* (N) index of an image's value; -1: it has none */
} Column;

static void column_free(gpointer data)
{
    Column *column = data;
    g_free(column->name);
    g_ptr_array_unref(column->texts);
    g_clear_pointer(&column->values, g_ptr_array_unref);
    g_free(column->of);
    g_free(column);
}

/* The next, which says nothing yet of n images. */
static Column *add_column(GPtrArray *columns, const char *name, guint n)
{
    Column *column = g_new0(Column, 1);
    column->name = g_strdup(name);
    column->texts = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_set_size(column->texts, (int)n);
    g_ptr_array_add(columns, column);
    return column;
}

/* ---- A table ---- */

typedef struct {
    GPtrArray *columns; /* Column* */
    GHashTable *images; /* path -> index */
    int path;           /* column */
    guint n, found;     /* images, and those that it names */
} Table;

static gboolean take_header(const GPtrArray *fields, gpointer user, GError **error)
{
    Table *table = user;
    for (guint c = 0; c < fields->len; c++) {
        const char *name = add_column(table->columns, fields->pdata[c], table->n)->name;
        if (g_str_equal(name, "path") || (table->path < 0 && g_str_equal(name, "file_name")))
            table->path = (int)c;
    }
    return table->path >= 0 || error_set(error, "its first line must name the column path (or file_name)");
}

static gboolean take_record(const GPtrArray *fields, gpointer user, GError **error)
{
    Table *table = user;
    Column **columns = (Column **)table->columns->pdata;
    guint n = table->columns->len;
    gpointer image;
    if (fields->len != n)
        return error_set(error, "it has %u fields, not %u", fields->len, n);
    if (!g_hash_table_steal_extended(table->images, fields->pdata[table->path], NULL, &image))
        return TRUE; /* of an image that is not evaluated, or named before */
    table->found++;
    for (guint c = 0; c < n; c++)
        if (*(const char *)fields->pdata[c])
            columns[c]->texts->pdata[GPOINTER_TO_UINT(image)] = g_strdup(fields->pdata[c]);
    return TRUE;
}

/* ---- From a column to slices ---- */

static gboolean is_number(const char *text, double *number)
{
    char *end;
    *number = g_ascii_strtod(text, &end);
    return *text && !*end && isfinite(*number);
}

static gint by_number_or_text(gconstpointer a, gconstpointer b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    double p, q;
    if (is_number(x, &p) && is_number(y, &q) && p != q)
        return p < q ? -1 : 1;
    return strcmp(x, y);
}

/* What a column says, each value once, in order; *all: with repetitions, *numbers: whether all are numbers. */
static GPtrArray *values_of(const GPtrArray *texts, GPtrArray *all, gboolean *numbers)
{
    double number;
    GPtrArray *values = g_ptr_array_new_with_free_func(g_free);
    *numbers = TRUE;
    for (guint i = 0; i < texts->len; i++)
        if (texts->pdata[i]) {
            g_ptr_array_add(all, texts->pdata[i]);
            *numbers &= is_number(texts->pdata[i], &number);
        }
    g_ptr_array_sort(all, by_number_or_text);
    for (guint i = 0; i < all->len; i++)
        if (!i || !g_str_equal(all->pdata[i], all->pdata[i - 1]))
            g_ptr_array_add(values, g_strdup(all->pdata[i]));
    return values;
}

static void slice_by_value(Column *column)
{
    for (guint i = 0, v; i < column->texts->len; i++)
        if (column->texts->pdata[i] &&
            g_ptr_array_find_with_equal_func(column->values, column->texts->pdata[i], g_str_equal, &v))
            column->of[i] = (int)v;
}

enum { QUARTERS = 4, SLICE_VALUES = 24, SLICE_NAMES = 50 /* most values of a column that are not numbers */ };

/* Each quarter ends with a number that occurs, the last but one below the largest; of equal ones there is one quarter. sorted:
 * all numbers, not all the same. Returns how many quarters end before the last. */
static guint quarter_ends(const GPtrArray *sorted, const char *names[QUARTERS - 1], double ends[QUARTERS - 1])
{
    double largest;
    guint n = 0, below = sorted->len;
    is_number(sorted->pdata[sorted->len - 1], &largest);
    for (double value = largest; value == largest; below--)
        is_number(sorted->pdata[below - 1], &value);
    for (guint q = 1; q < QUARTERS; q++) {
        gsize end = MIN((gsize)sorted->len * q / QUARTERS - 1, below);
        names[n] = sorted->pdata[end];
        is_number(names[n], &ends[n]);
        n += n == 0 || ends[n] > ends[n - 1];
    }
    return n;
}

static void slice_by_quarter(Column *column, const GPtrArray *sorted)
{
    double ends[QUARTERS - 1], number;
    const char *names[QUARTERS - 1];
    int n = (int)quarter_ends(sorted, names, ends);
    g_ptr_array_set_size(column->values, 0);
    for (int q = 0; q < n; q++)
        g_ptr_array_add(column->values, q ? g_strdup_printf("above %s, to %s", names[q - 1], names[q])
                                          : g_strdup_printf("to %s", names[q]));
    g_ptr_array_add(column->values, g_strdup_printf("above %s", names[n - 1]));
    for (guint i = 0; i < column->texts->len; i++) {
        if (!column->texts->pdata[i] || !is_number(column->texts->pdata[i], &number))
            continue;
        column->of[i] = 0;
        while (column->of[i] < n && number > ends[column->of[i]])
            column->of[i]++;
    }
}

/* most: values of numbers that are no quarters. FALSE where it has nothing to compare. */
static gboolean slice_column(Column *column, guint most, const char *file)
{
    gboolean numbers;
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    column->values = values_of(column->texts, all, &numbers);
    column->of = g_new(int, column->texts->len);
    for (guint i = 0; i < column->texts->len; i++)
        column->of[i] = -1;
    guint n = column->values->len;
    if (!numbers && n > SLICE_NAMES) {
        cli_remark("%s: the column %s has %u values, too many to compare by", file, column->name, n);
        return FALSE;
    }
    if (numbers && n > most)
        slice_by_quarter(column, all);
    else
        slice_by_value(column);
    return n > 1;
}

static gboolean read_table(const Comparison *comparison, const char *file, GPtrArray *columns, GError **error)
{
    g_autofree char *text = input_file_plain(file, error);
    g_autoptr(GHashTable) images = g_hash_table_new(g_str_hash, g_str_equal);
    guint n = comparison->n;
    Table table = {columns, images, -1, n, 0};
    for (guint i = 0; i < n; i++)
        g_hash_table_insert(images, (gpointer)comparison->items[i]->key, GUINT_TO_POINTER(i));
    if (!text || !csv_table(file, text, take_header, take_record, &table, error))
        return FALSE;
    if (!table.found)
        return error_set(error, "%s: names none of the images of %s by their paths in it", file,
                         comparison->images->list->root);
    if (table.found < n)
        cli_remark("%s: does not name %u of the %u images", file, n - table.found, n);
    for (guint c = columns->len; c-- > 0;)
        if ((int)c == table.path || !slice_column(columns->pdata[c], SLICE_VALUES, file))
            g_ptr_array_remove_index(columns, c);
    return columns->len ||
           error_set(error, "%s: has no column besides the paths that has several values", file);
}

/* ---- Measures ---- */

typedef struct {
    const Comparison *comparison;
    Column *columns[SLICE_MEASURES]; /* NULL: not asked for; what says nothing of an image cannot read it */
    Progress *progress;
} Measuring;

/* As a table would say it. */
static char *measured_text(const ImageFacts *facts, int measure)
{
    return measure == SLICE_BRIGHTNESS  ? g_strdup_printf("%.1f", facts->brightness)
           : measure == SLICE_SHARPNESS ? g_strdup_printf("%.1f", facts->sharpness)
                                        : g_strdup_printf("%.0f", (double)facts->width * facts->height);
}

static void measure_image(guint task, guint worker, gpointer data)
{
    const Measuring *measuring = data;
    ImageFacts facts;
    gboolean read =
        !interrupted() && image_file_measure(measuring->comparison->items[task]->path, &facts, NULL);
    for (int m = 0; read && m < SLICE_MEASURES; m++)
        if (measuring->columns[m])
            measuring->columns[m]->texts->pdata[task] = measured_text(&facts, m);
    progress_tick(measuring->progress, 1);
}

static gboolean measure_images(const Comparison *comparison, guint measures, GPtrArray *columns,
                               GError **error)
{
    const char *folder = comparison->images->folder;
    guint n = comparison->n, unread = 0, before = columns->len;
    g_autoptr(Progress) progress = progress_new("Measuring", n, "images");
    Measuring measuring = {.comparison = comparison, .progress = progress};
    for (int m = 0; m < SLICE_MEASURES; m++)
        if (measures & 1U << m)
            measuring.columns[m] = add_column(columns, choice_name(SLICE_MEASURE_CHOICES, m), n);
    thread_pool_run(comparison->thread_pool, n, measure_image, &measuring);
    if (interrupted())
        return error_set(error, "interrupted");
    for (guint i = 0; i < n; i++)
        unread += !((const Column *)columns->pdata[before])->texts->pdata[i];
    if (unread == n)
        return error_set(error, "%s: none of the images could be read below it", folder);
    if (unread)
        cli_warn("%u of the images could not be read below %s and are in no slice by a measure", unread,
                 folder);
    for (int m = 0; m < SLICE_MEASURES; m++)
        if (measuring.columns[m] && !slice_column(measuring.columns[m], QUARTERS, folder)) {
            cli_remark("%s: the images have the same %s", folder, measuring.columns[m]->name);
            g_ptr_array_remove(columns, measuring.columns[m]);
        }
    return columns->len ||
           error_set(error, "%s: the images do not differ in what they are measured by", folder);
}

/* ---- Figures ---- */

/* Before the correction of p. */
static Slice measure_slice(const Evaluation *evaluation, const Column *column, guint value)
{
    const Comparison *comparison = evaluation->comparison;
    guint n = comparison->n;
    Slice slice = {.column = g_intern_string(column->name),
                   .value = g_intern_string(column->values->pdata[value])};
    const int *right = evaluation->is_right;
    g_autofree guint8 *outside = g_new(guint8, n + 1);
    for (guint i = 0; i < n; i++) {
        outside[i] = column->of[i] != (int)value;
        slice.images += !outside[i];
        slice.right += !outside[i] && right[i];
        slice.others += outside[i] && column->of[i] >= 0;
        slice.others_right += outside[i] && column->of[i] >= 0 && right[i];
    }
    slice.interval = interval_share(right, outside, comparison->units, n);
    slice.p = comparison->units ? metrics_grouped_differs(right, column->of, (int)value, comparison->units, n)
                                : metrics_fisher(slice.right, slice.images, slice.others_right, slice.others);
    return slice;
}

static GArray *measure_slices(const Evaluation *evaluation, const GPtrArray *columns)
{
    GArray *slices = g_array_new(FALSE, FALSE, sizeof(Slice));
    for (guint c = 0; c < columns->len; c++) {
        const Column *column = columns->pdata[c];
        for (guint v = 0; v < column->values->len; v++) {
            Slice slice = measure_slice(evaluation, column, v);
            g_array_append_val(slices, slice);
        }
    }
    g_autofree double *p = g_new(double, slices->len + 1);
    for (guint s = 0; s < slices->len; s++)
        p[s] = g_array_index(slices, Slice, s).p;
    metrics_holm(p, slices->len);
    for (guint s = 0; s < slices->len; s++)
        g_array_index(slices, Slice, s).p = p[s];
    return slices;
}

gboolean slices_find(Comparison *comparison, const SliceChoice *choice, GError **error)
{
    g_autoptr(GPtrArray) columns = g_ptr_array_new_with_free_func(column_free);
    if ((choice->table && !read_table(comparison, choice->table, columns, error)) ||
        (choice->measures && !measure_images(comparison, choice->measures, columns, error)))
        return FALSE;
    for (guint j = 0; columns->len && j < comparison->models; j++)
        comparison->evaluations[j]->slices = measure_slices(comparison->evaluations[j], columns);
    return TRUE;
}
