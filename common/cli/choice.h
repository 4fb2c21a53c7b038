/* choice: the names of an enum's values, in order, as one text "adam|rmsprop|sgd", for options, help and files. */
#pragma once
#include <glib.h>

/* The name with this index (from 0), which must be valid; lives as long as the process. */
const char *choice_name(const char *choices, int index);

/* The index of name, or -1. */
int choice_find(const char *choices, const char *name);

/* FALSE if there is no such name; else *value, an enum's, is its index. */
gboolean choice_parse(const char *choices, const char *name, int *value);
