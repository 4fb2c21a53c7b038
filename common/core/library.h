/* library: a shared library that the program opens when it first needs it, instead of being linked with it. */
#pragma once
#include <glib.h>

typedef struct {
    const char *name;
    gpointer *place; /* where its address goes */
} LibraryFunction;

/* An entry for a function that the structure has a member of the same name for. */
/* clang-format off */
#define LIBRARY_FUNCTION(structure, function) {#function, (gpointer *)&(structure).function}
/* clang-format on */

/* Opens the library of this name ("libopenblas.so.0"), for the life of the process, and finds these n functions.
 * Returns its handle for dlsym, or NULL. */
void *library_open(const char *library, const LibraryFunction *functions, guint n, GError **error);
