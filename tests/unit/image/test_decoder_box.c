/* decoder_box: what is refused inside, and decoders that crash, never end, exit or are killed. The first byte of the
 * data to decode selects the task. */
#include "common/image/decoder_box.h"
#include "common/image/image_file.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIDE = 4, PIXELS = SIDE * SIDE * 3, THREADS = 4, ROUNDS = 50, LIMIT = 1000 };

/* Each attempt must be refused: the task's byte, and what it attempts. */
static int attempts(void)
{
    int failures = 0, n = 0;
#define ATTEMPT(call) (n++, errno = 0, failures += (long)(call) == -1 && errno == EPERM)
    ATTEMPT(open("/etc/passwd", O_RDONLY));
    ATTEMPT(open("/tmp/vggcache-box", O_WRONLY | O_CREAT, 0600));
    ATTEMPT(socket(AF_INET, SOCK_STREAM, 0));
    ATTEMPT(socket(AF_UNIX, SOCK_STREAM, 0));
    ATTEMPT(fork());
    ATTEMPT(execl("/bin/true", "true", NULL));
    ATTEMPT(kill(getppid(), 0));
    ATTEMPT(unlink("/tmp/vggcache-box"));
    ATTEMPT(mkdir("/tmp/vggcache-box", 0700));
    ATTEMPT((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
#undef ATTEMPT
    return n - failures;
}

/* Descriptors that read() does not call bad, but for the box's own. */
static int open_files(void)
{
    int n = 0;
    for (int file = 4; file < 256; file++)
        n += read(file, NULL, 0) == 0 || errno != EBADF;
    return n;
}

static gboolean task(const guint8 *bytes, gsize size, const Decoding *how, gint64 max_pixels, guint8 *rgb,
                     ImageFacts *facts, GError **error)
{
    memset(rgb, bytes[size - 1], (gsize)how->side * (gsize)how->side * 3);
    facts->turned = bytes[0] == 't';
    memset(facts->remark, facts->turned ? 'x' : 0, sizeof facts->remark); /* without an end */
    switch (bytes[0]) {
    case 'a':
        rgb[0] = (guint8)attempts();
        return TRUE;
    case 'f':
        rgb[0] = (guint8)open_files();
        return TRUE;
    case 'c':
        __builtin_trap();
    case 'h': /* answers without pixels */
        forge_head(0);
        return TRUE;
    case 'l':
        _exit(1);
    case 'p':
        memcpy(rgb, &(pid_t){getpid()}, sizeof(pid_t));
        return TRUE;
    case 'e': /* loops for ever */
        for (volatile guint i = 0;; i++)
            ;
    case 's': /* sleeps for ever */
        for (;;)
            g_usleep(G_USEC_PER_SEC);
    case 'r':
        g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE, "bad\xff");
        return FALSE;
    default:
        return TRUE;
    }
}

static gboolean decode(DecoderBox *box, const char *text, guint8 *rgb, GError **error)
{
    const Decoding how = {.side = SIDE};
    g_autoptr(GBytes) content = g_bytes_new_static(text, strlen(text));
    ImageFacts facts = {.turned = TRUE};
    gboolean fine = decoder_box_decode(box, content, &how, 1000, rgb, &facts, error);
    g_assert_true(!fine || facts.turned == (text[0] == 't'));
    g_assert_true(!fine ||
                  strnlen(facts.remark, sizeof facts.remark) == (facts.turned ? sizeof facts.remark - 1 : 0));
    return fine;
}

static void assert_decodes(DecoderBox *box, const char *text)
{
    guint8 rgb[PIXELS];
    g_autoptr(GError) error = NULL;
    gboolean fine = decode(box, text, rgb, &error);
    g_assert_no_error(error);
    g_assert_true(fine);
    for (int i = 0; i < PIXELS; i++)
        g_assert_cmpint(rgb[i], ==, text[strlen(text) - 1]);
}

static void assert_fails(DecoderBox *box, const char *text, ImageError code, const char *reason)
{
    guint8 rgb[PIXELS];
    g_autoptr(GError) error = NULL;
    g_assert_false(decode(box, text, rgb, &error));
    g_assert_error(error, IMAGE_ERROR, (int)code);
    g_assert_nonnull(strstr(error->message, reason));
}

static DecoderBox *new_box(void)
{
    g_autoptr(GError) error = NULL;
    DecoderBox *box = decoder_box_new(task, LIMIT, &error);
    g_assert_no_error(error);
    return box;
}

static void test_nothing_can_be_opened_inside(void)
{
    guint8 rgb[PIXELS];
    int inherited = open("/etc/passwd", O_RDONLY);
    g_autoptr(DecoderBox) box = new_box();
    g_assert_true(decode(box, "a", rgb, NULL));
    g_assert_cmpint(rgb[0], ==, 0);
    g_assert_true(decode(box, "f", rgb, NULL));
    g_assert_cmpint(rgb[0], ==, 0);
    close(inherited);
}

static void test_a_crash_costs_one_image(void)
{
    g_autoptr(DecoderBox) box = new_box();
    for (int i = 0; i < 3; i++) {
        assert_decodes(box, "x1");
        assert_decodes(box, "turned");
        assert_fails(box, "c", IMAGE_ERROR_UNREADABLE, "crashes the decoder (Illegal instruction)");
        assert_fails(box, "h", IMAGE_ERROR_UNREADABLE, "crashes the decoder (its answer is not valid)");
    }
    assert_decodes(box, "x2");
    assert_fails(box, "r", IMAGE_ERROR_UNREADABLE, "bad\xef\xbf\xbd");
}

static void test_one_that_never_ends_costs_one_image(void)
{
    g_autoptr(DecoderBox) box = new_box();
    assert_fails(box, "e", IMAGE_ERROR_UNREADABLE, "does not end (given up after 1 s)");
    assert_decodes(box, "x1");
    assert_fails(box, "s", IMAGE_ERROR_UNREADABLE, "does not end");
    assert_decodes(box, "x2");
}

static void test_no_memory_is_the_machines_fault(void)
{
    g_autoptr(DecoderBox) box = new_box();
    assert_fails(box, "l", IMAGE_ERROR_MACHINE, "not enough memory to decode it");
    assert_decodes(box, "x");
}

static void test_one_that_is_killed_is_replaced(void)
{
    guint8 rgb[PIXELS];
    pid_t pid, other;
    g_autoptr(DecoderBox) box = new_box();
    g_assert_true(decode(box, "p", rgb, NULL));
    memcpy(&pid, rgb, sizeof pid);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_true(decode(box, "p", rgb, NULL));
    memcpy(&other, rgb, sizeof other);
    g_assert_cmpint(pid, !=, other);
}

/* The process that starts the decoders is the only child of this one. */
static void end_starter(int signal_number)
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", getpid()), *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpint(kill(atoi(text), signal_number), ==, 0);
}

static void test_an_end_of_the_starter_is_named(void)
{
    static const struct {
        int signal;
        ImageError code;
        const char *reason;
    } ends[] = {
        {SIGALRM, IMAGE_ERROR_INTERRUPTED, "interrupted"},
        {SIGKILL, IMAGE_ERROR_MACHINE, "starts decoders has ended (it was killed, most likely for lack of"},
        {SIGILL, IMAGE_ERROR_MACHINE, "starts decoders has ended (Illegal instruction)"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(ends); i++)
        for (int decoders = 0; decoders < 2; decoders++) { /* one that is idle when its starter ends */
            g_autoptr(DecoderBox) box = new_box();
            if (decoders)
                assert_decodes(box, "x");
            end_starter(ends[i].signal);
            while (decode(box, "x", (guint8[PIXELS]){0}, NULL))
                ;
            for (int again = 0; again < 2; again++)
                assert_fails(box, "x", ends[i].code, ends[i].reason);
        }
}

static gpointer many(gpointer box)
{
    for (int i = 0; i < ROUNDS; i++)
        if (i % 10 == 9)
            assert_fails(box, "c", IMAGE_ERROR_UNREADABLE, "crashes");
        else
            assert_decodes(box, "xyz");
    return NULL;
}

static void test_threads_share_it(void)
{
    g_autoptr(DecoderBox) box = new_box();
    GThread *threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("many", many, box);
    for (int i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
}

static void test_no_process_is_left(void)
{
    guint8 rgb[PIXELS];
    pid_t pid;
    DecoderBox *box = new_box();
    g_assert_true(decode(box, "p", rgb, NULL));
    memcpy(&pid, rgb, sizeof pid);
    decoder_box_free(box);
    for (int i = 0; i < 3000 && kill(pid, 0) == 0; i++)
        g_usleep(10000);
    g_assert_cmpint(kill(pid, 0), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decoder box/nothing can be opened inside", test_nothing_can_be_opened_inside);
    g_test_add_func("/decoder box/a crash costs one image", test_a_crash_costs_one_image);
    g_test_add_func("/decoder box/one that never ends costs one image",
                    test_one_that_never_ends_costs_one_image);
    g_test_add_func("/decoder box/no memory is the machine's fault", test_no_memory_is_the_machines_fault);
    g_test_add_func("/decoder box/one that is killed is replaced", test_one_that_is_killed_is_replaced);
    g_test_add_func("/decoder box/an end of the starter is named", test_an_end_of_the_starter_is_named);
    g_test_add_func("/decoder box/threads share it", test_threads_share_it);
    g_test_add_func("/decoder box/no process is left", test_no_process_is_left);
    return g_test_run();
}
