/* row: a line of an answer, described once, field by field: the name that the JSON calls it by, the title of its column
 * on the page (NULL: not there), and its value. The same description gives a JSON object, and the head and a line of a
 * table. */
#pragma once
#include "common/cli/cli.h"
#include "common/model/interval.h"
#include "evaluate/report/html.h"

typedef struct {
    json_t *object; /* what is written is this; NULL: a table of the page */
    GString *page;
    gboolean head;     /* titles in the place of values */
    gboolean folds;    /* cells carry their titles, which stand beside them then */
    gboolean sortable; /* cells carry their numbers, which are sorted by */
    guint cells;       /* so far; the first one names the line */
    /* Of the cells to come, set by the description: */
    gboolean bars;       /* shares are drawn as bars, too */
    gboolean best;       /* marked as the best of its column */
    const char *missing; /* why a value may be missing; NULL: that is plain */
} Row;

/* Describes a line of what an answer is of. */
typedef void (*RowDescribe)(Row *row, gconstpointer of, guint line);

json_t *row_json(RowDescribe describe, gconstpointer of, guint line);
json_t *rows_json(RowDescribe describe, gconstpointer of, guint n); /* an array of them */
/* An object of them by their names (n), in which bytes that are not UTF-8 are replaced. */
json_t *rows_named(RowDescribe describe, gconstpointer of, const char *const *names, guint n);

/* classes: of the table, "fold" where its rows fold on a narrow page, "sortable"; n: at least one. */
void rows_table(GString *page, const char *classes, const char *label, RowDescribe describe, gconstpointer of,
                guint n);

/* Bytes that are not UTF-8 are replaced; NULL: missing. */
void row_text(Row *row, const char *name, const char *title, const char *value);
void row_count(Row *row, const char *name, const char *title, guint value);
void row_flag(Row *row, const char *name, const char *title, gboolean value, const char *yes);
/* A value of the JSON alone; takes it. */
void row_value(Row *row, const char *name, json_t *value);
/* NAN, and in the JSON infinity: missing. On the page a share is written in percent, a number with this many decimals, an
 * interval of shares as theirs, and p as far as it matters. */
void row_share(Row *row, const char *name, const char *title, double value);
void row_number(Row *row, const char *name, const char *title, double value, int decimals);
void row_p(Row *row, const char *name, const char *title, double value);
void row_interval(Row *row, const char *name, const char *title, Interval value);
