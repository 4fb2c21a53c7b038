/* html: see html.h. */
#include "evaluate/report/html.h"

#include "common/cli/cli.h"

void html_text(GString *page, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (const char *p = valid; *p; p++) {
        switch (*p) {
        case '&':
            g_string_append(page, "&amp;");
            break;
        case '<':
            g_string_append(page, "&lt;");
            break;
        case '>':
            g_string_append(page, "&gt;");
            break;
        case '"':
            g_string_append(page, "&quot;");
            break;
        default:
            if ((guchar)*p < 0x20 && *p != '\n' && *p != '\t')
                g_string_append(page, "\uFFFD");
            else
                g_string_append_c(page, *p);
        }
    }
}

void html_element(GString *page, const char *name, const char *text)
{
    g_string_append_printf(page, "<%s>", name);
    html_text(page, text);
    g_string_append_printf(page, "</%s>", name);
}

void html_prose(GString *page, const char *sentence)
{
    g_autofree char *named = cli_commands(sentence);
    g_auto(GStrv) parts = g_strsplit(named, "`", -1);
    for (guint i = 0; parts[i]; i++)
        if (i % 2)
            html_element(page, "code", parts[i]);
        else
            html_text(page, parts[i]);
}

void html_share(GString *page, double share)
{
    g_string_append_printf(page, "%.1f&nbsp;%%", 100 * share);
}

void html_p(GString *page, double p)
{
    g_string_append_printf(page, p < 1e-12 ? "&lt;&nbsp;1e-12" : "%.2g", p);
}

void html_cell(GString *page, const char *label, const char *attributes)
{
    g_string_append(page, "<td data-label=\"");
    html_text(page, label);
    g_string_append_printf(page, "\"%s>", attributes);
}

void html_open_table(GString *page, const char *attributes, const char *label)
{
    g_string_append(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html_text(page, label);
    g_string_append_printf(page, "\"><table%s>\n", attributes);
}

void html_close_table(GString *page)
{
    g_string_append(page, "</tbody></table></div>\n");
}

void html_open_model(GString *page, const char *name, gboolean several, gboolean open)
{
    if (several)
        g_string_append_printf(page, "<details class=\"model\"%s><summary>", open ? " open" : "");
    html_element(page, "h3", name);
    if (several)
        g_string_append(page, "</summary>\n");
}

void html_close_model(GString *page, gboolean several)
{
    g_string_append(page, several ? "</details>\n" : "");
}

void html_data_uri(GString *page, const char *type, GBytes *bytes)
{
    gsize size;
    const guchar *data = g_bytes_get_data(bytes, &size);
    g_autofree char *base64 = g_base64_encode(data, size);
    g_string_append_printf(page, "data:%s;base64,", type);
    g_string_append(page, base64);
}

static void append_themed(GString *page, const char *type, GBytes *bytes, const char *theme, const char *alt)
{
    g_string_append_printf(page, "<img class=\"%s\" src=\"", theme);
    html_data_uri(page, type, bytes);
    g_string_append(page, "\" alt=\"");
    html_text(page, alt);
    g_string_append(page, "\">");
}

void html_figure(GString *page, const char *type, GBytes *light, GBytes *dark, const char *alt)
{
    append_themed(page, type, light, "on-light", alt);
    append_themed(page, type, dark, "on-dark", alt);
}
