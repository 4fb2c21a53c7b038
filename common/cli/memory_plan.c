/* memory_plan: see memory_plan.h. */
#include "common/cli/memory_plan.h"

#include "common/cli/cli.h"

#include <unistd.h>

void memory_plan_halve(gint64 *value, guint *step)
{
    for (; *step > 0 && *value > 1; --*step)
        *value /= 2;
}

/* The first settings that fit, as advice. */
static char *advice(MemorySetting setting, gpointer user)
{
    MemoryNeed need, least = {0};
    g_autofree char *smallest = NULL;
    char *words = NULL;
    for (guint step = 1; setting(step, &need, &words, user); step++) {
        g_free(smallest);
        smallest = words;
        least = need;
        if (memory_suffices(need))
            return g_strdup_printf("use %s", words);
    }
    if (!smallest)
        return g_strdup("free some, or use a machine with more");
    g_autofree char *needed = memory_needed_text(least);
    return g_strdup_printf("even with %s it needs %s: free some, or use a machine with more", smallest,
                           needed);
}

/* Of interest to a person at a terminal; a script's stderr is for problems only. */
static void tell(MemoryNeed need, const char *parts)
{
    g_autofree char *needed = memory_needed_text(need), *there = memory_there_text();
    g_autofree char *all = g_strdup_printf("memory: %s%s%s%s needed, %s available", needed, parts ? " (" : "",
                                           parts ? parts : "", parts ? ")" : "", there);
    if (isatty(STDERR_FILENO))
        cli_remark("%s", all);
    else
        g_log("vggcache", G_LOG_LEVEL_DEBUG, "%s", all);
}

gboolean memory_plan_check(const char *what, MemorySetting setting, gpointer user, GError **error)
{
    MemoryNeed need = {0};
    g_autofree char *parts = NULL;
    setting(0, &need, &parts, user);
    if (!memory_suffices(need)) {
        g_autofree char *remedy = advice(setting, user);
        return memory_refuse(need, what, remedy, error);
    }
    tell(need, parts);
    return TRUE;
}
