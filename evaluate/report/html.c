/* html: see html.h. */
#include "evaluate/report/html.h"

#include "common/cli/cli.h"

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

void html_add(GString *page, const char *markup, ...)
{
    va_list parts;
    gboolean is_text = FALSE;
    va_start(parts, markup);
    for (const char *part = markup; part; part = va_arg(parts, const char *), is_text = !is_text)
        if (is_text)
            html_text(page, part);
        else
            g_string_append(page, part);
    va_end(parts);
}

void html_prose(GString *page, const char *sentence)
{
    g_autofree char *named = cli_commands(sentence);
    g_auto(GStrv) parts = g_strsplit(named, "`", -1);
    for (guint i = 0; parts[i]; i++)
        if (i % 2)
            html_add(page, "<code>", parts[i], "</code>", NULL);
        else
            html_text(page, parts[i]);
}

char *html_share(double share)
{
    return g_strdup_printf("%.1f&nbsp;%%", 100 * share);
}

void html_image(GString *page, const char *classes, const char *type, GBytes *bytes, const char *alt)
{
    gsize size;
    const guchar *data = g_bytes_get_data(bytes, &size);
    g_autofree char *base64 = g_base64_encode(data, size);
    g_string_append(page, "<img ");
    if (classes)
        g_string_append_printf(page, "class=\"%s\" ", classes);
    g_string_append_printf(page, "src=\"data:%s;base64,", type);
    g_string_append(page, base64); /* megabytes: not by printf, fatal.h */
    html_add(page, "\" alt=\"", alt, classes ? "\">" : "\" loading=\"lazy\">", NULL);
}
