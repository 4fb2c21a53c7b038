/* The store of a cache: one writer, concurrent readers, kills, full disks, growth, and folders that are not caches. */
#include "common/cache/store.h"
#include "tests/unit/fixture.h"

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_cache_is_open_once_in_a_program(void)
{
    g_autofree char *folder = fixture_folder();
    g_autofree char *by_another_name = g_strconcat(folder, "/.", NULL);
    fixture_cache(folder, FIXTURE_SIDE, 3);
    Cache *first = open_cache(folder);
    cache_is_refused(by_another_name, "is given twice");
    cache_close(first);
    first = open_cache(by_another_name);
    cache_close(first);
    remove_tree(folder);
}

static void pages_of_another_size_than_when_it_was_opened_are_refused(void)
{
    const guint32 size = 0x7ffff000;
    const gsize place = 40; /* of LMDB's own size of pages, in a file's first page */
    g_autofree char *folder = fixture_folder();
    g_autofree char *data = g_build_filename(folder, "data.mdb", NULL);
    g_autoptr(GError) error = NULL;
    fixture_cache(folder, FIXTURE_SIDE, 3);
    Store *store = store_open(folder, FALSE, &error);
    g_assert_no_error(error);
    int file = open(data, O_WRONLY);
    g_assert_cmpint(pwrite(file, &size, sizeof size, place), ==, sizeof size);
    close(file);
    g_assert_null(store_begin_checked(store, &error));
    g_assert_nonnull(strstr(error->message, "data.mdb: "));
    store_close(store);
    remove_tree(folder);
}

/* Runs a function in a child process, which may crash. Returns waitpid's status. */
static pid_t in_child(void (*function)(const char *folder), const char *folder)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        function(folder);
        _exit(0);
    }
    g_assert_cmpint(child, >, 0);
    return child;
}

static int child_status(pid_t child)
{
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    return status;
}

static void child_is_refused(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autoptr(GError) error = NULL;
    CacheWriter *writer = cache_writer_open(folder, spec, NULL, &error);
    _exit(!writer && strstr(error->message, "another program") ? 0 : 1);
}

/* The reader is the child, so that LMDB is opened on one side of fork only. */
static void child_writes_and_waits(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    fixture_put(writer, spec, 1);
    commit_cache(writer);
    g_autofree char *sign = g_build_filename(folder, "committed", NULL);
    g_file_set_contents(sign, "", 0, NULL);
    pause();
}

static void wait_for_file(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    while (!g_file_test(path, G_FILE_TEST_EXISTS))
        g_usleep(2000);
}

static void a_second_writer_is_refused_and_a_reader_is_not(void)
{
    g_autofree char *folder = fixture_folder();
    g_rmdir(folder); /* the first writer makes it */
    pid_t writer = in_child(child_writes_and_waits, folder);
    wait_for_file(folder, "committed");
    g_assert_cmpint(child_status(in_child(child_is_refused, folder)), ==, 0);
    Cache *cache = open_cache(folder);
    check_cache(cache, 1);
    cache_close(cache);
    kill(writer, SIGKILL);
    child_status(writer);
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *next = open_writer(folder, spec); /* a killed writer's lock is released */
    cache_writer_close(next);
    remove_tree(folder);
}

static void child_writes_for_ever(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    for (guint i = 0;; i++) {
        fixture_put(writer, spec, i);
        if (i % 5 == 4)
            commit_cache(writer);
        if (i == 4) {
            g_autofree char *sign = g_build_filename(folder, "committed", NULL);
            g_file_set_contents(sign, "", 0, NULL);
        }
    }
}

static void a_kill_loses_only_the_batch_in_flight(void)
{
    for (int round = 0; round < 8; round++) {
        g_autofree char *folder = fixture_folder();
        g_rmdir(folder);
        pid_t writer = in_child(child_writes_for_ever, folder);
        wait_for_file(folder, "committed");
        g_usleep((gulong)g_test_rand_int_range(0, 30000));
        kill(writer, SIGKILL);
        g_assert_true(WIFSIGNALED(child_status(writer)));
        g_autoptr(Cache) cache = open_cache(folder);
        g_assert_cmpuint(cache->images, >=, 5);
        g_assert_cmpuint(cache->images % 5, ==, 0); /* whole batches */
        check_cache(cache, cache->images);
        remove_tree(folder);
    }
}

/* A limit on the file's size simulates a full disk: the same call fails, with EFBIG instead of ENOSPC. */
static void child_fills_the_disk(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autoptr(GError) error = NULL;
    struct rlimit limit = {1 << 20, 1 << 20};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    CacheWriter *writer = open_writer(folder, spec);
    for (guint i = 0; i < 1000; i++) {
        fixture_put(writer, spec, i);
        if (i % 5 == 4 && !cache_writer_commit(writer, &error)) {
            gboolean again = cache_writer_commit(writer, NULL);
            _exit(strstr(error->message, "make room") && !again && cache_writer_pending(writer) >= 5 ? 0 : 1);
        }
    }
    _exit(2);
}

static void a_full_disk_is_a_sentence_and_the_cache_goes_on(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_assert_cmpint(child_status(in_child(child_fills_the_disk, folder)), ==, 0);
    Cache *cache = open_cache(folder);
    guint kept = cache->images;
    g_assert_cmpuint(kept, >=, 20);
    g_assert_cmpuint(kept % 5, ==, 0);
    check_cache(cache, kept);
    cache_close(cache);
    CacheWriter *writer = open_writer(folder, spec);
    for (guint i = kept; i < kept + 50; i++)
        fixture_put(writer, spec, i);
    commit_cache(writer);
    cache_writer_close(writer);
    cache = open_cache(folder);
    check_cache(cache, kept + 50);
    cache_close(cache);
    remove_tree(folder);
}

static gpointer look_all_the_time(gpointer data)
{
    guint8 hash[CACHE_HASH];
    guint found = 0;
    CacheWriter *writer = data;
    for (guint i = 0; i < 3000; i++) {
        g_autofree char *path = fixture_path(i % 500);
        found += cache_writer_lookup(writer, path, hash);
    }
    return GUINT_TO_POINTER(found);
}

static void the_map_grows_under_readers_of_it(void)
{
    enum { SIDE = 160, IMAGES = 300 }; /* 92 MB, more than a new map holds */
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    fixture_put(writer, spec, 0);
    commit_cache(writer);
    GThread *looker = g_thread_new("looker", look_all_the_time, writer);
    for (guint i = 1; i < IMAGES; i++) {
        fixture_put(writer, spec, i);
        if (i % 60 == 59)
            commit_cache(writer);
    }
    g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(looker)), >, 0);
    cache_writer_close(writer);
    g_autoptr(Cache) cache = open_cache(folder);
    check_cache(cache, IMAGES);
    remove_tree(folder);
}

static void what_is_no_cache_is_refused(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autoptr(GError) error = NULL;
    g_autofree char *file = g_build_filename(folder, "data.mdb", NULL);
    g_autofree char *other = g_build_filename(folder, "holiday.jpg", NULL);
    g_autofree char *missing = g_build_filename(folder, "missing", NULL);
    cache_is_refused(missing, "there is no cache");
    cache_is_refused(folder, "holds nothing yet"); /* an empty folder */
    g_file_set_contents(file, "", 0, NULL);
    cache_is_refused(folder, "holds nothing yet");
    cache_is_refused(file, "is not a cache"); /* a file */
    g_remove(file);
    g_file_set_contents(other, "x", 1, NULL);
    g_autoptr(CacheWriter) writer = cache_writer_open(folder, spec, NULL, &error);
    g_assert_null(writer); /* a folder of other things is not written into */
    g_assert_nonnull(strstr(error->message, "holiday.jpg"));
    remove_tree(folder);
}

/* LMDB writes the first two pages in one call; a kill can leave the first of them, of transaction 0. */
static void a_creation_cut_short_is_begun_again(void)
{
    for (gsize left = 0; left <= 4096; left += 4096) {
        g_autofree char *folder = fixture_folder();
        g_autofree char *file = g_build_filename(folder, "data.mdb", NULL);
        g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
        MDB_env *env;
        g_assert_cmpint(mdb_env_create(&env), ==, 0);
        g_assert_cmpint(mdb_env_open(env, folder, 0, 0666), ==, 0);
        mdb_env_close(env);
        g_assert_cmpint(truncate(file, (off_t)left), ==, 0);
        cache_is_refused(folder, "holds nothing yet");
        CacheWriter *writer = open_writer(folder, spec);
        fixture_put(writer, spec, 0);
        commit_cache(writer);
        cache_writer_close(writer);
        Cache *cache = open_cache(folder);
        check_cache(cache, 1);
        cache_close(cache);
        remove_tree(folder);
    }
}

/* LMDB writes into what its two files lead to. */
static void links_and_pipes_in_the_place_of_its_files_are_refused(void)
{
    for (guint i = 0; i < 8; i++) {
        g_autofree char *folder = fixture_folder();
        g_autofree char *file = g_build_filename(folder, i % 2 ? "data.mdb" : "lock.mdb", NULL);
        g_autofree char *target = g_build_filename(folder, "target", NULL);
        g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
        g_autoptr(GError) error = NULL;
        fixture_cache(folder, FIXTURE_SIDE, 2);
        overwrite(target, "mine", 4);
        g_remove(file);
        int made = i / 2 == 0   ? symlink(target, file)
                   : i / 2 == 1 ? link(target, file)
                   : i / 2 == 2 ? mkfifo(file, 0666)
                                : mkdir(file, 0777);
        g_assert_cmpint(made, ==, 0);
        cache_is_refused(folder, "must be its own");
        g_assert_null(cache_writer_open(folder, spec, NULL, &error));
        g_assert_nonnull(strstr(error->message, i % 2 ? "data.mdb" : "lock.mdb"));
        g_autofree char *text = NULL;
        g_assert_true(g_file_get_contents(target, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "mine");
        remove_tree(folder);
    }
}

static void the_lock_file_has_blocks_for_every_reader(void)
{
    g_autofree char *folder = fixture_folder();
    g_autofree char *lock = g_build_filename(folder, "lock.mdb", NULL);
    struct stat status;
    fixture_cache(folder, FIXTURE_SIDE, 2);
    g_remove(lock);
    cache_close(open_cache(folder));
    g_assert_cmpint(stat(lock, &status), ==, 0);
    g_assert_cmpint(status.st_blocks * 512, >=, 64 * 2048);
    remove_tree(folder);
}

static void child_reads_and_cannot_write(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autoptr(GError) error = NULL;
    kill(getpid(), SIGSTOP); /* until its place in the table of readers is taken */
    Cache *cache = open_cache(folder);
    check_cache(cache, 2);
    cache_close(cache);
    g_assert_null(cache_writer_open(folder, spec, NULL, &error));
    g_assert_nonnull(strstr(error->message, "process number"));
}

/* As in two containers that share a cache, where both processes are number 1. */
static void two_processes_of_one_number_can_read(void)
{
    g_autofree char *folder = fixture_folder();
    fixture_cache(folder, FIXTURE_SIDE, 2);
    pid_t child = in_child(child_reads_and_cannot_write, folder);
    int status;
    g_assert_cmpint(waitpid(child, &status, WUNTRACED), ==, child);
    g_autofree char *lock = g_build_filename(folder, "lock.mdb", NULL);
    int file = open(lock, O_RDWR);
    struct flock place = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = child, .l_len = 1};
    g_assert_cmpint(fcntl(file, F_SETLK, &place), ==, 0);
    kill(child, SIGCONT);
    g_assert_cmpint(child_status(child), ==, 0);
    close(file);
    remove_tree(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cache/a cache is open once in a program", a_cache_is_open_once_in_a_program);
    g_test_add_func("/cache/pages of another size than when it was opened are refused",
                    pages_of_another_size_than_when_it_was_opened_are_refused);
    g_test_add_func("/cache/a second writer is refused and a reader is not",
                    a_second_writer_is_refused_and_a_reader_is_not);
    g_test_add_func("/cache/a kill loses only the batch in flight", a_kill_loses_only_the_batch_in_flight);
    g_test_add_func("/cache/a full disk is a sentence and the cache goes on",
                    a_full_disk_is_a_sentence_and_the_cache_goes_on);
    g_test_add_func("/cache/the map grows under readers of it", the_map_grows_under_readers_of_it);
    g_test_add_func("/cache/other folders and files are refused", what_is_no_cache_is_refused);
    g_test_add_func("/cache/an interrupted creation is begun again", a_creation_cut_short_is_begun_again);
    g_test_add_func("/cache/links and pipes in the place of its files are refused",
                    links_and_pipes_in_the_place_of_its_files_are_refused);
    g_test_add_func("/cache/the lock file has blocks for every reader",
                    the_lock_file_has_blocks_for_every_reader);
    g_test_add_func("/cache/two processes of one number can read", two_processes_of_one_number_can_read);
    return g_test_run();
}
