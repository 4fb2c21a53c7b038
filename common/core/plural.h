/* plural: the form of a word that goes with a count: printf("%u %s", n, plural(n, "image", "images")). */
#pragma once
#include <glib.h>

static inline const char *plural(guint64 n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}
