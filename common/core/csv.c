#include "common/core/csv.h"

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
