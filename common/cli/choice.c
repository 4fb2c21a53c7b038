/* choice: see choice.h. */
#include "common/cli/choice.h"

const char *choice_name(const char *choices, int index)
{
    g_auto(GStrv) names = g_strsplit(choices, "|", -1);
    g_return_val_if_fail(index >= 0 && index < (int)g_strv_length(names), NULL);
    return g_intern_string(names[index]);
}

int choice_find(const char *choices, const char *name)
{
    g_auto(GStrv) names = g_strsplit(choices, "|", -1);
    for (int index = 0; names[index]; index++)
        if (*name && g_str_equal(names[index], name))
            return index;
    return -1;
}

gboolean choice_parse(const char *choices, const char *name, int *value)
{
    int index = choice_find(choices, name);
    *value = index < 0 ? *value : index;
    return index >= 0;
}
