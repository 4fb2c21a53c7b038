/* decoder_box: see decoder_box.h. Nothing that comes from a decoder is trusted beyond its size. */
#include "common/image/decoder_box.h"

#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/subprocess.h"
#include "common/image/decoder_fence.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int preset, side;
    gint64 max_pixels;
    gsize size; /* bytes of the file, which follow */
} Request;

typedef struct {
    gboolean fine; /* rgb (side, side, 3) follows */
    ImageError code;
    char reason[512];
} Reply;

/* Request to the starter: the id of a process whose end to report, or 0 to start a decoder. */
typedef struct {
    pid_t pid;
    int code; /* errno if none was started; the wait status of an ended one */
    gboolean fenced;
} Start;

typedef struct {
    pid_t pid;
    int socket;
} Decoder;

struct DecoderBox {
    int starter; /* socket */
    pid_t starter_pid;
    guint limit; /* ms */
    gboolean warned;
    GMutex mutex;  /* protects the whole struct */
    GArray *ready; /* Decoder, the idle ones */
};

/* ---- Time limit ---- */

/* The time limit of a decoder with an image. It is measured in processor time and in ticks of waiting, not by the
 * clock, as the image is not to blame for a busy machine or one that was suspended. */
enum { TICKS = 20 }; /* of the limit */
typedef struct {
    pid_t pid;
    guint limit;         /* ms of processor time, or of waiting while it uses hardly any */
    gint64 begun, taken; /* us of processor time: before the image, and until the last tick */
    guint idle;          /* consecutive ticks in which it used none */
    gboolean over;
} Watch;

/* Processor time of a process and all its threads, us. 0 if it has ended. */
static gint64 processor_time(pid_t pid)
{
    clockid_t clock;
    struct timespec time;
    return clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &time) == 0
               ? (gint64)time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000
               : 0;
}

static void watch_begin(Watch *watch, pid_t pid, guint limit)
{
    gint64 now = processor_time(pid);
    *watch = (Watch){.pid = pid, .limit = limit, .begun = now, .taken = now};
}

/* Waits until the socket can be read from or written to. FALSE if the time limit is exceeded. watch NULL: no limit. */
static gboolean ready(Watch *watch, int socket, short events)
{
    while (watch && !watch->over) {
        struct pollfd end = {.fd = socket, .events = events};
        int tick = (int)MAX(1, watch->limit / TICKS), n = poll(&end, 1, tick);
        if (n > 0)
            return TRUE;
        if (n < 0)
            continue; /* EINTR */
        gint64 now = processor_time(watch->pid);
        gboolean works = now - watch->taken > tick * 10; /* a hundredth of the tick */
        watch->idle = works ? 0 : watch->idle + 1;
        watch->taken = now;
        watch->over = now - watch->begun > (gint64)watch->limit * 1000 || watch->idle >= TICKS;
    }
    return !watch;
}

static gboolean send_all(int socket, const void *bytes, gsize size, Watch *watch)
{
    int flags = MSG_NOSIGNAL | (watch ? MSG_DONTWAIT : 0);
    for (gsize done = 0; done < size;) {
        if (!ready(watch, socket, POLLOUT))
            return FALSE;
        gssize n = send(socket, (const guint8 *)bytes + done, size - done, flags);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return FALSE;
        done += n > 0 ? (gsize)n : 0;
    }
    return TRUE;
}

static gboolean receive_all(int socket, void *bytes, gsize size, Watch *watch)
{
    for (gsize done = 0; done < size;) {
        if (!ready(watch, socket, POLLIN))
            return FALSE;
        gssize n = recv(socket, (guint8 *)bytes + done, size - done, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return FALSE;
        done += n > 0 ? (gsize)n : 0;
    }
    return TRUE;
}

/* ---- In the decoder ---- */

static gboolean answer(int socket, const Request *request, DecoderBoxTask task)
{
    Reply reply = {0};
    g_autoptr(GError) error = NULL;
    gsize pixels = (gsize)request->side * (gsize)request->side * 3;
    g_autofree guint8 *bytes = g_malloc(request->size + 1), *rgb = g_malloc(pixels);
    if (!receive_all(socket, bytes, request->size, NULL))
        return FALSE;
    reply.fine =
        task(bytes, request->size, (Preset)request->preset, request->side, request->max_pixels, rgb, &error);
    if (error) {
        reply.code = (ImageError)error->code;
        g_strlcpy(reply.reason, error->message, sizeof reply.reason);
    }
    return send_all(socket, &reply, sizeof reply, NULL) &&
           (!reply.fine || send_all(socket, rgb, pixels, NULL));
}

/* A decoder's main loop: it ends when its socket is closed, at the latest with the starter. */
static G_NORETURN void decoder_main(int socket, DecoderBoxTask task)
{
    Request request;
    gboolean fenced = decoder_fence();
    send_all(socket, &fenced, sizeof fenced, NULL);
    while (receive_all(socket, &request, sizeof request, NULL) && answer(socket, &request, task))
        ;
    _exit(0);
}

/* ---- In the starter ---- */

static gboolean send_start(int socket, const Start *start, int passed)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {0};
    struct iovec part = {(void *)start, sizeof *start};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (gssize)sizeof *start;
}

/* Returns the parent's end of the decoder's socket, or -1. */
static int start_decoder(DecoderBoxTask task, Start *start)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
        start->code = errno;
        return -1;
    }
    if ((start->pid = subprocess_fork(NULL, 0)) == 0)
        decoder_main(subprocess_detach(ends[1]), task);
    start->code = start->pid < 0 ? errno : 0;
    close(ends[1]);
    if (start->pid > 0 && receive_all(ends[0], &start->fenced, sizeof start->fenced, NULL))
        return ends[0];
    close(ends[0]);
    if (start->pid > 0)
        subprocess_wait(start->pid);
    start->code = start->code ? start->code : ENOMEM;
    return -1;
}

static G_NORETURN void starter_main(int socket, DecoderBoxTask task)
{
    Start start;
    while (receive_all(socket, &start, sizeof start, NULL)) {
        int passed = -1;
        if (start.pid > 0) {
            kill(start.pid, SIGKILL); /* no matter to one that has ended */
            start.code = subprocess_wait(start.pid);
        } else
            passed = start_decoder(task, &start);
        if (!send_start(socket, &start, passed))
            break;
        if (passed >= 0)
            close(passed);
    }
    _exit(0);
}

/* ---- In this process ---- */

DecoderBox *decoder_box_new(DecoderBoxTask task, guint limit, GError **error)
{
    int ends[2];
    pid_t pid = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
        if ((pid = subprocess_fork(NULL, 0)) == 0)
            starter_main(subprocess_detach(ends[1]), task);
        int code = errno;
        close(ends[1]);
        if (pid < 0)
            close(ends[0]);
        errno = code;
    }
    if (pid < 0) {
        error_set(error, "cannot start a process to decode images in: %s", g_strerror(errno));
        return NULL;
    }
    DecoderBox *box = g_new0(DecoderBox, 1);
    box->starter = ends[0];
    box->starter_pid = pid;
    box->limit = limit;
    box->ready = g_array_new(FALSE, FALSE, sizeof(Decoder));
    g_mutex_init(&box->mutex);
    return box;
}

void decoder_box_free(DecoderBox *box)
{
    if (!box)
        return;
    for (guint i = 0; i < box->ready->len; i++)
        close(g_array_index(box->ready, Decoder, i).socket);
    close(box->starter);
    subprocess_wait(box->starter_pid);
    g_array_unref(box->ready);
    g_mutex_clear(&box->mutex);
    g_free(box);
}

static gboolean broken(GError **error, const char *format, const char *reason)
{
    g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_MACHINE, format, reason);
    return FALSE;
}

/* Sends a request to the starter; passed receives a file descriptor, or -1. The mutex must be held. */
static gboolean ask(DecoderBox *box, Start *start, int *passed)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct iovec part = {start, sizeof *start};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    gssize n = -1;
    *passed = -1;
    if (!send_all(box->starter, start, sizeof *start, NULL))
        return FALSE;
    do
        n = recvmsg(box->starter, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    struct cmsghdr *header = n == (gssize)sizeof *start ? CMSG_FIRSTHDR(&message) : NULL;
    if (header)
        memcpy(passed, CMSG_DATA(header), sizeof *passed);
    return n == (gssize)sizeof *start;
}

static gboolean new_decoder(DecoderBox *box, Decoder *decoder, GError **error)
{
    Start start = {0};
    if (!ask(box, &start, &decoder->socket))
        return broken(error, "%s", "the process that starts decoders has ended");
    if (decoder->socket < 0) /* no descriptor left to receive it by, if the starter had no trouble */
        return broken(error, "cannot start a decoder for it: %s",
                      g_strerror(start.code ? start.code : EMFILE));
    decoder->pid = start.pid;
    if (!start.fenced && !box->warned)
        cli_warn("this kernel has no seccomp: images are decoded in separate processes, but these are not "
                 "sandboxed");
    box->warned |= !start.fenced;
    return TRUE;
}

static gboolean take_decoder(DecoderBox *box, Decoder *decoder, GError **error)
{
    gboolean there = TRUE;
    g_mutex_lock(&box->mutex);
    if (box->ready->len) {
        *decoder = g_array_index(box->ready, Decoder, box->ready->len - 1);
        g_array_set_size(box->ready, box->ready->len - 1);
    } else {
        there = new_decoder(box, decoder, error);
    }
    g_mutex_unlock(&box->mutex);
    return there;
}

/* How a decoder ended without answering. */
static gboolean bury(DecoderBox *box, const Decoder *decoder, int *status)
{
    Start start = {.pid = decoder->pid};
    int none;
    close(decoder->socket);
    g_mutex_lock(&box->mutex);
    gboolean told = ask(box, &start, &none);
    g_mutex_unlock(&box->mutex);
    *status = start.code;
    return told;
}

/* FALSE: the decoder gave no answer. */
static gboolean converse(const Decoder *decoder, const Request *request, const guint8 *bytes, guint8 *rgb,
                         Reply *reply, Watch *watch)
{
    return send_all(decoder->socket, request, sizeof *request, watch) &&
           send_all(decoder->socket, bytes, request->size, watch) &&
           receive_all(decoder->socket, reply, sizeof *reply, watch) &&
           (!reply->fine ||
            receive_all(decoder->socket, rgb, (gsize)request->side * (gsize)request->side * 3, watch));
}

static gboolean told(const Reply *reply, GError **error)
{
    if (reply->fine)
        return TRUE;
    g_autofree char *bounded = g_strndup(reply->reason, sizeof reply->reason);
    g_autofree char *reason = g_utf8_make_valid(bounded, -1);
    gboolean machine = reply->code == IMAGE_ERROR_MACHINE;
    g_set_error_literal(error, IMAGE_ERROR, machine ? IMAGE_ERROR_MACHINE : IMAGE_ERROR_UNREADABLE, reason);
    return FALSE;
}

/* The reason for an image whose decoder ended. */
static gboolean blame(const Watch *watch, int status, GError **error)
{
    if (watch->over)
        g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE,
                    "decoding it does not end (given up after %g s)", watch->limit / 1000.0);
    else
        g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE, "it crashes the decoder (%s)",
                    strsignal(WTERMSIG(status)));
    return FALSE;
}

gboolean decoder_box_decode(DecoderBox *box, const guint8 *bytes, gsize size, Preset preset, int side,
                            gint64 max_pixels, guint8 *rgb, GError **error)
{
    const Request request = {(int)preset, side, max_pixels, size};
    int status = 0;
    for (int tries = 0; tries < 2; tries++) {
        Decoder decoder;
        Reply reply;
        Watch watch;
        if (!take_decoder(box, &decoder, error))
            return FALSE;
        watch_begin(&watch, decoder.pid, box->limit);
        if (converse(&decoder, &request, bytes, rgb, &reply, &watch)) {
            g_mutex_lock(&box->mutex);
            g_array_append_val(box->ready, decoder);
            g_mutex_unlock(&box->mutex);
            return told(&reply, error);
        }
        if (!bury(box, &decoder, &status))
            return broken(error, "%s", "the process that starts decoders has ended");
        if (watch.over || (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL))
            return blame(&watch, status, error);
    } /* if memory is short, the kernel kills or GLib exits: a second try may succeed */
    return broken(error, "%s",
                  WIFSIGNALED(status) ? "its decoder was killed, most likely for lack of memory"
                                      : "not enough memory to decode it");
}
