/* ticks: where the ticks of an axis are: at nice numbers (Heckbert 1990, Graphics Gems), 1, 2 or 5 times a power of
 * ten; on a logarithmic axis one per decade, with 2 and 5 between if there is room. */
#pragma once
#include <glib.h>

/* The smallest of 1, 2, 5 or 10 times a power of ten that is not below span > 0; whole: nor below 1. */
double ticks_step(double span, gboolean whole);

/* Writes the ticks within [from, to] to ticks (max), max >= 2, and returns their number. whole: integers only; log:
 * requires from > 0, and ignores whole. */
guint ticks_choose(double from, double to, gboolean log, gboolean whole, double *ticks, guint max);
