/* fatal: see fatal.h. Allocates nothing, as there may be no memory. */
#include "common/core/fatal.h"

#include "common/core/output_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 1 };

static const char *program_name = "vggcache"; /* until fatal_install */
static gboolean silent;                       /* in a child process */
static struct {
    const char *domain;
    gint *warned;
} watched;

/* GLib says "../gmem.c:660: failed to allocate 4096 bytes". */
static const char *without_place(const char *message)
{
    const char *words = strstr(message, "failed to allocate");
    return words ? words : message;
}

static G_NORETURN void end(const char *message)
{
    static gint ended;
    char line[1024];
    while (!g_atomic_int_compare_and_exchange(&ended, FALSE, TRUE))
        pause(); /* another thread is ending the program */
    gboolean told = message == without_place(message);
    int n = snprintf(line, sizeof line, "%s: %s%s", program_name,
                     told ? "" : "out of memory: ", without_place(message));
    gsize length = MIN((gsize)n, sizeof line - 1);
    for (gsize i = 0; i < length; i++)
        if (g_ascii_iscntrl(line[i]))
            line[i] = '?';
    output_file_abandon();
    line[length++] = '\n';
    if (!silent && write(STDERR_FILENO, line, length) < 0)
        _exit(EXIT_FAILED); /* without a message */
    _exit(EXIT_FAILED);
}

static const char *field_of(const GLogField *fields, gsize n, const char *key)
{
    for (gsize i = 0; i < n; i++)
        if (g_str_equal(fields[i].key, key))
            return fields[i].value;
    return NULL;
}

/* All messages of libraries by GLib's logging functions pass through here. */
static GLogWriterOutput on_message(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer user)
{
    const char *message = field_of(fields, n, "MESSAGE"), *domain = field_of(fields, n, "GLIB_DOMAIN");
    if (level & (G_LOG_FLAG_FATAL | G_LOG_LEVEL_ERROR))
        end(message);
    if (watched.domain && level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING) &&
        g_strcmp0(domain, watched.domain) == 0) {
        g_atomic_int_set(watched.warned, TRUE);
        return G_LOG_WRITER_HANDLED;
    }
    return g_log_writer_default(level, fields, n, user);
}

void fatal_no_memory(gsize bytes)
{
    char message[64];
    snprintf(message, sizeof message, "out of memory: failed to allocate %zu bytes", bytes);
    end(message);
}

void fatal_install(const char *program)
{
    static gboolean installed;
    program_name = program;
    if (!installed)
        g_log_set_writer_func(on_message, NULL, NULL);
    installed = TRUE;
}

void fatal_watch(const char *domain, gint *warned)
{
    watched.warned = warned;
    watched.domain = domain;
}

void fatal_silence(void)
{
    silent = TRUE;
}
