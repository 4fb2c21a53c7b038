/* csv: see csv.h. */
#include "common/core/csv.h"

#include "common/core/error.h"

#include <stdlib.h>
#include <string.h>

static void begin_field(GString *text, const char *field)
{
    gboolean first = !text->len || text->str[text->len - 1] == '\n';
    g_assert(!first || *field); /* the next one could not tell that there is a field before it */
    if (!first)
        g_string_append_c(text, ',');
}

void csv_append(GString *text, const char *field)
{
    gboolean quoted = strpbrk(field, ",\"\r\n") != NULL;
    begin_field(text, field);
    if (quoted)
        g_string_append_c(text, '"');
    for (; *field; field++) {
        if (*field == '"')
            g_string_append_c(text, '"');
        g_string_append_c(text, *field);
    }
    if (quoted)
        g_string_append_c(text, '"');
}

void csv_append_float(GString *text, float value)
{
    char number[32];
    for (int digits = 6; digits <= 9; digits++) {
        g_snprintf(number, sizeof number, "%.*g", digits, (double)value);
        if (strtof(number, NULL) == value)
            break;
    }
    begin_field(text, number);
    g_string_append(text, number);
}

/* From after the opening quote to after the closing one. */
static gboolean read_quoted(const char **text, GString *field, GError **error)
{
    for (const char *c = *text; *c; c++)
        if (*c != '"') {
            g_string_append_c(field, *c);
        } else if (c[1] == '"') {
            g_string_append_c(field, *c++);
        } else {
            *text = c + 1;
            return strchr(",\r\n", c[1]) || error_set(error, "text follows a closing quote");
        }
    return error_set(error, "a quote is not closed");
}

static gboolean read_field(const char **text, GPtrArray *fields, GError **error)
{
    g_autoptr(GString) field = g_string_new(NULL);
    gsize length = strcspn(*text, ",\r\n");
    if (**text == '"') {
        ++*text;
        if (!read_quoted(text, field, error))
            return FALSE;
    } else {
        g_string_append_len(field, *text, (gssize)length);
        *text += length;
    }
    g_ptr_array_add(fields, g_string_free(g_steal_pointer(&field), FALSE));
    return TRUE;
}

GPtrArray *csv_read(const char **text, GError **error)
{
    g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
    if (!**text)
        return NULL;
    while (read_field(text, fields, error)) {
        if (**text == ',') {
            ++*text;
            continue;
        }
        *text += **text == '\r';
        *text += **text == '\n';
        return g_steal_pointer(&fields);
    }
    return NULL;
}

gboolean csv_table(const char *file, const char *text, CsvTake take_header, CsvTake take_record,
                   gpointer user, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(GPtrArray) header = csv_read(&text, &problem);
    if (!header || !take_header(header, user, &problem))
        return error_set(error, "%s: %s", file, problem ? problem->message : "it is empty, not CSV");
    for (guint record = 2;; record++) {
        g_autoptr(GPtrArray) fields = csv_read(&text, &problem);
        if (!fields && !problem)
            return TRUE;
        gboolean blank = fields && fields->len == 1 && !*(const char *)fields->pdata[0];
        if (problem || (!blank && !take_record(fields, user, &problem)))
            return error_set(error, "%s: record %u: %s", file, record, problem->message);
    }
}

/* The known name that parts[first], parts[first + 1], … make, the shortest one; the first part if there is none. *end:
 * the part after it. Caller frees. */
static char *join_known(char **parts, guint first, CsvKnown known, gpointer user, guint *end)
{
    enum { MAX_PARTS = 16 };
    g_autoptr(GString) name = g_string_new(parts[first]);
    for (guint i = first + 1;; i++) {
        g_autofree char *stripped = g_strstrip(g_strdup(name->str));
        *end = i;
        if (known(stripped, user))
            return g_steal_pointer(&stripped);
        if (!parts[i] || i - first == MAX_PARTS)
            break;
        g_string_append_printf(name, ",%s", parts[i]);
    }
    *end = first + 1;
    return g_strstrip(g_strdup(parts[first]));
}

GPtrArray *csv_names(const char *text, CsvKnown known, gpointer user, GError **error)
{
    g_autoptr(GPtrArray) parts = *text ? csv_read(&text, error) : g_ptr_array_new();
    if (!parts)
        return NULL;
    g_ptr_array_add(parts, NULL);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; parts->pdata[i];) {
        char *name = join_known((char **)parts->pdata, i, known, user, &i);
        if (*name)
            g_ptr_array_add(names, name);
        else
            g_free(name);
    }
    return names;
}
