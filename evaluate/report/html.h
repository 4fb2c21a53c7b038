/* html: the few building blocks of a page. Text from files is escaped here and nowhere else. */
#pragma once
#include "evaluate/report/escaped.h"

/* Text or an attribute's value (in double quotes): escaped, made valid UTF-8, control characters replaced. An Escape. */
void html_text(GString *page, const char *text);

/* Markup, in which each %s is such a text; escaped.h says what else the format may have. */
void html_print(GString *page, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* A sentence by prose_print: what is typed as <code>. */
void html_prose(GString *page, const char *sentence);

/* <img> of a file that the page holds, loaded where it is shown. classes: NULL for none. */
void html_image(GString *page, const char *classes, const char *type, GBytes *bytes, const char *alt);
