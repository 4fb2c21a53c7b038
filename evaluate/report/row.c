/* row: see row.h. */
#include "evaluate/report/row.h"

#include <math.h>
#include <string.h>

json_t *row_json(RowDescribe describe, gconstpointer of, guint line)
{
    Row row = {.object = json_object()};
    describe(&row, of, line);
    return row.object;
}

json_t *rows_json(RowDescribe describe, gconstpointer of, guint n)
{
    json_t *array = json_array();
    for (guint line = 0; line < n; line++)
        json_array_append_new(array, row_json(describe, of, line));
    return array;
}

json_t *rows_named(RowDescribe describe, gconstpointer of, const char *const *names, guint n)
{
    json_t *object = json_object();
    for (guint line = 0; line < n; line++) {
        g_autofree char *name = g_utf8_make_valid(names[line], -1);
        json_object_set_new(object, name, row_json(describe, of, line));
    }
    return object;
}

void rows_table(GString *page, const char *classes, const char *label, RowDescribe describe, gconstpointer of,
                guint n)
{
    gboolean folds = strstr(classes, "fold") != NULL, sortable = strstr(classes, "sortable") != NULL;
    Row head = {.page = page, .head = TRUE};
    html_print(page,
               "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table class=\"%s\">\n"
               "<thead><tr>",
               label, classes);
    describe(&head, of, 0);
    g_string_append(page, "</tr></thead>\n<tbody>\n");
    for (guint line = 0; line < n; line++) {
        Row row = {.page = page, .folds = folds, .sortable = sortable};
        g_string_append(page, "<tr>");
        describe(&row, of, line);
        g_string_append(page, "</tr>\n");
    }
    g_string_append(page, "</tbody></table></div>\n");
}

/* ---- Fields ---- */

typedef struct {
    const char *name, *title;
    gboolean text; /* left aligned, and sorted by as it is */
    double value;  /* what other fields are sorted by; NAN: it is missing */
} Field;

static void append_attributes(const Row *row, Field field)
{
    GString *page = row->page;
    gboolean missing = isnan(field.value), bar = row->bars && !field.text && !missing;
    if (row->folds)
        html_print(page, " data-label=\"%s\"", field.title);
    if (field.text || bar || row->best)
        html_print(page, " class=\"%s\"", field.text ? "text" : bar ? "bar" : "best");
    if (bar)
        html_print(page, " style=\"--share:%.1f%%\"", 100 * field.value);
    if (row->sortable && !field.text && missing)
        g_string_append(page, " data-value=\"Infinity\"");
    else if (row->sortable && !field.text)
        html_print(page, " data-value=\"%.17g\"", field.value);
    if (missing && row->missing)
        html_print(page, " title=\"%s\"", row->missing);
}

void row_value(Row *row, const char *name, json_t *value)
{
    if (row->object && name)
        json_object_set_new(row->object, name, value);
    else
        json_decref(value);
}

/* Takes json. format: the value on the page, as html_print's. */
static void G_GNUC_PRINTF(4, 5) add(Row *row, Field field, json_t *json, const char *format, ...)
{
    GString *page = row->page;
    row_value(row, field.name, json);
    if (!page || !field.title)
        return;
    gboolean first = row->cells++ == 0, heads = row->head || first;
    g_string_append(page, !heads ? "<td" : row->head ? "<th scope=\"col\"" : "<th scope=\"row\"");
    if (!heads)
        append_attributes(row, field);
    g_string_append(page, row->head && field.text ? " class=\"text\">" : ">");
    va_list values;
    va_start(values, format);
    if (row->head)
        html_text(page, field.title);
    else if (!first && isnan(field.value))
        g_string_append(page, "\u2013");
    else
        escaped_vprintf(page, html_text, format, values);
    va_end(values);
    g_string_append(page, heads ? "</th>" : "</td>");
}

void row_text(Row *row, const char *name, const char *title, const char *value)
{
    add(row, (Field){name, title, TRUE, 0}, value ? cli_json(value) : json_null(), "%s",
        value ? value : "\u2013");
}

void row_count(Row *row, const char *name, const char *title, guint value)
{
    add(row, (Field){name, title, FALSE, value}, json_integer(value), "%u", value);
}

void row_flag(Row *row, const char *name, const char *title, gboolean value, const char *yes)
{
    add(row, (Field){name, title, TRUE, 0}, json_boolean(value), value ? "<strong>%s</strong>" : "%s",
        value ? yes : "");
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void row_share(Row *row, const char *name, const char *title, double value)
{
    add(row, (Field){name, title, FALSE, value}, number(value), "%.1f&nbsp;%%", 100 * value);
}

void row_number(Row *row, const char *name, const char *title, double value, int decimals)
{
    g_autofree char *shown = g_strdup_printf("%.*f", decimals, value);
    add(row, (Field){name, title, FALSE, value}, number(value), "%s", shown);
}

void row_p(Row *row, const char *name, const char *title, double value)
{
    add(row, (Field){name, title, FALSE, value}, json_real(value), value < 1e-12 ? "&lt;&nbsp;1e-12" : "%.2g",
        value);
}

void row_interval(Row *row, const char *name, const char *title, Interval value)
{
    json_t *json = isnan(value.low) ? json_null() : json_pack("[f,f]", value.low, value.high);
    add(row, (Field){name, title, FALSE, value.low}, json, "%.1f to %.1f&nbsp;%%", 100 * value.low,
        100 * value.high);
}
