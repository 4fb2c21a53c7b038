/* progress: see progress.h. */
#include "common/cli/progress.h"

#include "common/cli/cli_internal.h"
#include "common/cli/terminal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    REDRAW_US = 100 * 1000,           /* on a terminal */
    PLAIN_LINE_US = 30 * 1000 * 1000, /* elsewhere */
    HOLDS_US = 1000 * 1000,           /* before an estimate is given, from the first images on */
    MIN_CELLS = 5,                    /* of the bar; with less room it is left out */
    MAX_CELLS = 40,
};

struct Progress {
    char *label, *unit, *note;
    guint64 total, done;
    guint64 begun;       /* done when the first tick came, which ended the start-up */
    gint64 first, drawn; /* monotonic microseconds: of that tick, 0 before; of the last line */
    gboolean terminal, shown;
};

static GMutex mutex;
static Progress *on_terminal; /* the bar that messages must not break */

char *progress_clock(double seconds)
{
    guint64 s = (guint64)(seconds + 0.5);
    if (s >= 3600)
        return g_strdup_printf("%" G_GUINT64_FORMAT ":%02u:%02u", s / 3600, (guint)(s / 60 % 60),
                               (guint)(s % 60));
    return g_strdup_printf("%u:%02u", (guint)(s / 60), (guint)(s % 60));
}

/* The note, else rate and time left, by what was done since the first images, which waited for the start of everything. */
static char *status_text(const Progress *progress)
{
    if (progress->note)
        return g_strdup(progress->note);
    gint64 passed = progress->first ? g_get_monotonic_time() - progress->first : 0;
    if (passed < HOLDS_US || progress->done == progress->begun)
        return g_strdup("estimating");
    double rate = (double)(progress->done - progress->begun) / ((double)passed * 1e-6);
    g_autofree char *left =
        progress_clock((double)(progress->total - MIN(progress->done, progress->total)) / rate);
    return g_strdup_printf("%.*f %s/s, %s left", rate < 10 ? 1 : 0, rate, progress->unit, left);
}

static void erase(void)
{
    if (on_terminal && on_terminal->shown)
        fputs("\r\033[K", stderr);
}

/* The bar in this many columns: label, bar, count, status. Where they are too narrow the bar is left out, then of the
 * status all but the time left, then the end of what is left. */
static char *bar_text(const Progress *progress, int columns)
{
    g_autofree char *count =
        g_strdup_printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, progress->done, progress->total);
    g_autofree char *status = status_text(progress);
    int words = (int)(g_utf8_strlen(progress->label, -1) + g_utf8_strlen(count, -1)) + 3;
    int cells = MIN(columns - words - (int)g_utf8_strlen(status, -1) - 3, MAX_CELLS);
    if (cells < MIN_CELLS) {
        const char *comma = words + (int)g_utf8_strlen(status, -1) > columns ? strstr(status, ", ") : NULL;
        g_autofree char *text =
            g_strdup_printf("%s %s  %s", progress->label, count, comma ? comma + strlen(", ") : status);
        return g_utf8_substring(text, 0, MIN(columns, g_utf8_strlen(text, -1)));
    }
    double share =
        progress->total ? (double)MIN(progress->done, progress->total) / (double)progress->total : 1;
    int full = (int)(share * cells);
    char bar[MAX_CELLS + 1];
    for (int i = 0; i < cells; i++)
        bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[cells] = 0;
    return g_strdup_printf("%s [%s] %s  %s", progress->label, bar, count, status);
}

/* The terminal is asked each time, as its width may change (SIGWINCH would say only that it did). The last column stays
 * free: some terminals begin a new line after it. */
static void draw(void)
{
    enum { USUAL = 80 };
    Progress *progress = on_terminal;
    if (!progress)
        return;
    int columns = terminal_columns(STDERR_FILENO);
    g_autofree char *text = bar_text(progress, (columns ? columns : USUAL) - 1);
    fprintf(stderr, "\r\033[K%s", text);
    fflush(stderr);
    progress->shown = TRUE;
}

void progress_pause(void)
{
    g_mutex_lock(&mutex);
    erase();
}

void progress_go_on(void)
{
    draw();
    g_mutex_unlock(&mutex);
}

static void draw_plain(const Progress *progress)
{
    g_autofree char *status = status_text(progress);
    fprintf(stderr, "%s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " %s%s%s\n", progress->label,
            progress->done, progress->total, progress->unit, *status ? ", " : "", status);
}

/* What reads a pipe may write to the same terminal, on the bar's line. */
static gboolean stdout_is_piped(void)
{
    struct stat out;
    return fstat(STDOUT_FILENO, &out) == 0 && S_ISFIFO(out.st_mode);
}

Progress *progress_new(const char *label, guint64 total, const char *unit)
{
    Progress *progress = g_new0(Progress, 1);
    progress->label = g_strdup(label);
    progress->unit = g_strdup(unit);
    progress->total = total;
    progress->drawn = g_get_monotonic_time();
    progress->terminal = terminal_draws(STDERR_FILENO) && !cli_quiet() && !stdout_is_piped();
    if (progress->terminal) {
        g_mutex_lock(&mutex);
        on_terminal = progress;
        g_mutex_unlock(&mutex);
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
    g_mutex_lock(&mutex);
    progress->done += done;
    if (!progress->first && done) {
        progress->first = g_get_monotonic_time();
        progress->begun = progress->done;
    }
    redraw_if_due(progress);
    g_mutex_unlock(&mutex);
}

void progress_note(Progress *progress, const char *note)
{
    if (!progress)
        return;
    g_mutex_lock(&mutex);
    g_free(progress->note);
    progress->note = g_strdup(note);
    g_mutex_unlock(&mutex);
}

void progress_free(Progress *progress)
{
    if (!progress)
        return;
    g_mutex_lock(&mutex);
    if (progress == on_terminal) {
        erase();
        fflush(stderr);
        on_terminal = NULL;
    }
    g_mutex_unlock(&mutex);
    g_free(progress->label);
    g_free(progress->unit);
    g_free(progress->note);
    g_free(progress);
}
