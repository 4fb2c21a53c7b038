/* progress: see progress.h. */
#include "common/cli/progress.h"

#include "common/cli/cli_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    REDRAW_US = 100 * 1000,           /* on a terminal */
    PLAIN_LINE_US = 30 * 1000 * 1000, /* elsewhere */
    BAR_CELLS = 24,
};

struct Progress {
    char *label, *unit, *note;
    guint64 total, done;
    gint64 started, drawn; /* monotonic microseconds */
    gboolean terminal, shown;
};

static Progress *on_terminal; /* the bar that messages must not break */

char *progress_clock(double seconds)
{
    guint64 s = (guint64)(seconds + 0.5);
    if (s >= 3600)
        return g_strdup_printf("%" G_GUINT64_FORMAT ":%02u:%02u", s / 3600, (guint)(s / 60 % 60),
                               (guint)(s % 60));
    return g_strdup_printf("%u:%02u", (guint)(s / 60), (guint)(s % 60));
}

static char *status_text(const Progress *progress)
{
    if (progress->note)
        return g_strdup(progress->note);
    double seconds = (double)(g_get_monotonic_time() - progress->started) * 1e-6;
    if (progress->done == 0 || seconds <= 0)
        return g_strdup("");
    double rate = (double)progress->done / seconds;
    g_autofree char *left =
        progress_clock((double)(progress->total - MIN(progress->done, progress->total)) / rate);
    return g_strdup_printf("%.*f %s/s, %s left", rate < 10 ? 1 : 0, rate, progress->unit, left);
}

static void erase(void)
{
    if (on_terminal && on_terminal->shown)
        fputs("\r\033[K", stderr);
}

static void draw(void)
{
    Progress *progress = on_terminal;
    if (!progress)
        return;
    double share =
        progress->total ? (double)MIN(progress->done, progress->total) / (double)progress->total : 1;
    int full = (int)(share * BAR_CELLS);
    char bar[BAR_CELLS + 1];
    for (int i = 0; i < BAR_CELLS; i++)
        bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[BAR_CELLS] = 0;
    g_autofree char *status = status_text(progress);
    fprintf(stderr, "\r\033[K%s [%s] %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT "  %s", progress->label, bar,
            progress->done, progress->total, status);
    fflush(stderr);
    progress->shown = TRUE;
}

static void draw_plain(const Progress *progress)
{
    g_autofree char *status = status_text(progress);
    fprintf(stderr, "%s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " %s%s%s\n", progress->label,
            progress->done, progress->total, progress->unit, *status ? ", " : "", status);
}

Progress *progress_new(const char *label, guint64 total, const char *unit)
{
    Progress *progress = g_new0(Progress, 1);
    progress->label = g_strdup(label);
    progress->unit = g_strdup(unit);
    progress->total = total;
    progress->started = progress->drawn = g_get_monotonic_time();
    progress->terminal = isatty(STDERR_FILENO) && !cli_quiet();
    if (progress->terminal) {
        cli_stderr_lock();
        on_terminal = progress;
        cli_set_bar(erase, draw);
        cli_stderr_unlock();
    }
    return progress;
}

/* With the lock held. */
static void redraw_if_due(Progress *progress)
{
    gint64 now = g_get_monotonic_time();
    if (cli_quiet() || now - progress->drawn < (progress->terminal ? REDRAW_US : PLAIN_LINE_US))
        return;
    progress->drawn = now;
    if (!progress->terminal)
        draw_plain(progress);
    else if (progress == on_terminal)
        draw();
}

void progress_tick(Progress *progress, guint64 done)
{
    if (!progress)
        return;
    cli_stderr_lock();
    progress->done += done;
    redraw_if_due(progress);
    cli_stderr_unlock();
}

void progress_note(Progress *progress, const char *note)
{
    if (!progress)
        return;
    cli_stderr_lock();
    g_free(progress->note);
    progress->note = g_strdup(note);
    cli_stderr_unlock();
}

void progress_free(Progress *progress)
{
    if (!progress)
        return;
    cli_stderr_lock();
    if (progress == on_terminal) {
        erase();
        fflush(stderr);
        on_terminal = NULL;
        cli_set_bar(NULL, NULL);
    }
    cli_stderr_unlock();
    g_free(progress->label);
    g_free(progress->unit);
    g_free(progress->note);
    g_free(progress);
}
