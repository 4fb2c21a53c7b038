/* choice: the names of an enum's values, in its order, as one text "adam|rmsprop|sgd": what an option's help shows, and
 * what stands in files. */
#pragma once
#include <glib.h>

/* Name number index, from 0, which must be one of them; lives as long as the process. */
const char *choice_name(const char *choices, int index);

/* Which of them name is, or -1. */
int choice_find(const char *choices, const char *name);
