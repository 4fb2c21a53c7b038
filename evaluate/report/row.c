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
    html_add(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", label,
             "\"><table class=\"", classes, "\">\n<thead><tr>", NULL);
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
        html_add(page, " data-label=\"", field.title, "\"", NULL);
    if (field.text || bar || row->best)
        g_string_append_printf(page, " class=\"%s\"", field.text ? "text" : bar ? "bar" : "best");
    if (bar)
        g_string_append_printf(page, " style=\"--share:%.1f%%\"", 100 * field.value);
    if (row->sortable && !field.text && missing)
        g_string_append(page, " data-value=\"Infinity\"");
    else if (row->sortable && !field.text)
        g_string_append_printf(page, " data-value=\"%.17g\"", field.value);
    if (missing && row->missing)
        g_string_append_printf(page, " title=\"%s\"", row->missing);
}

void row_value(Row *row, const char *name, json_t *value)
{
    if (row->object && name)
        json_object_set_new(row->object, name, value);
    else
        json_decref(value);
}

/* Takes both; shown: the value on the page, as HTML. */
static void add(Row *row, Field field, json_t *json, char *shown)
{
    g_autofree char *html = shown;
    GString *page = row->page;
    row_value(row, field.name, json);
    if (!page || !field.title)
        return;
    gboolean first = row->cells++ == 0;
    if (row->head) {
        html_add(page, field.text ? "<th scope=\"col\" class=\"text\">" : "<th scope=\"col\">", field.title,
                 NULL);
    } else if (first) {
        g_string_append_printf(page, "<th scope=\"row\">%s", html);
    } else {
        g_string_append(page, "<td");
        append_attributes(row, field);
        g_string_append_printf(page, ">%s", isnan(field.value) ? "\u2013" : html);
    }
    g_string_append(page, row->head || first ? "</th>" : "</td>");
}

void row_text(Row *row, const char *name, const char *title, const char *value)
{
    GString *html = g_string_new(NULL);
    html_text(html, value ? value : "\u2013");
    add(row, (Field){name, title, TRUE, 0}, value ? cli_json(value) : json_null(),
        g_string_free(html, FALSE));
}

void row_count(Row *row, const char *name, const char *title, guint value)
{
    add(row, (Field){name, title, FALSE, value}, json_integer(value), g_strdup_printf("%u", value));
}

void row_flag(Row *row, const char *name, const char *title, gboolean value, const char *yes)
{
    add(row, (Field){name, title, TRUE, 0}, json_boolean(value),
        value ? g_strdup_printf("<strong>%s</strong>", yes) : g_strdup(""));
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void row_share(Row *row, const char *name, const char *title, double value)
{
    add(row, (Field){name, title, FALSE, value}, number(value), html_share(value));
}

void row_number(Row *row, const char *name, const char *title, double value, int decimals)
{
    add(row, (Field){name, title, FALSE, value}, number(value), g_strdup_printf("%.*f", decimals, value));
}

void row_p(Row *row, const char *name, const char *title, double value)
{
    add(row, (Field){name, title, FALSE, value}, json_real(value),
        value < 1e-12 ? g_strdup("&lt;&nbsp;1e-12") : g_strdup_printf("%.2g", value));
}

void row_interval(Row *row, const char *name, const char *title, Interval value)
{
    json_t *json = isnan(value.low) ? json_null() : json_pack("[f,f]", value.low, value.high);
    add(row, (Field){name, title, FALSE, value.low}, json,
        g_strdup_printf("%.1f to %.1f&nbsp;%%", 100 * value.low, 100 * value.high));
}
