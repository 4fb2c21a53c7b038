/* memory_plan: reports the memory a run needs and compares it with what is available, before any is taken. */
#pragma once
#include "common/core/memory.h"

/* The need of a run with the given settings (step 0), or with smaller ones, which never increase it. FALSE: there is
 * no such step. *words: for step 0, what the need consists of, or NULL; for others, the options for these settings
 * ("--batch 2"). Allocated; freed by the caller of this function. */
typedef gboolean (*MemorySetting)(guint step, MemoryNeed *need, char **words, gpointer user);

/* Prints "PROGRAM: memory: 0.71 GB needed, 18.20 GB available", as a remark on a terminal, elsewhere as a debug
 * message (shown with G_MESSAGES_DEBUG=vggcache); or returns FALSE and an error with what WHAT needs, what is
 * available, and the largest settings that would fit. */
gboolean memory_plan_check(const char *what, MemorySetting setting, gpointer user, GError **error);

/* Halves *value and decrements *step, until *step is 0 or *value is 1: for a MemorySetting that reduces one number
 * after another. */
void memory_plan_halve(gint64 *value, guint *step);
