/* memory_plan: reports the memory a run needs and compares it with what is available, before any is taken. */
#pragma once
#include "common/core/memory.h"

enum { MEMORY_SETTINGS = 2 };

typedef struct {
    const char *what;   /* needs it: "training this model" */
    const char *before; /* an option that is advised before others, "--hidden 128"; NULL: none */
    struct {
        const char *option; /* "batch-size"; NULL: there are fewer */
        gint64 value;
    } settings[MEMORY_SETTINGS]; /* numbers to reduce one after another, down to 1, if there is too little */
    gpointer user;

    /* The need of a run with these values of the settings, which smaller ones never increase. parts: NULL, or where a
     * text of what it consists of may go, freed by the caller; then the run is as the user wants it, without `before`. */
    MemoryNeed (*need)(const gint64 *values, char **parts, gpointer user);
} MemoryPlan;

/* Prints "PROGRAM: memory: 0.71 GB needed, 18.20 GB available", as a remark on a terminal, elsewhere as a debug
 * message (shown with G_MESSAGES_DEBUG=vggcache); or returns FALSE and an error with what WHAT needs, what is
 * available, and the largest settings that would fit. */
gboolean memory_plan_check(const MemoryPlan *plan, GError **error);
