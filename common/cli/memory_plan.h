/* memory_plan: reports the memory a run needs and compares it with what is available, before any is taken. */
#pragma once
#include "common/core/memory.h"

/* What a run would need with the settings as given (step 0), or with smaller ones: each step's need is no larger than
 * the one before. FALSE: there is no such step. words: of step 0, what the need consists of, or NULL; of others, how the
 * settings are asked for ("--batch 2"). Allocated; the caller of this frees them. */
typedef gboolean (*MemorySetting)(guint step, MemoryNeed *need, char **words, gpointer user);

/* Says "PROGRAM: memory: 0.71 GB needed, 18.20 GB available", as a remark on a terminal, elsewhere as a debug message
 * (shown with G_MESSAGES_DEBUG=vggcache); or returns FALSE with a sentence that says how much WHAT needs, how much
 * there is, and the largest settings that would fit. */
gboolean memory_plan_check(const char *what, MemorySetting setting, gpointer user, GError **error);

/* Halves *value and counts *step down, until it is 0 or *value 1: for a MemorySetting of several numbers, one after the
 * other. */
void memory_plan_halve(gint64 *value, guint *step);
