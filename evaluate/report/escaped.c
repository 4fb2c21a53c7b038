/* escaped: see escaped.h. */
#include "evaluate/report/escaped.h"

#include "common/cli/cli.h"

#include <string.h>

void escaped_vprintf(GString *out, Escape escape, const char *format, va_list values)
{
    for (const char *at = format; *at;) {
        gsize plain = strcspn(at, "%");
        g_string_append_len(out, at, (gssize)plain);
        at += plain;
        if (!*at)
            return;
        gsize length = 2 + strspn(at + 1, "+-# .0123456789");
        g_autofree char *one = g_strndup(at, length);
        at += length;
        switch (one[length - 1]) {
        case 's':
            g_assert(length == 2);
            escape(out, va_arg(values, const char *));
            break;
        case 'u':
        case 'd':
            g_string_append_printf(out, one, va_arg(values, int));
            break;
        case 'f':
        case 'g':
            g_string_append_printf(out, one, va_arg(values, double));
            break;
        default:
            g_assert(one[length - 1] == '%');
            g_string_append_c(out, '%');
        }
    }
}

static void escape_text(GString *text, const char *name)
{
    g_autofree char *shown = cli_printable(name);
    g_string_append(text, shown);
}

void text_print(GString *text, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    escaped_vprintf(text, escape_text, format, values);
    va_end(values);
}

static void escape_prose(GString *sentence, const char *name)
{
    for (; *name; name++) {
        g_string_append_c(sentence, *name);
        if (*name == '`')
            g_string_append_c(sentence, '`');
    }
}

void prose_print(GString *sentence, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    escaped_vprintf(sentence, escape_prose, format, values);
    va_end(values);
}

void prose_append(GString *out, const char *sentence, Escape escape, const char *open, const char *close)
{
    g_auto(GStrv) parts = g_strsplit(sentence, "`", -1);
    for (guint i = 0; parts[i]; i++) {
        g_autofree char *typed = i % 2 ? cli_commands(parts[i]) : NULL;
        if (typed && !*typed) {
            g_string_append_c(out, '`'); /* a name's */
            continue;
        }
        g_string_append(out, typed ? open : "");
        escape(out, typed ? typed : parts[i]);
        g_string_append(out, typed ? close : "");
    }
}

void text_prose(GString *text, const char *sentence)
{
    prose_append(text, sentence, escape_text, "", "");
}
