/* fatal: see fatal.h. Takes no memory: there may be none. */
#include "common/core/fatal.h"

#include "common/core/output_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 1 };

static const char *program_name;
static gboolean redirected; /* in a child process */
static char *sentence;
static gsize sentence_size;

/* GLib says "../gmem.c:660: failed to allocate 4096 bytes". */
static const char *without_place(const char *message)
{
    const char *words = strstr(message, "failed to allocate");
    return words ? words : message;
}

static G_NORETURN void end(const char *message)
{
    char line[1024];
    gboolean told = message == without_place(message);
    int n = snprintf(line, sizeof line, "%s: %s%s", program_name, told ? "" : "out of memory: ",
                     without_place(message));
    gsize length = MIN((gsize)n, sizeof line - 1);
    for (gsize i = 0; i < length; i++)
        if (g_ascii_iscntrl(line[i]))
            line[i] = '?';
    if (redirected) {
        if (sentence)
            g_strlcpy(sentence, line + strlen(program_name) + strlen(": "), sentence_size);
    } else {
        line[length++] = '\n';
        if (write(STDERR_FILENO, line, length) < 0)
            _exit(EXIT_FAILED);
    }
    output_file_abandon();
    _exit(EXIT_FAILED);
}

static void on_message(const char *domain, GLogLevelFlags level, const char *message, gpointer user)
{
    if (level & (G_LOG_FLAG_FATAL | G_LOG_LEVEL_ERROR))
        end(message);
    /* What libvips finds wrong with a plug-in that it cannot load, for want of memory. */
    if (g_strcmp0(domain, "GModule") != 0)
        g_log_default_handler(domain, level, message, user);
}

void fatal_install(const char *program)
{
    program_name = program;
    g_log_set_default_handler(on_message, NULL);
}

void fatal_redirect(char *memory, gsize size)
{
    redirected = TRUE;
    sentence = memory;
    sentence_size = size;
}
