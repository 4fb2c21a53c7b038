/* floats: arrays of float for vector code: zeroed, aligned to 64 bytes, large ones in huge pages if the kernel
 * allows. */
#pragma once
#include <glib.h>

#define FLOATS_ALIGNMENT ((gsize)2 << 20) /* of large ones: more address space than floats */

/* NULL if there is not enough memory. Pages take no memory until they are touched. */
float *floats_try_new(gsize count);
float *floats_new(gsize count);  /* aborts instead */
void floats_free(float *floats); /* NULL allowed */

void floats_sort(float *values, gsize n); /* ascending; none is NaN */
