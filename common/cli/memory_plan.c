/* memory_plan: see memory_plan.h. */
#include "common/cli/memory_plan.h"

#include "common/cli/cli.h"

#include <unistd.h>

/* The options for these values. */
static char *words_of(const MemoryPlan *plan, const gint64 *values)
{
    g_autoptr(GString) words = g_string_new(plan->before);
    for (guint i = 0; i < MEMORY_SETTINGS && plan->settings[i].option; i++)
        if (values[i] < plan->settings[i].value)
            g_string_append_printf(words, "%s--%s %d", words->len ? " " : "", plan->settings[i].option,
                                   (int)values[i]);
    return g_strdup(words->str);
}

/* Halves the first value that is not 1 yet. FALSE: all are. */
static gboolean reduce(const MemoryPlan *plan, gint64 *values)
{
    for (guint i = 0; i < MEMORY_SETTINGS && plan->settings[i].option; i++)
        if (values[i] > 1) {
            values[i] /= 2;
            return TRUE;
        }
    return FALSE;
}

/* The first settings that fit, as advice. */
static char *advice(const MemoryPlan *plan, gint64 *values)
{
    MemoryNeed need = {0};
    gboolean helps = plan->before || reduce(plan, values);
    if (!helps)
        return g_strdup("free some, or use a machine with more");
    do {
        g_autofree char *words = words_of(plan, values);
        need = plan->need(values, NULL, plan->user);
        if (memory_suffices(need))
            return g_strdup_printf("use %s", words);
    } while (reduce(plan, values));
    g_autofree char *smallest = words_of(plan, values), *needed = memory_needed_text(need);
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

gboolean memory_plan_check(const MemoryPlan *plan, GError **error)
{
    g_autofree char *parts = NULL;
    gint64 values[MEMORY_SETTINGS];
    for (guint i = 0; i < MEMORY_SETTINGS; i++)
        values[i] = plan->settings[i].value;
    MemoryNeed need = plan->need(values, &parts, plan->user);
    if (!memory_suffices(need)) {
        g_autofree char *remedy = advice(plan, values);
        return memory_refuse(need, plan->what, remedy, error);
    }
    tell(need, parts);
    return TRUE;
}
