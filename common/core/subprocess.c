/* subprocess: see subprocess.h. */
#include "common/core/subprocess.h"

#include "common/core/error.h"
#include "common/core/fatal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SENTENCE = 4096, EXIT_GOOD = 0, EXIT_REFUSED = 1 };

void *subprocess_memory(gsize size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        g_error("cannot take %" G_GSIZE_FORMAT " bytes of shared memory: %s", size, g_strerror(errno));
    return memory;
}

void subprocess_memory_free(void *memory, gsize size)
{
    munmap(memory, size);
}

/* The child's whole life: default signal handling, no core file, then the task. */
static G_NORETURN void live(SubprocessTask task, gpointer data, guint seconds, char *sentence)
{
    GError *error = NULL;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    fatal_redirect(sentence, SENTENCE);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds + 1});
    gboolean good = task(data, &error);
    if (!good)
        g_strlcpy(sentence, error->message, SENTENCE);
    _exit(good ? EXIT_GOOD : EXIT_REFUSED);
}

static gboolean judge(int status, const char *sentence, const char *subject, GError **error)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_GOOD)
        return TRUE;
    if (WIFEXITED(status) && *sentence)
        return error_set(error, "%s", sentence);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return error_set(error, "%s: reading it does not end: the file is damaged", subject);
    return error_set(error, "%s: reading it crashes (%s): the file is damaged", subject,
                     WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "no reason given");
}

gboolean subprocess_run(SubprocessTask task, gpointer data, guint seconds, const char *subject,
                        GError **error)
{
    int status = 0;
    char *sentence = subprocess_memory(SENTENCE);
    pid_t child = fork();
    if (child == 0)
        live(task, data, seconds, sentence);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    gboolean good =
        child > 0 ? judge(status, sentence, subject, error)
                  : error_set(error, "%s: cannot start a process to read it: %s", subject, g_strerror(errno));
    subprocess_memory_free(sentence, SENTENCE);
    return good;
}
