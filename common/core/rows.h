/* rows: N vectors of D floats, read one at a time wherever they are stored: in memory, or packed in a cache. */
#pragma once
#include <glib.h>

typedef struct {
    guint n;     /* N */
    gsize width; /* D */
    gsize bytes; /* of a row where it lies, in the mean: what keeping it in memory takes */

    /* Elements first … first+count-1 of a row, first a multiple of 64: where they lie, or put into buffer (count), which
     * is the caller's. Good until the buffer is used again. Threads may call at once, each with its own buffer. */
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
