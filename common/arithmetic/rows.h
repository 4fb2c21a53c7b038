/* rows: access to N vectors of D floats, one at a time, in memory or packed in a cache. */
#pragma once
#include <glib.h>

typedef struct {
    guint n;     /* N */
    gsize width; /* D */
    gsize bytes; /* mean size of a stored row: the memory to keep it */

    /* Elements first … first+count-1 of a row, first a multiple of 64: in place, or in the caller's buffer (count).
     * Valid until the buffer is reused. Threads may call it concurrently, each with its own buffer. */
    const float *(*part)(gconstpointer user, guint row, gsize first, gsize count, float *buffer);
    gconstpointer user;
} Rows;

static inline const float *rows_part(const Rows *rows, guint row, gsize first, gsize count, float *buffer)
{
    return rows->part(rows->user, row, first, count, buffer);
}

/* Those of `all` with the numbers in items (n); both borrowed, as is the choice itself. */
typedef struct {
    const Rows *all;
    const guint *items;
} RowsChoice;

static inline const float *rows_part_chosen(gconstpointer user, guint row, gsize first, gsize count,
                                            float *buffer)
{
    const RowsChoice *choice = user;
    return rows_part(choice->all, choice->items[row], first, count, buffer);
}

static inline Rows rows_choose(const RowsChoice *choice, guint n)
{
    return (Rows){n, choice->all->width, choice->all->bytes, rows_part_chosen, choice};
}

static inline const float *rows_get(const Rows *rows, guint row, float *buffer)
{
    return rows_part(rows, row, 0, rows->width, buffer);
}
