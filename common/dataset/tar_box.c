/* tar_box: see tar_box.h. One socket joins the two processes. An Order, of one byte, goes to the one that reads the archive; an
 * Answer comes back, with the bytes that it announces. */
#include "common/dataset/tar_box.h"

#include "common/core/error.h"
#include "common/core/subprocess.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef enum { ORDER_NEXT = 'n', ORDER_CONTENT = 'c' } Order;
typedef enum { ANSWER_FAILED, ANSWER_END, ANSWER_FINE } AnswerKind;

typedef struct {
    AnswerKind kind;
    TarKind member;
    guint64 member_size;
    guint64 size; /* of the bytes that follow: a sentence, a name, or a content */
} Answer;

struct TarBox {
    char *path;
    char *name;             /* of the last member */
    pid_t pid;              /* 0 once it has ended */
    int status;             /* exit status as returned by waitpid */
    FILE *orders, *answers; /* of one socket */
};

/* ---- In the process that reads the archive ---- */

static void answer(FILE *answers, AnswerKind kind, const TarMember *member, gconstpointer bytes, gsize size)
{
    Answer head = {kind, member ? member->kind : TAR_OTHER, member ? member->size : 0, size};
    fwrite(&head, sizeof head, 1, answers);
    fwrite(bytes, 1, size, answers);
    fflush(answers);
}

static void obey(TarReader *reader, int order, FILE *answers)
{
    TarMember member;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) content = order == ORDER_CONTENT ? tar_reader_content(reader, &error) : NULL;
    if (content)
        answer(answers, ANSWER_FINE, NULL, g_bytes_get_data(content, NULL), g_bytes_get_size(content));
    else if (order == ORDER_NEXT && tar_reader_next(reader, &member, &error))
        answer(answers, ANSWER_FINE, &member, member.name, strlen(member.name));
    else if (error)
        answer(answers, ANSWER_FAILED, NULL, error->message, strlen(error->message));
    else
        answer(answers, ANSWER_END, NULL, "", 0);
}

static G_NORETURN void serve(int socket, const char *path)
{
    g_autoptr(GError) error = NULL;
    FILE *orders = fdopen(socket, "r"), *answers = fdopen(dup(socket), "w");
    if (!orders || !answers)
        _exit(EXIT_FAILURE);
    TarReader *reader = tar_reader_open(path, TRUE, &error);
    if (!reader)
        answer(answers, ANSWER_FAILED, NULL, error->message, strlen(error->message));
    else
        answer(answers, ANSWER_FINE, NULL, "", 0);
    for (int order; reader && (order = getc(orders)) != EOF;) /* until the other side closes the socket */
        obey(reader, order, answers);
    _exit(EXIT_SUCCESS);
}

/* ---- In this process ---- */

static void end(TarBox *box)
{
    g_clear_pointer(&box->orders, fclose);
    g_clear_pointer(&box->answers, fclose);
    if (box->pid > 0)
        box->status = subprocess_wait(box->pid);
    box->pid = 0;
}

/* Where no answer came, now or before. */
static GBytes *died(TarBox *box, GError **error)
{
    end(box);
    if (WIFSIGNALED(box->status) && WTERMSIG(box->status) != SIGKILL)
        error_set(error, "%s: reading it crashes (%s): the archive is damaged", box->path,
                  strsignal(WTERMSIG(box->status)));
    else /* the kernel kills by SIGKILL for want of memory; fatal.h exits */
        error_set(error, "%s: no memory to read it", box->path);
    return NULL;
}

/* The bytes that come with the answer, and a NUL after them. NULL with error, or without at the end of the archive. */
static GBytes *receive(TarBox *box, Answer *head, GError **error)
{
    if (!box->answers || fread(head, sizeof *head, 1, box->answers) != 1)
        return died(box, error);
    g_autofree char *bytes = g_try_malloc(head->size + 1);
    if (!bytes) {
        error_set(error, "%s: no memory for its member '%s'", box->path, box->name ? box->name : "");
        return NULL;
    }
    if (fread(bytes, 1, head->size, box->answers) != head->size)
        return died(box, error);
    bytes[head->size] = '\0';
    if (head->kind == ANSWER_FAILED)
        error_set(error, "%s", bytes);
    return head->kind == ANSWER_FINE ? g_bytes_new_take(g_steal_pointer(&bytes), head->size) : NULL;
}

static GBytes *ask(TarBox *box, Order order, Answer *head, GError **error)
{
    if (!box->orders || putc(order, box->orders) == EOF || fflush(box->orders) != 0)
        return died(box, error);
    return receive(box, head, error);
}

TarBox *tar_box_open(const char *path, GError **error)
{
    int ends[2];
    Answer head;
    g_autoptr(TarBox) box = g_new0(TarBox, 1);
    box->path = g_strdup(path);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
        if ((box->pid = subprocess_fork(NULL, 0)) == 0)
            serve(subprocess_detach(ends[1]), path);
        close(ends[1]);
        box->answers = fdopen(ends[0], "r");
        box->orders = fdopen(dup(ends[0]), "w");
    }
    if (box->pid <= 0 || !box->answers || !box->orders) {
        error_set(error, "%s: no process to read it in can be started: %s", path, g_strerror(errno));
        return NULL;
    }
    g_autoptr(GBytes) opened = receive(box, &head, error);
    return opened ? g_steal_pointer(&box) : NULL;
}

void tar_box_close(TarBox *box)
{
    if (!box)
        return;
    end(box);
    g_free(box->name);
    g_free(box->path);
    g_free(box);
}

gboolean tar_box_next(TarBox *box, TarMember *member, GError **error)
{
    Answer head;
    gsize size;
    GBytes *name = ask(box, ORDER_NEXT, &head, error);
    if (!name)
        return FALSE;
    g_free(box->name);
    box->name = g_bytes_unref_to_data(name, &size);
    *member = (TarMember){box->name, head.member, head.member_size};
    return TRUE;
}

GBytes *tar_box_content(TarBox *box, GError **error)
{
    Answer head;
    return ask(box, ORDER_CONTENT, &head, error);
}

gboolean tar_box_recognizes(const char *path)
{
    TarMember member;
    g_autoptr(TarBox) box = tar_box_open(path, NULL);
    return box && tar_box_next(box, &member, NULL);
}
