/* decoder_box: see decoder_box.h. */
#include "common/image/decoder_box.h"

#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/sandbox.h"
#include "common/image/image_file.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    Decoding how;
    gint64 max_pixels;
    guint8 bytes[]; /* of the file */
} Request;

typedef struct {
    ImageFacts facts;
    guint8 rgb[];
} Answer;

/* Request to the starter: the id of a process to end, or 0 to start a decoder. */
typedef struct {
    pid_t pid;
    int code; /* errno if none was started; the wait status of an ended one */
} Start;

struct DecoderBox {
    int starter; /* socket */
    guint limit; /* ms */
    gint warned;
    GMutex mutex;      /* protects the socket and: */
    pid_t starter_pid; /* 0: it has ended, and its decoders with it */
    int starter_end;   /* its wait status then */
    GPtrArray *ready;  /* Sandbox, the idle decoders */
};

/* Sends or receives it with a file descriptor, or -1: none. FALSE: the other side has ended. */
static gboolean exchange(int socket, gboolean sends, Start *start, int *passed)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {.aligned = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec part = {start, sizeof *start};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (!sends || *passed >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
    }
    if (sends)
        memcpy(CMSG_DATA(&control.aligned), passed, sizeof *passed);
    gssize n = sends ? sendmsg(socket, &message, MSG_NOSIGNAL)
                     : TEMP_FAILURE_RETRY(recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
    if (!sends && n > 0 && CMSG_FIRSTHDR(&message))
        memcpy(passed, CMSG_DATA(&control.aligned), sizeof *passed);
    else if (!sends)
        *passed = -1;
    return n == (gssize)sizeof *start;
}

/* ---- In the decoder ---- */

static gsize pixels_size(const Decoding *how)
{
    return (gsize)how->side * (gsize)how->side * 3;
}

static gboolean serve(gpointer task, const guint8 *bytes, gsize size, SandboxBytes *answer, GError **error)
{
    const Request *request = (const Request *)bytes;
    answer->size = sizeof(Answer) + pixels_size(&request->how);
    Answer *answered = answer->bytes = g_malloc0(answer->size);
    DecoderBoxTask decode = *(DecoderBoxTask *)task;
    return decode(request->bytes, size - sizeof *request, &request->how, request->max_pixels, answered->rgb,
                  &answered->facts, error);
}

/* ---- In the starter ---- */

/* Returns the parent's end of the decoder's socket, or -1. */
static int start_decoder(DecoderBoxTask task, Start *start)
{
    enum { MEMORY_GB = 6 }; /* 3 of them for an image of IMAGE_MAX_PIXELS in 16 bits per channel */
    const SandboxWork work = {.serve = serve,
                              .data = &task,
                              .file = -1,
                              .request = sizeof(Request) + IMAGE_FILE_MAX,
                              .memory = (gsize)MEMORY_GB << 30};
    int socket;
    if ((start->pid = subprocess_fork(&socket)) == 0)
        sandbox_live(socket, &work);
    start->code = start->pid < 0 ? errno : 0;
    return start->pid < 0 ? -1 : socket;
}

static G_NORETURN void starter_main(int socket, DecoderBoxTask task)
{
    Start start;
    subprocess_detach(socket, -1);
    image_load_module(); /* decoders can open no file */
    while (sandbox_receive_all(SUBPROCESS_SOCKET, &start, sizeof start)) {
        int passed = -1;
        if (start.pid > 0) {
            kill(start.pid, SIGKILL); /* no matter to one that has ended */
            start.code = subprocess_wait(start.pid);
        } else
            passed = start_decoder(task, &start);
        if (!exchange(SUBPROCESS_SOCKET, TRUE, &start, &passed))
            break;
        if (passed >= 0)
            close(passed);
    }
    _exit(0);
}

/* ---- In this process ---- */

DecoderBox *decoder_box_new(DecoderBoxTask task, guint limit, GError **error)
{
    int socket;
    pid_t pid = subprocess_fork(&socket);
    if (pid == 0)
        starter_main(socket, task);
    if (pid < 0)
        return error_null(error, "cannot start a process to decode images in: %s", g_strerror(errno));
    DecoderBox *box = g_new0(DecoderBox, 1);
    box->starter = socket;
    box->starter_pid = pid;
    box->limit = limit;
    box->ready = g_ptr_array_new();
    g_mutex_init(&box->mutex);
    return box;
}

static void bury_starter(DecoderBox *box)
{
    if (!box->starter_pid)
        return;
    close(box->starter);
    box->starter_end = subprocess_wait(box->starter_pid);
    box->starter_pid = 0;
}

void decoder_box_free(DecoderBox *box)
{
    if (!box)
        return;
    for (guint i = 0; i < box->ready->len; i++)
        sandbox_free(box->ready->pdata[i]);
    bury_starter(box);
    g_ptr_array_unref(box->ready);
    g_mutex_clear(&box->mutex);
    g_free(box);
}

/* Sends a request to the starter; passed receives a file descriptor, or -1. FALSE: it has ended. The mutex must be
 * held. */
static gboolean ask(DecoderBox *box, Start *start, int *passed)
{
    if (box->starter_pid && sandbox_send_all(box->starter, start, sizeof *start) &&
        exchange(box->starter, FALSE, start, passed))
        return TRUE;
    bury_starter(box);
    return FALSE;
}

/* SandboxBury: by the starter, which is its parent. */
static int bury(gpointer data, pid_t pid)
{
    DecoderBox *box = data;
    Start start = {.pid = pid};
    int none;
    g_mutex_lock(&box->mutex);
    gboolean told = ask(box, &start, &none);
    g_mutex_unlock(&box->mutex);
    return told ? start.code : SIGKILL;
}

/* The decoder's own error, or why it has ended. */
static gboolean tell(const GError *problem, GError **error)
{
    int code = problem->code;
    ImageError kind = code == SANDBOX_INTERRUPTED ? IMAGE_ERROR_INTERRUPTED
                      : code == SANDBOX_MACHINE || code == SANDBOX_REFUSED + (int)IMAGE_ERROR_MACHINE
                          ? IMAGE_ERROR_MACHINE
                          : IMAGE_ERROR_UNREADABLE;
    const char *format = code == SANDBOX_CRASHED   ? "it crashes the decoder (%s)"
                         : code == SANDBOX_ENDLESS ? "decoding it does not end (%s)"
                         : code == SANDBOX_MACHINE ? "%s to decode it"
                                                   : "%s";
    return image_fail(error, kind, format, problem->message);
}

static Sandbox *new_decoder(DecoderBox *box, GError **error)
{
    Start start = {0};
    int socket;
    g_mutex_lock(&box->mutex);
    gboolean told = ask(box, &start, &socket);
    g_mutex_unlock(&box->mutex);
    if (!told) {
        g_autoptr(GError) end = NULL;
        subprocess_end(box->starter_end, &end);
        if (end->code == SANDBOX_INTERRUPTED)
            tell(end, error);
        else
            image_fail(error, IMAGE_ERROR_MACHINE, "the process that starts decoders has ended (%s)",
                       end->message);
        return NULL;
    }
    if (socket >= 0)
        return sandbox_adopt(start.pid, socket, box->limit, bury, box);
    image_fail(
        error, IMAGE_ERROR_MACHINE,
        "cannot start a decoder for it: %s", /* no descriptor left to receive it by, if the starter had no trouble */
        g_strerror(start.code ? start.code : EMFILE));
    return NULL;
}

static Sandbox *take_decoder(DecoderBox *box, GError **error)
{
    g_mutex_lock(&box->mutex);
    guint n = box->starter_pid ? box->ready->len : 0;
    Sandbox *decoder = n ? g_ptr_array_steal_index(box->ready, n - 1) : NULL;
    g_mutex_unlock(&box->mutex);
    return decoder ? decoder : new_decoder(box, error);
}

static void give_back(DecoderBox *box, Sandbox *decoder)
{
    g_mutex_lock(&box->mutex);
    g_ptr_array_add(box->ready, decoder);
    g_mutex_unlock(&box->mutex);
}

gboolean decoder_box_decode(DecoderBox *box, GBytes *content, const Decoding *how, gint64 max_pixels,
                            guint8 *rgb, ImageFacts *facts, GError **error)
{
    SandboxBytes body;
    body.bytes = (gpointer)g_bytes_get_data(content, &body.size);
    Request request = {.how = *how, .max_pixels = max_pixels};
    const gsize pixels = pixels_size(how), size = sizeof(Answer) + pixels;
    g_autofree Answer *answered = g_malloc(size);
    g_autoptr(GError) problem = NULL;
    g_assert(box); /* what is not trusted is decoded nowhere else */
    for (int tries = 0; tries < 2; tries++) {
        SandboxBytes answer = {.bytes = answered};
        Sandbox *decoder = take_decoder(box, error);
        if (!decoder)
            return FALSE;
        g_clear_error(&problem);
        sandbox_begin(decoder);
        gboolean fine =
            sandbox_ask(decoder, (SandboxBytes){&request, sizeof request}, body, size, &answer, &problem);
        if (fine && answer.size != size) {
            g_set_error_literal(&problem, SANDBOX_ERROR, SANDBOX_CRASHED, "its answer is not valid");
            fine = FALSE;
        }
        if (fine || problem->code >= SANDBOX_REFUSED) {
            if (!sandbox_is_fenced(decoder) && !g_atomic_int_exchange(&box->warned, TRUE))
                cli_warn(
                    "this kernel has no seccomp: images are decoded in separate processes, but these are not "
                    "sandboxed");
            give_back(box, decoder);
            if (!fine)
                return tell(problem, error);
            if (pixels)
                memcpy(rgb, answered->rgb, pixels);
            *facts = answered->facts;
            facts->remark[sizeof facts->remark - 1] = '\0'; /* a decoder is not trusted to end it */
            return TRUE;
        }
        sandbox_free(decoder);
        if (problem->code != SANDBOX_MACHINE)
            break;
    } /* if memory is short, the kernel kills or GLib exits: a second try may succeed */
    return tell(problem, error);
}
