/* escaped: printf into a text in which no name, from a file or a command line, is taken for markup or steers a terminal.
 * Every %s is escaped, and has neither width nor precision; %u, %d, %f, %g and %% are printf's, with flags, width and
 * precision, without lengths. No other conversion is known. */
#pragma once
#include <glib.h>

/* Appends a text, escaped. */
typedef void (*Escape)(GString *out, const char *text);

void escaped_vprintf(GString *out, Escape escape, const char *format, va_list values) G_GNUC_PRINTF(3, 0);

/* For a terminal: by cli_printable. */
void text_print(GString *text, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* For a sentence in which what is typed stands between backquotes: those of a name are doubled. */
void prose_print(GString *sentence, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Appends such a sentence, escaped, with names as they are, and what is typed by cli_commands between these. */
void prose_append(GString *out, const char *sentence, Escape escape, const char *open, const char *close);

/* Likewise, for a terminal, where nothing shows what is typed. */
void text_prose(GString *text, const char *sentence);
