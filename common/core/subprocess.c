/* subprocess: see subprocess.h. */
#include "common/core/subprocess.h"

#include "common/core/error.h"
#include "common/core/fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SENTENCE = 4096, EXIT_GOOD = 0, EXIT_REFUSED = 1 };

gpointer subprocess_memory(gsize size, GError **error)
{
    void *memory = mmap(NULL, MAX(1, size), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        return memory;
    error_set(error, "cannot get %.1f MB of memory to share between processes: %s", (double)size / 1e6,
              g_strerror(errno));
    return NULL;
}

void subprocess_memory_free(gpointer memory, gsize size)
{
    if (memory)
        munmap(memory, MAX(1, size));
}

pid_t subprocess_fork(char *sentence, gsize size)
{
    pid_t parent = getpid(), child = fork();
    if (child != 0)
        return child;
    fatal_redirect(sentence, size);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_REFUSED);
    return 0;
}

int subprocess_detach(int kept)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE};
    for (gsize i = 0; i < G_N_ELEMENTS(ignored); i++)
        signal(ignored[i], SIG_IGN);
    int above =
        fcntl(kept, F_DUPFD, 4); /* where standard input was closed, kept may be among the first three */
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3 && null >= 0; i++)
        dup2(null, i);
    if (above >= 0 || kept != 3)
        dup2(above >= 0 ? above : kept, 3);
    close_range(4, ~0U, 0);
    return 3;
}

int subprocess_wait(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* The child's main function: default signal handling, then the task. */
static G_NORETURN void live(SubprocessTask task, gpointer data, guint seconds, char *sentence)
{
    GError *error = NULL;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds + 1});
    gboolean good = task(data, &error);
    if (!good)
        g_strlcpy(sentence, error->message, SENTENCE);
    _exit(good ? EXIT_GOOD : EXIT_REFUSED);
}

static gboolean check_exit(int status, const char *sentence, const char *subject, GError **error)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_GOOD)
        return TRUE;
    if (WIFEXITED(status) && *sentence)
        return error_set(error, "%s", sentence);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return error_set(error, "%s: reading it does not terminate: the file is damaged", subject);
    return error_set(error, "%s: reading it crashes (%s): the file is damaged", subject,
                     WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "no reason given");
}

gboolean subprocess_run(SubprocessTask task, gpointer data, guint seconds, const char *subject,
                        GError **error)
{
    char *sentence = subprocess_memory(SENTENCE, error);
    if (!sentence)
        return FALSE;
    pid_t child = subprocess_fork(sentence, SENTENCE);
    int code = errno;
    if (child == 0)
        live(task, data, seconds, sentence);
    gboolean good =
        child > 0 ? check_exit(subprocess_wait(child), sentence, subject, error)
                  : error_set(error, "%s: cannot start a process to read it: %s", subject, g_strerror(code));
    subprocess_memory_free(sentence, SENTENCE);
    return good;
}
