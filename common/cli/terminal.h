/* terminal: what stands at the other end of a descriptor, for text, colour and the progress bar. */
#pragma once
#include <glib.h>

enum { TERMINAL_TEXT = 100 /* columns of text at most, and where there is no terminal */ };

/* Whether lines can be drawn over: a terminal, and not TERM=dumb. */
gboolean terminal_draws(int fd);

/* The terminal's columns now; 0: it is none, or does not say. */
int terminal_columns(int fd);

/* Columns that text takes: the terminal's, at most TERMINAL_TEXT. */
int terminal_text_width(int fd);

/* Whether colour is wanted there: a terminal that draws, and NO_COLOR is not set (no-color.org). */
gboolean terminal_colours(int fd);
