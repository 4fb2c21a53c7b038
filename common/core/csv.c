/* csv: see csv.h. */
#include "common/core/csv.h"

#include "common/core/error.h"

#include <stdlib.h>
#include <string.h>

void csv_append(GString *line, const char *field)
{
    if (!strpbrk(field, ",\"\r\n")) {
        g_string_append(line, field);
        return;
    }
    g_string_append_c(line, '"');
    for (; *field; field++) {
        if (*field == '"')
            g_string_append_c(line, '"');
        g_string_append_c(line, *field);
    }
    g_string_append_c(line, '"');
}

void csv_append_float(GString *line, float value)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        g_snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    g_string_append(line, text);
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
