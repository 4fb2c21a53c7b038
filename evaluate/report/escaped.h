/* escaped: printf into a text in which no name, from a file or a command line, is taken for markup or steers a terminal.
 * Every %s is escaped; %u, %d, %f, %g and %% are printf's, with flags, width and precision, without lengths. */
#pragma once
#include <glib.h>

/* Appends a text, escaped. */
typedef void (*Escape)(GString *out, const char *text);

void escaped_vprintf(GString *out, Escape escape, const char *format, va_list values);

/* For a terminal: by cli_printable. */
void text_print(GString *text, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* For a sentence in which what is typed stands between backquotes: those of a name are doubled. */
void prose_print(GString *sentence, const char *format, ...) G_GNUC_PRINTF(2, 3);
