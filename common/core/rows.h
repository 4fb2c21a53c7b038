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

static inline const float *rows_get(const Rows *rows, guint row, float *buffer)
{
    return rows_part(rows, row, 0, rows->width, buffer);
}
