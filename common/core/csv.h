/* csv: comma-separated values as RFC 4180 has them, with plain newlines. */
#pragma once
#include <glib.h>

/* Quoted where it holds a comma, a quote or a line break. */
void csv_append(GString *line, const char *field);
/* A float32 in the fewest digits that read back as the same value. */
void csv_append_float(GString *line, float value);

/* The fields (char*) of the record that begins at *text, which is moved to the next one; fields may hold line breaks
 * where they are quoted. NULL at the end of the text, or, with error, where a quote is not closed or misplaced. */
GPtrArray *csv_read(const char **text, GError **error);
