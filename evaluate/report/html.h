/* html: the few building blocks of a page. Text from files is escaped here and nowhere else. */
#pragma once
#include <glib.h>

/* Text or an attribute's value (in double quotes): escaped, made valid UTF-8, control characters replaced. */
void html_text(GString *page, const char *text);

/* "<name>text</name>" */
void html_element(GString *page, const char *name, const char *text);

/* A sentence in which what is typed stands between backquotes, as <code>. */
void html_prose(GString *page, const char *sentence);

/* One way to write a share, "90.2 %" without a break, and a probability, "0.03" or "< 1e-12". */
void html_share(GString *page, double share);
void html_p(GString *page, double p);

/* A cell of a table; where the page is narrow, rows fold and the cell stands beside this label, its column's title.
 * attributes: " class=…" or "". */
void html_cell(GString *page, const char *label, const char *attributes);

/* A table wider than the page can be scrolled, also with the keyboard. attributes: as above; closed after its last row. */
void html_open_table(GString *page, const char *attributes, const char *label);
void html_close_table(GString *page);

/* What belongs to one of several models: folded but for those that are open. One model alone is not folded. */
void html_open_model(GString *page, const char *name, gboolean several, gboolean open);
void html_close_model(GString *page, gboolean several);

/* <img> of a figure in both themes; the style sheet shows one of them. type: "image/png",
 * "image/svg+xml". */
void html_figure(GString *page, const char *type, GBytes *light, GBytes *dark, const char *alt);

/* data:TYPE;base64,… */
void html_data_uri(GString *page, const char *type, GBytes *bytes);
