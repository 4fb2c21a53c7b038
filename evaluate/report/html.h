/* html: the few building blocks of a page. Text from files is escaped here and nowhere else. */
#pragma once
#include <glib.h>

/* Text or an attribute's value (in double quotes): escaped, made valid UTF-8, control characters replaced. */
void html_text(GString *page, const char *text);

/* Markup as it is and text that is escaped, in turns, markup first: "<p>", text, "</p>\n", NULL. */
void html_add(GString *page, const char *markup, ...) G_GNUC_NULL_TERMINATED;

/* A sentence in which what is typed stands between backquotes, as <code>. */
void html_prose(GString *page, const char *sentence);

/* A share as "90.2 %" without a break. Caller frees. */
char *html_share(double share);

/* <img> of a file that the page holds, loaded where it is shown. classes: NULL for none. */
void html_image(GString *page, const char *classes, const char *type, GBytes *bytes, const char *alt);
