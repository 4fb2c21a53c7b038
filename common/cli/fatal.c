/* fatal: see fatal.h. Allocates nothing, as there may be no memory. */
#include "common/cli/fatal.h"

#include "common/core/output_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 1 };

static const char *program_name = "vggcache"; /* until fatal_install */
/* The process that says why it ends, not those it forks; 0, until fatal_install: any. */
static pid_t owner;
static struct {
    const char *domain;
    gint *warned;
} watched;

/* Ends the program with "PROGRAM: FIRST SECOND". Only calls that are safe in a signal handler. */
static G_NORETURN void end(const char *first, const char *second)
{
    static gint ended;
    char line[8192];
    while (!g_atomic_int_compare_and_exchange(&ended, FALSE, TRUE))
        pause(); /* another thread is ending the program */
    g_strlcpy(line, program_name, sizeof line - 1);
    g_strlcat(line, ": ", sizeof line - 1);
    g_strlcat(line, first, sizeof line - 1);
    g_strlcat(line, second, sizeof line - 1);
    gsize length = strlen(line);
    for (gsize i = 0; i < length; i++)
        if (g_ascii_iscntrl(line[i]))
            line[i] = '?';
    output_file_abandon();
    line[length++] = '\n';
    if ((!owner || getpid() == owner) && write(STDERR_FILENO, line, length) < 0)
        _exit(EXIT_FAILED); /* without a message */
    _exit(EXIT_FAILED);
}

/* ---- Small allocations ---- */

enum { SMALL = 1 << 20 };

#if defined __has_feature
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if !SANITIZED /* these have their own */
static void check(const void *memory, gsize bytes)
{
    char text[32];
    if (memory || bytes == 0 || bytes > SMALL)
        return;
    snprintf(text, sizeof text, "%" G_GSIZE_FORMAT " bytes", bytes);
    end("out of memory: failed to allocate ", text);
}

/* Called by this program and by its libraries; calls the next one, which is libc's, or that of an allocator or a test that is
 * preloaded. */
#define PUT_BETWEEN(name, parameters, arguments, bytes)                                                      \
    void *name parameters                                                                                    \
    {                                                                                                        \
        static void *(*next)parameters;                                                                      \
        if (!next)                                                                                           \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                                                       \
        void *memory = next arguments;                                                                       \
        check(memory, bytes);                                                                                \
        return memory;                                                                                       \
    }
PUT_BETWEEN(malloc, (gsize size), (size), size)
PUT_BETWEEN(calloc, (gsize n, gsize size), (n, size), n &&size > SMALL / n ? SMALL + 1 : n * size)
PUT_BETWEEN(realloc, (void *memory_there, gsize size), (memory_there, size), size)
#endif

/* ---- Mapped files ---- */

/* The path of the mapped file with this address in it, by a line of /proc/self/maps, "BEGIN-END FLAGS … /PATH"; NULL for
 * none. */
static const char *mapped_at(guintptr address)
{
    static char maps[8 << 20]; /* of which only the pages that are written to take memory */
    gsize size = 0;
    gssize n = 0;
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while (file >= 0 && (n = read(file, maps + size, sizeof maps - 1 - size)) > 0)
        size += (gsize)n;
    maps[size] = '\0';
    for (char *line = maps, *end; (end = strchr(line, '\n')); line = end + 1) {
        char *dash, *path = memchr(line, '/', (gsize)(end - line));
        guintptr begin = g_ascii_strtoull(line, &dash, 16);
        if (path && begin <= address && address < g_ascii_strtoull(dash + 1, NULL, 16)) {
            *end = '\0';
            return path;
        }
    }
    return NULL;
}

/* Bytes of a mapped file that are not there. */
static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
    static gint faulted;
    while (!g_atomic_int_compare_and_exchange(&faulted, FALSE, TRUE))
        pause(); /* another thread is here */
    const char *path = mapped_at((guintptr)info->si_addr);
    if (!path)
        signal(SIGBUS, SIG_DFL); /* comes again, and ends the program by itself */
    else
        end(path, ": cannot be read or written any more: it was cut short while it was in use, its disk "
                  "fails, or its file system is full");
}

/* ---- Messages of libraries ---- */

/* GLib says "../gmem.c:660: failed to allocate 4096 bytes". */
static G_NORETURN void fail(const char *message)
{
    const char *words = strstr(message, "failed to allocate");
    end(words ? "out of memory: " : "", words ? words : message);
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
        fail(message);
    if (watched.domain && level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING) &&
        g_strcmp0(domain, watched.domain) == 0) {
        g_atomic_int_set(watched.warned, TRUE);
        return G_LOG_WRITER_HANDLED;
    }
    return g_log_writer_default(level, fields, n, user);
}

void fatal_install(const char *program)
{
    static gboolean installed;
    const struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    program_name = program;
    owner = getpid();
    if (!installed)
        g_log_set_writer_func(on_message, NULL, NULL);
    sigaction(SIGBUS, &action, NULL);
    installed = TRUE;
}

void fatal_watch(const char *domain, gint *warned)
{
    watched.warned = warned;
    watched.domain = domain;
}
