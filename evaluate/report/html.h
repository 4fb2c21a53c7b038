/* html: the few building blocks of a page. Text from files is escaped here and nowhere else. */
#pragma once
#include <glib.h>

/* Text or an attribute's value (in double quotes): escaped, made valid UTF-8, control characters replaced. */
void html_text(GString *page, const char *text);

/* "<name>text</name>" */
void html_element(GString *page, const char *name, const char *text);

/* <img> of a figure in both themes; the style sheet shows one of them. type: "image/png",
 * "image/svg+xml". */
void html_figure(GString *page, const char *type, GBytes *light, GBytes *dark, const char *alt);

/* data:TYPE;base64,… */
void html_data_uri(GString *page, const char *type, GBytes *bytes);
