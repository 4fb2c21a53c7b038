/* csv: comma-separated values by RFC 4180, with plain newlines. */
#pragma once
#include <glib.h>

/* Appends a field, behind a comma but for a line's first, which is not empty; quoted if it contains a comma, a quote or a
 * line break. */
void csv_append(GString *text, const char *field);
/* Appends a float32 likewise, with the fewest digits that read back as the same value. */
void csv_append_float(GString *text, float value);

/* The fields (char*) of the record at *text, which is moved to the next record; quoted fields may contain line
 * breaks. NULL at the end of the text, or with error if a quote is misplaced or not closed. */
GPtrArray *csv_read(const char **text, GError **error);

/* Gives the first record of a file's text to take_header and each further one to take_record, but for empty lines, which
 * editors leave at the end. FALSE and an error that names the file, and before that of take_record the record, where the
 * text is empty or misquoted, or one of these returns FALSE. */
typedef gboolean (*CsvTake)(const GPtrArray *fields, gpointer user, GError **error);
gboolean csv_table(const char *file, const char *text, CsvTake take_header, CsvTake take_record,
                   gpointer user, GError **error);

/* A list of names from a command line, by the rules of a record: names with commas in quotes, or, where several parts
 * together are a known name and the first alone is not, as they are. Blanks around a name are dropped, as are empty
 * names. char*; NULL and error where a quote is misplaced. */
typedef gboolean (*CsvKnown)(const char *name, gpointer user);
GPtrArray *csv_names(const char *text, CsvKnown known, gpointer user, GError **error);
