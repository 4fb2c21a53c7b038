/* sandbox: see sandbox.h. */
#include "common/core/sandbox.h"

#include "common/core/error.h"
#include "common/core/fence.h"
#include "common/core/interrupt.h"
#include "common/core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

G_DEFINE_QUARK(vggcache - sandbox - error, sandbox_error)

enum {
    TICK = 100,      /* ms between checks of the limits */
    PROGRESS = 4096, /* bytes in a tick that count as work */
    WORDS = 4096,    /* bytes of an error's message, at most */
};

/* Before the bytes of an answer. */
typedef struct {
    guint64 size;
    gint32 fine, code; /* an error's code, if it is not fine: its message follows */
    gint32 fenced, unused;
} Head;

struct Sandbox {
    pid_t pid; /* 0: it has ended */
    int socket;
    gboolean fenced;
    SandboxBury bury;
    gpointer data; /* for bury */
    GError *end;   /* why it has ended */
    /* Time is measured in processor time and in ticks of waiting, not by the clock, as the input is not to blame for a
     * busy machine or one that was suspended. */
    guint limit;         /* ms */
    gint64 begun, taken; /* us of its processor time: at sandbox_begin, and at the last tick */
    gint64 ticked;       /* us: the monotonic time of the last tick */
    gint64 idle;         /* us without work since the request */
    gsize moved;         /* bytes since the last tick */
    gboolean over;
};

/* ---- Processes ---- */

pid_t subprocess_fork(int *socket)
{
    int ends[2], code;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return -1;
    pid_t parent = getpid(), child = fork();
    code = errno;
    *socket = ends[child == 0];
    if (child != 0) {
        close(ends[1]);
        if (child < 0)
            close(ends[0]);
        errno = code;
        return child;
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    return 0;
}

/* All but the first three and these two (file: -1 for none). */
static void close_others(int socket, int file)
{
    int low = file < 0 ? socket : MIN(socket, file), high = MAX(socket, file);
    if (low > SUBPROCESS_SOCKET)
        close_range(SUBPROCESS_SOCKET, (guint)low - 1, 0);
    if (high > SUBPROCESS_SOCKET)
        close_range((guint)MAX(low + 1, SUBPROCESS_SOCKET), (guint)high - 1,
                    0); /* none if low is next to it */
    close_range((guint)MAX(high + 1, SUBPROCESS_SOCKET), ~0U, 0);
}

void subprocess_detach(int socket, int file)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE};
    for (gsize i = 0; i < G_N_ELEMENTS(ignored); i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGBUS, SIG_DFL);
    clearenv();
    close_others(socket, file);
    /* Out of the way first: where standard input was closed, they may be among the first three. */
    socket = fcntl(socket, F_DUPFD, SUBPROCESS_FILE + 1);
    file = file < 0 ? file : fcntl(file, F_DUPFD, SUBPROCESS_FILE + 1);
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < SUBPROCESS_SOCKET && null >= 0; i++)
        dup2(null, i);
    if (dup2(socket, SUBPROCESS_SOCKET) < 0 || (file >= 0 && dup2(file, SUBPROCESS_FILE) < 0))
        _exit(EXIT_FAILURE);
    close_range(file < 0 ? SUBPROCESS_FILE : SUBPROCESS_FILE + 1, ~0U, 0);
}

int subprocess_wait(pid_t child)
{
    int status = 0;
    TEMP_FAILURE_RETRY(waitpid(child, &status, 0));
    return status;
}

/* ---- Waiting ---- */

/* Processor time of the child and all its threads, us. 0 if it has ended. */
static gint64 processor_time(const Sandbox *sandbox)
{
    clockid_t clock;
    struct timespec time;
    return clock_getcpuclockid(sandbox->pid, &clock) == 0 && clock_gettime(clock, &time) == 0
               ? (gint64)time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000
               : 0;
}

void sandbox_begin(Sandbox *sandbox)
{
    sandbox->begun = processor_time(sandbox);
}

/* Whether the child waits for something; not while it waits for a processor or a disk, which the machine is to blame
 * for. */
static gboolean is_asleep(const Sandbox *sandbox)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)sandbox->pid), *text = NULL;
    const char *name_end = g_file_get_contents(path, &text, NULL, NULL) ? strrchr(text, ')') : NULL;
    return !name_end || !strchr("RD", name_end[1] ? name_end[2] : ' ');
}

/* A tick is idle if the child sleeps at its end, and used less than a hundredth of it and sent hardly anything; if it
 * used more, in part: this bounds the time of one that does a little now and then. */
static void tick(Sandbox *sandbox)
{
    gint64 now = g_get_monotonic_time(), passed = now - sandbox->ticked, limit = sandbox->limit * 1000LL;
    if (passed < TICK * 1000)
        return;
    gint64 taken = processor_time(sandbox);
    passed = MIN(passed, 2 * TICK * 1000); /* this process may have slept, too */
    if (sandbox->moved < PROGRESS && is_asleep(sandbox))
        sandbox->idle += taken - sandbox->taken > passed / 100 ? passed / 10 : passed;
    sandbox->ticked = now;
    sandbox->taken = taken;
    sandbox->moved = 0;
    sandbox->over |= taken - sandbox->begun > limit || sandbox->idle > limit;
}

/* Until the socket can be read from or written to. FALSE if a limit is exceeded, or the user interrupts. */
static gboolean ready(Sandbox *sandbox, short events)
{
    for (;;) {
        struct pollfd end = {.fd = sandbox->socket, .events = events};
        int n = poll(&end, 1, TICK);
        tick(sandbox);
        if (sandbox->over || (n <= 0 && interrupted()) || (n < 0 && errno != EINTR))
            return FALSE;
        if (n > 0)
            return TRUE;
    }
}

/* ---- Bytes ---- */

/* All of them, to the socket or from it; as the sandbox's limits allow, where there is one. */
static gboolean transfer(Sandbox *sandbox, int socket, gboolean sends, void *all, gsize size)
{
    guint8 *bytes = all;
    const int flags = sandbox ? MSG_DONTWAIT : 0;
    for (gsize done = 0; done < size;) {
        if (sandbox && !ready(sandbox, sends ? POLLOUT : POLLIN))
            return FALSE;
        gssize n = sends ? send(socket, bytes + done, size - done, MSG_NOSIGNAL | flags)
                         : recv(socket, bytes + done, size - done, flags);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return FALSE;
        done += n > 0 ? (gsize)n : 0;
        if (sandbox)
            sandbox->moved += n > 0 ? (gsize)n : 0;
    }
    return TRUE;
}

gboolean sandbox_send_all(int socket, const void *bytes, gsize size)
{
    return transfer(NULL, socket, TRUE, (gpointer)bytes, size);
}

gboolean sandbox_receive_all(int socket, void *bytes, gsize size)
{
    return transfer(NULL, socket, FALSE, bytes, size);
}

/* ---- In the child ---- */

/* Unmaps what this process inherited of files that are mapped to be shared: of a cache, even for writing. glibc's table of
 * character sets, which iconv reads, stays. */
static void unmap_files(void)
{
    g_autofree char *maps = NULL;
    if (!g_file_get_contents("/proc/self/maps", &maps, NULL, NULL))
        return;
    g_auto(GStrv) lines = g_strsplit(maps, "\n", -1);
    for (char **line = lines; *line; line++) {
        gsize begin, end;
        char kind; /* of "rw-s": s is shared, p private */
        if (sscanf(*line, "%zx-%zx %*3c%c", &begin, &end, &kind) == 3 && kind == 's' &&
            !g_str_has_suffix(*line, "/gconv-modules.cache"))
            munmap((gpointer)begin, end - begin);
    }
}

/* Limits address space, as that is what the kernel can limit: to this many bytes more than are taken now. */
static void limit_memory(gsize bytes)
{
    struct rlimit limit;
    gsize taken = memory_address_space();
    if (!taken)
        return;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = MIN(limit.rlim_cur, taken + bytes);
    setrlimit(RLIMIT_AS, &limit);
}

static gboolean answer(const SandboxWork *work, const guint8 *request, gsize size, gboolean fenced)
{
    g_autoptr(GError) error = NULL;
    SandboxBytes bytes = {0};
    Head head = {.fine = work->serve(work->data, request, size, &bytes, &error), .fenced = fenced};
    if (!head.fine) {
        head.code = error->code;
        g_free(bytes.bytes);
        bytes = (SandboxBytes){g_strdup(error->message), MIN(strlen(error->message), WORDS)};
    }
    head.size = bytes.size;
    gboolean sent = sandbox_send_all(SUBPROCESS_SOCKET, &head, sizeof head) &&
                    sandbox_send_all(SUBPROCESS_SOCKET, bytes.bytes, bytes.size);
    g_free(bytes.bytes);
    return sent;
}

void sandbox_live(int socket, const SandboxWork *work)
{
    guint64 size;
    subprocess_detach(socket, work->file);
    unmap_files();
    limit_memory(work->memory);
    gboolean fenced = fence(), goes_on = TRUE;
    while (goes_on && sandbox_receive_all(SUBPROCESS_SOCKET, &size, sizeof size) && size <= work->request) {
        g_autofree guint8 *request = g_malloc(size + 1);
        goes_on =
            sandbox_receive_all(SUBPROCESS_SOCKET, request, size) && answer(work, request, size, fenced);
    }
    _exit(0);
}

/* ---- In this process: start and end ---- */

static int bury_child(gpointer data, pid_t pid)
{
    kill(pid, SIGKILL); /* no matter to one that has ended */
    return subprocess_wait(pid);
}

Sandbox *sandbox_adopt(pid_t pid, int socket, guint limit, SandboxBury bury, gpointer data)
{
    Sandbox *sandbox = g_new0(Sandbox, 1);
    *sandbox = (Sandbox){.pid = pid, .socket = socket, .limit = limit, .bury = bury, .data = data};
    sandbox_begin(sandbox);
    return sandbox;
}

Sandbox *sandbox_start(const SandboxWork *work, GError **error)
{
    int socket;
    pid_t pid = subprocess_fork(&socket);
    if (pid == 0)
        sandbox_live(socket, work);
    if (pid > 0)
        return sandbox_adopt(pid, socket, work->limit, bury_child, NULL);
    g_set_error(error, SANDBOX_ERROR, SANDBOX_MACHINE, "no process to read it in can be started: %s",
                g_strerror(errno));
    return NULL;
}

static int bury(Sandbox *sandbox)
{
    int status = sandbox->bury(sandbox->data, sandbox->pid);
    close(sandbox->socket);
    sandbox->pid = 0;
    return status;
}

void sandbox_free(Sandbox *sandbox)
{
    if (!sandbox)
        return;
    if (sandbox->pid)
        bury(sandbox);
    g_clear_error(&sandbox->end);
    g_free(sandbox);
}

gboolean sandbox_is_fenced(const Sandbox *sandbox)
{
    return sandbox->fenced;
}

/* ---- Why there is no answer ---- */

static gboolean is_users(int signal_number)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL,  SIGFPE, SIGABRT,
                                  SIGTRAP, SIGSYS, SIGXCPU, SIGKILL};
    for (gsize i = 0; i < G_N_ELEMENTS(crashes); i++)
        if (crashes[i] == signal_number)
            return FALSE;
    return TRUE;
}

void subprocess_end(int status, GError **error)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (number == SIGXCPU)
        g_set_error_literal(error, SANDBOX_ERROR, SANDBOX_ENDLESS, strsignal(number));
    else if (number && is_users(number))
        g_set_error_literal(error, SANDBOX_ERROR, SANDBOX_INTERRUPTED, "interrupted");
    else if (number && number != SIGKILL)
        g_set_error_literal(error, SANDBOX_ERROR, SANDBOX_CRASHED, strsignal(number));
    else /* the kernel kills by SIGKILL for want of memory; fatal.h exits */
        g_set_error_literal(error, SANDBOX_ERROR, SANDBOX_MACHINE,
                            number ? "it was killed, most likely for lack of memory" : "not enough memory");
}

/* Buries it, and notes the reason of its end. lied: it broke the rules, rather than ending by itself. */
static void give_up(Sandbox *sandbox, gboolean lied)
{
    gboolean stopped = interrupted();
    int status = bury(sandbox);
    gboolean endless = WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
    if (sandbox->over)
        g_set_error(&sandbox->end, SANDBOX_ERROR, SANDBOX_ENDLESS, "given up after %g s",
                    sandbox->limit / 1000.0);
    else if (lied && !endless)
        g_set_error_literal(&sandbox->end, SANDBOX_ERROR, SANDBOX_CRASHED, "its answer is not valid");
    else if (stopped && !endless)
        g_set_error_literal(&sandbox->end, SANDBOX_ERROR, SANDBOX_INTERRUPTED, "interrupted");
    else
        subprocess_end(status, &sandbox->end);
}

gboolean sandbox_blame(GError **error, const char *path, const char *kind, GError *problem)
{
    if (problem->code == SANDBOX_CRASHED)
        error_set(error, "%s: reading it crashes (%s): the %s is damaged", path, problem->message, kind);
    else if (problem->code == SANDBOX_ENDLESS)
        error_set(error, "%s: reading it does not end (%s): the %s is damaged", path, problem->message, kind);
    else if (problem->code == SANDBOX_INTERRUPTED)
        error_set(error, "%s: interrupted while it was read", path);
    else if (problem->code == SANDBOX_MACHINE)
        error_set(error, "%s: no memory to read it (%s)", path, problem->message);
    else
        error_set(error, "%s", problem->message);
    g_error_free(problem);
    return FALSE;
}

/* ---- Requests ---- */

static gboolean fail(Sandbox *sandbox, gboolean lied, GError **error)
{
    if (!sandbox->end)
        give_up(sandbox, lied);
    g_propagate_error(error, g_error_copy(sandbox->end));
    return FALSE;
}

/* The child's own error, of `size` bytes. */
static gboolean refuse(Sandbox *sandbox, const Head *head, GError **error)
{
    char words[WORDS + 1] = "";
    if (head->size > WORDS || head->code < 0 || head->code > G_MAXINT16)
        return fail(sandbox, TRUE, error);
    if (!transfer(sandbox, sandbox->socket, FALSE, words, head->size))
        return fail(sandbox, FALSE, error);
    g_autofree char *message = g_utf8_make_valid(words, -1);
    g_set_error_literal(error, SANDBOX_ERROR, SANDBOX_REFUSED + head->code, message);
    return FALSE;
}

gboolean sandbox_ask(Sandbox *sandbox, SandboxBytes head, SandboxBytes body, gsize max, SandboxBytes *answer,
                     GError **error)
{
    Head told;
    guint64 size = head.size + body.size;
    sandbox->idle = 0;
    sandbox->ticked = g_get_monotonic_time();
    if (sandbox->end || !transfer(sandbox, sandbox->socket, TRUE, &size, sizeof size) ||
        !transfer(sandbox, sandbox->socket, TRUE, head.bytes, head.size) ||
        !transfer(sandbox, sandbox->socket, TRUE, body.bytes, body.size) ||
        !transfer(sandbox, sandbox->socket, FALSE, &told, sizeof told))
        return fail(sandbox, FALSE, error);
    sandbox->fenced = told.fenced;
    if (!told.fine)
        return refuse(sandbox, &told, error);
    if (told.size > max)
        return fail(sandbox, TRUE, error);
    guint8 *bytes = answer->bytes ? answer->bytes : g_malloc(told.size + 1);
    answer->size = told.size;
    if (!transfer(sandbox, sandbox->socket, FALSE, bytes, told.size)) {
        if (!answer->bytes)
            g_free(bytes);
        return fail(sandbox, FALSE, error);
    }
    if (!answer->bytes)
        bytes[told.size] = '\0';
    answer->bytes = bytes;
    return TRUE;
}
