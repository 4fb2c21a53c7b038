/* fatal: see fatal.h. Takes no memory: there may be none. */
#include "common/core/fatal.h"

#include "common/core/output_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, ROOM_TO_START = 24 << 20 };

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

static G_NORETURN void stop(const char *line, gsize length)
{
    if (write(STDERR_FILENO, line, length) < 0)
        _exit(EXIT_FAILED); /* nobody to tell */
    _exit(EXIT_FAILED);
}

static G_NORETURN void end(const char *message)
{
    static gint ended;
    char line[1024];
    while (!g_atomic_int_compare_and_exchange(&ended, FALSE, TRUE))
        pause(); /* another thread is telling */
    gboolean told = message == without_place(message);
    int n = snprintf(line, sizeof line, "%s: %s%s", program_name,
                     told ? "" : "out of memory: ", without_place(message));
    gsize length = MIN((gsize)n, sizeof line - 1);
    for (gsize i = 0; i < length; i++)
        if (g_ascii_iscntrl(line[i]))
            line[i] = '?';
    output_file_abandon();
    if (redirected && sentence)
        g_strlcpy(sentence, line + strlen(program_name) + strlen(": "), sentence_size);
    if (redirected)
        _exit(EXIT_FAILED);
    line[length++] = '\n';
    stop(line, length);
}

static void on_message(const char *domain, GLogLevelFlags level, const char *message, gpointer user)
{
    if (level & (G_LOG_FLAG_FATAL | G_LOG_LEVEL_ERROR))
        end(message);
    g_log_default_handler(domain, level, message, user);
}

/* Before any library is initialised: in their constructors GLib waits for ever on its own lock where there is no memory. */
static void check_room(int n_arguments, char **arguments, char **environment)
{
    static const char words[] = "vggcache: out of memory: there is no room to start\n";
    void *memory = mmap(NULL, ROOM_TO_START, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        stop(words, sizeof words - 1);
    munmap(memory, ROOM_TO_START);
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **,
                                                                              char **) = check_room;

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
