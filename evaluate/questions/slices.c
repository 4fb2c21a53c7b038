/* slices: see slices.h. */
#include "evaluate/questions/slices.h"

#include "common/cli/cli.h"
#include "common/core/csv.h"
#include "common/core/error.h"

#include <math.h>
#include <string.h>

/* ---- A table ---- */

typedef struct {
    Comparison *comparison;
    GHashTable *images; /* path -> index */
    int path;           /* column */
    GPtrArray *texts;   /* of each column a GPtrArray of (N) char*, NULL where it says nothing */
    guint found;
} Table;

static gboolean take_header(const GPtrArray *fields, gpointer user, GError **error)
{
    Table *table = user;
    for (guint c = 0; c < fields->len; c++) {
        const char *name = fields->pdata[c];
        GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_set_size(texts, (int)comparison_count(table->comparison));
        g_ptr_array_add(table->texts, texts);
        if (g_str_equal(name, "path") || (table->path < 0 && g_str_equal(name, "file_name")))
            table->path = (int)c;
        SliceColumn *column = g_new0(SliceColumn, 1);
        column->name = g_strdup(name);
        g_ptr_array_add(table->comparison->slices, column);
    }
    return table->path >= 0 || error_set(error, "its first line must name the column path (or file_name)");
}

static gboolean take_record(const GPtrArray *fields, gpointer user, GError **error)
{
    Table *table = user;
    gpointer image;
    if (fields->len != table->texts->len)
        return error_set(error, "it has %u fields, not %u", fields->len, table->texts->len);
    if (!g_hash_table_steal_extended(table->images, fields->pdata[table->path], NULL, &image))
        return TRUE; /* of an image that is not evaluated, or named before */
    table->found++;
    for (guint c = 0; c < fields->len; c++)
        if (*(const char *)fields->pdata[c])
            ((GPtrArray *)table->texts->pdata[c])->pdata[GPOINTER_TO_UINT(image)] =
                g_strdup(fields->pdata[c]);
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

static void slice_by_value(SliceColumn *column, const GPtrArray *texts)
{
    for (guint i = 0; i < texts->len; i++)
        for (guint v = 0; texts->pdata[i] && v < column->values->len && column->of[i] < 0; v++)
            if (g_str_equal(texts->pdata[i], column->values->pdata[v]))
                column->of[i] = (int)v;
}

/* sorted: all numbers. Each quarter ends with a number that occurs. */
static void slice_by_quarter(SliceColumn *column, const GPtrArray *texts, const GPtrArray *sorted)
{
    enum { QUARTERS = 4 };
    double ends[QUARTERS - 1], number;
    const char *names[QUARTERS - 1];
    g_ptr_array_set_size(column->values, 0);
    for (guint q = 0; q < QUARTERS - 1; q++) {
        names[q] = sorted->pdata[(gsize)sorted->len * (q + 1) / QUARTERS - 1];
        is_number(names[q], &ends[q]);
        g_ptr_array_add(column->values, q ? g_strdup_printf("above %s, to %s", names[q - 1], names[q])
                                          : g_strdup_printf("to %s", names[q]));
    }
    g_ptr_array_add(column->values, g_strdup_printf("above %s", names[QUARTERS - 2]));
    for (guint i = 0; i < texts->len; i++) {
        if (!texts->pdata[i] || !is_number(texts->pdata[i], &number))
            continue;
        column->of[i] = 0;
        while (column->of[i] < QUARTERS - 1 && number > ends[column->of[i]])
            column->of[i]++;
    }
}

/* FALSE where it has nothing to compare. */
static gboolean slice_column(SliceColumn *column, const GPtrArray *texts, const char *file)
{
    gboolean numbers;
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    column->values = values_of(texts, all, &numbers);
    column->of = g_new(int, texts->len);
    for (guint i = 0; i < texts->len; i++)
        column->of[i] = -1;
    guint n = column->values->len;
    if (!numbers && n > SLICE_NAMES) {
        cli_remark("%s: the column %s has %u values, too many to compare by", file, column->name, n);
        return FALSE;
    }
    if (numbers && n > SLICE_VALUES)
        slice_by_quarter(column, texts, all);
    else
        slice_by_value(column, texts);
    return n > 1;
}

static void slice_columns(Table *table, const char *file)
{
    GPtrArray *columns = table->comparison->slices;
    for (guint c = columns->len; c-- > 0;)
        if ((int)c == table->path || !slice_column(columns->pdata[c], table->texts->pdata[c], file))
            g_ptr_array_remove_index(columns, c);
}

gboolean slices_read(Comparison *comparison, const char *file, GError **error)
{
    g_autofree char *text = csv_text(file, error);
    g_autoptr(GHashTable) images = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    Table table = {comparison, images, -1, texts, 0};
    guint n = comparison_count(comparison);
    for (guint i = 0; i < n; i++)
        g_hash_table_insert(images, comparison->images->paths->pdata[i], GUINT_TO_POINTER(i));
    comparison->slices = g_ptr_array_new_with_free_func(slice_column_free);
    if (!text || !csv_table(file, text, take_header, take_record, &table, error))
        return FALSE;
    if (!table.found)
        return error_set(error, "%s: names none of the images of %s by their paths in it", file,
                         comparison->images->source);
    if (table.found < n)
        cli_remark("%s: does not name %u of the %u images", file, n - table.found, n);
    slice_columns(&table, file);
    return comparison->slices->len ||
           error_set(error, "%s: has no column besides the paths that has several values", file);
}

/* ---- Figures ---- */

/* Slices of a column, before their correction. */
static void measure_column(const Comparison *comparison, const Evaluation *evaluation,
                           const SliceColumn *column, GArray *slices)
{
    guint first = slices->len, images = 0, right = 0;
    for (guint v = 0; v < column->values->len; v++) {
        Slice slice = {.column = column->name, .value = column->values->pdata[v]};
        g_array_append_val(slices, slice);
    }
    for (guint i = 0; i < comparison_count(comparison); i++) {
        if (column->of[i] < 0)
            continue;
        Slice *slice = &g_array_index(slices, Slice, first + (guint)column->of[i]);
        gboolean good = evaluation->predicted[i] == test_images_labels(comparison->images)[i];
        slice->images++;
        slice->right += good;
        images++;
        right += good;
    }
    for (guint s = first; s < slices->len; s++) {
        Slice *slice = &g_array_index(slices, Slice, s);
        slice->others = images - slice->images;
        slice->others_right = right - slice->right;
        slice->interval = interval_wilson(slice->right, slice->images);
        slice->p = metrics_fisher(slice->right, slice->images, slice->others_right, slice->others);
    }
}

GArray *slices_measure(const Comparison *comparison, const Evaluation *evaluation)
{
    GArray *slices = g_array_new(FALSE, FALSE, sizeof(Slice));
    for (guint c = 0; comparison->slices && c < comparison->slices->len; c++)
        measure_column(comparison, evaluation, comparison->slices->pdata[c], slices);
    g_autofree double *p = g_new(double, slices->len + 1);
    for (guint s = 0; s < slices->len; s++)
        p[s] = g_array_index(slices, Slice, s).p;
    metrics_holm(p, slices->len);
    for (guint s = 0; s < slices->len; s++)
        g_array_index(slices, Slice, s).p = p[s];
    return slices;
}
