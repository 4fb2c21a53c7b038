/* choice: see choice.h. */
#include "common/cli/choice.h"

#include <string.h>

/* The end of the name that begins here. */
static const char *name_end(const char *name)
{
    return name + strcspn(name, "|");
}

const char *choice_name(const char *choices, int index)
{
    for (; index > 0 && *choices; index--) {
        choices = name_end(choices);
        choices += *choices == '|';
    }
    g_return_val_if_fail(index == 0 && *choices, NULL);
    g_autofree char *name = g_strndup(choices, (gsize)(name_end(choices) - choices));
    return g_intern_string(name);
}

int choice_find(const char *choices, const char *name)
{
    gsize length = strlen(name);
    for (int index = 0;; index++) {
        const char *end = name_end(choices);
        if (length && (gsize)(end - choices) == length && memcmp(choices, name, length) == 0)
            return index;
        if (!*end)
            return -1;
        choices = end + 1;
    }
}
