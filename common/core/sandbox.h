/* sandbox: work on untrusted input in a child process, which may crash, loop or be taken over without harm.
 *
 *     this process --request--> sandbox --answer--> this process
 *
 * The child has one socket, and at most one open file. It may compute, take memory, and read and write these two; seccomp
 * refuses every other system call (fence.h), so that it can open no file, make no connection and start no program. It has a
 * copy of this process's memory, but not of files that are mapped to be shared, such as a cache. Its environment is empty,
 * no_new_privs is set, and it ends with this process. Requests and answers are framed: whoever receives one checks its
 * length before taking memory for it.
 *
 * Waiting ends when the answer is there, when a limit is exceeded, or when the user interrupts (interrupt.h). */
#pragma once
#include <glib.h>
#include <sys/types.h>

typedef struct Sandbox Sandbox;

typedef enum {
    SANDBOX_CRASHED,     /* the input's fault; message: what happened ("Segmentation fault") */
    SANDBOX_ENDLESS,     /* the same: a limit of time was exceeded; message: "given up after 60 s" */
    SANDBOX_INTERRUPTED, /* by the user, or the child by a signal of the user's */
    SANDBOX_MACHINE,     /* no memory, or no process can be started; message: which */
    SANDBOX_REFUSED,     /* or more, by its code: the work's own error, and its message */
} SandboxError;
#define SANDBOX_ERROR (sandbox_error_quark())
GQuark sandbox_error_quark(void);

/* Of bytes that go to the other side, or came from it. */
typedef struct {
    gpointer bytes;
    gsize size;
} SandboxBytes;

/* In the child: answers one request with bytes that g_free frees, which may be NULL with size 0. On failure FALSE and
 * an error, of which the parent gets the code (0 or more) and the message. */
typedef gboolean (*SandboxServe)(gpointer data, const guint8 *request, gsize size, SandboxBytes *answer,
                                 GError **error);

typedef struct {
    SandboxServe serve;
    gpointer data; /* for serve: the child's copy */
    int file;      /* stays open in the child, as SUBPROCESS_FILE; -1: none */
    gsize request; /* bytes of a request, at most */
    gsize memory;  /* bytes that the child may take, beyond what this process has */
    guint limit;   /* ms of processor time since sandbox_begin, and of waiting while it uses hardly any */
} SandboxWork;

/* Starts the child. Call it while no other thread of the process uses GLib's or malloc's locks. NULL and
 * SANDBOX_MACHINE if that fails. */
Sandbox *sandbox_start(const SandboxWork *work, GError **error);
void sandbox_free(Sandbox *sandbox); /* ends the child */

/* After an answer: whether seccomp restricts the child. A kernel may have none. */
gboolean sandbox_is_fenced(const Sandbox *sandbox);

/* Begins to count processor time for the limit again. */
void sandbox_begin(Sandbox *sandbox);

/* Sends head and body (NULL: nothing) as one request, and receives its answer, of at most max bytes: to answer->bytes, or
 * where that is NULL to new memory, with a NUL behind it, that g_free frees. FALSE and SANDBOX_ERROR: before
 * SANDBOX_REFUSED the child has ended, and every further request fails alike. One thread at a time. */
gboolean sandbox_ask(Sandbox *sandbox, SandboxBytes head, SandboxBytes body, gsize max, SandboxBytes *answer,
                     GError **error);

/* Sets error to "PATH: what happened", if the work was to read this file; kind: "file", "archive". Frees problem, an
 * error of sandbox_start or sandbox_ask. Returns FALSE. */
gboolean sandbox_blame(GError **error, const char *path, const char *kind, GError *problem);

/* ---- Processes, and children that another process starts ---- */

/* fork(): 0 in the child, which ends with this process and leaves no core file; -1 with errno on failure. *socket: this
 * process's end of one to the other, or the child's. */
pid_t subprocess_fork(int *socket);
/* In such a child: closes all inherited file descriptors except these two, which become numbers 3 and 4 (file: -1 for
 * none), empties the environment, and ignores Ctrl-C and schedulers' signals, which reach all processes of a group and are
 * handled by the parent. */
enum { SUBPROCESS_SOCKET = 3, SUBPROCESS_FILE = 4 };
void subprocess_detach(int socket, int file);
/* Waits for a child; returns waitpid's status. */
int subprocess_wait(pid_t child);
/* Sets the SANDBOX_ERROR that a child ended with, by its wait status. */
void subprocess_end(int status, GError **error);

/* The child's life in a process that has been forked by subprocess_fork, with its end of the socket. */
G_NORETURN void sandbox_live(int socket, const SandboxWork *work);

/* A child that lives by sandbox_live at the other end of this socket, which is taken over. bury must end it and return
 * its wait status. */
typedef int (*SandboxBury)(gpointer data, pid_t pid);
Sandbox *sandbox_adopt(pid_t pid, int socket, guint limit, SandboxBury bury, gpointer data);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sandbox, sandbox_free)

/* Both ends of a socket: everything, or FALSE. */
gboolean sandbox_send_all(int socket, const void *bytes, gsize size);
gboolean sandbox_receive_all(int socket, void *bytes, gsize size);
