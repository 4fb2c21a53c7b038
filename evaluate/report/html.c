/* html: see html.h. */
#include "evaluate/report/html.h"

#include <string.h>

void html_text(GString *page, const char *text)
{
    static const char special[] = "&<>\"";
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (const char *p = valid; *p; p++) {
        const char *found = strchr(special, *p);
        if (found)
            g_string_append(page, entities[found - special]);
        else if ((guchar)*p < 0x20 && *p != '\n' && *p != '\t')
            g_string_append(page, "\uFFFD");
        else
            g_string_append_c(page, *p);
    }
}

void html_print(GString *page, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    escaped_vprintf(page, html_text, format, values);
    va_end(values);
}

void html_prose(GString *page, const char *sentence)
{
    prose_append(page, sentence, html_text, "<code>", "</code>");
}

void html_image(GString *page, const char *classes, const char *type, GBytes *bytes, const char *alt)
{
    gsize size;
    const guchar *data = g_bytes_get_data(bytes, &size);
    g_autofree char *base64 = g_base64_encode(data, size);
    g_string_append(page, "<img ");
    if (classes)
        html_print(page, "class=\"%s\" ", classes);
    html_print(page, "src=\"data:%s;base64,", type);
    g_string_append(page, base64); /* megabytes: not by printf, fatal.h */
    html_print(page, classes ? "\" alt=\"%s\">" : "\" alt=\"%s\" loading=\"lazy\">", alt);
}
