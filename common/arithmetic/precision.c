/* precision: see precision.h. */
#include "common/arithmetic/precision.h"

#include "common/core/choice.h"

const char *precision_name(Precision precision)
{
    return choice_name(PRECISION_CHOICES, precision);
}

gboolean precision_parse(const char *name, Precision *precision)
{
    int index = choice_find(PRECISION_CHOICES, name);
    if (index >= 0)
        *precision = (Precision)index;
    return index >= 0;
}
