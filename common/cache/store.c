/* store: see store.h. */
#include "common/cache/store.h"

#include "common/cache/lmdb_check.h"
#include "common/core/error.h"
#include "common/core/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAMED_DATABASES = 5,
    MAX_READERS = 2048, /* concurrent, over all processes; 64 bytes each in lock.mdb */
    SNAPSHOT_TRIES = 100,
};
/* Bytes by which a writer's map exceeds the file, at least and at most. */
#define ROOM_MIN ((gsize)64 << 20)
#define ROOM_MAX ((gsize)16 << 30)

/* Folders open in this process: LMDB must not open one twice. */
static GMutex open_folders_mutex;
static GHashTable *open_folders; /* set of Store.identity */

gboolean store_damaged(const Store *store, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *clause = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return error_set(
        error, "%s is damaged or not a cache (%s): restore it from a copy, or extract again into a new cache",
        store->folder, clause);
}

gboolean store_empty(const Store *store, GError **error)
{
    return error_set(error,
                     "%s holds nothing yet: the command that was creating it was interrupted; run it again",
                     store->folder);
}

gboolean store_fail(const Store *store, const char *doing, int code, GError **error)
{
    if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID || code == MDB_BAD_VALSIZE)
        return store_damaged(store, error, "%s", mdb_strerror(code));
    /* LMDB returns EIO when a full disk cuts a write short. */
    gboolean full = code == ENOSPC || code == EDQUOT || code == EFBIG || code == EIO;
    return error_set(error, "cannot %s %s: %s%s%s", doing, store->folder, mdb_strerror(code),
                     code == EIO ? " (is the disk full?)" : "",
                     full ? "; what was stored before is kept: make room and run the same command again"
                          : "");
}

/* ---- The folder ---- */

static gboolean claim_identity(Store *store, GError **error)
{
    struct stat status;
    if (fstat(store->directory, &status))
        return store_fail(store, "open", errno, error);
    char *identity = g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)status.st_dev,
                                     (guint64)status.st_ino);
    g_mutex_lock(&open_folders_mutex);
    if (!open_folders)
        open_folders = g_hash_table_new(g_str_hash, g_str_equal);
    gboolean first = !g_hash_table_contains(open_folders, identity);
    if (first)
        g_hash_table_add(open_folders, store->identity = identity);
    g_mutex_unlock(&open_folders_mutex);
    if (!first)
        g_free(identity);
    return first ||
           error_set(error, "%s is given twice: a program can open a cache only once", store->folder);
}

static gboolean not_a_cache(const Store *store, GError **error)
{
    return error_set(error,
                     "%s is not a cache, which is a folder with a data.mdb: name one that extract has made",
                     store->folder);
}

static gboolean open_folder(Store *store, gboolean writing, GError **error)
{
    if (writing && mkdir(store->folder, 0777) && errno != EEXIST)
        return store_fail(store, "make the folder", errno, error);
    store->directory = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0 && errno == ENOENT)
        return error_set(error, "there is no cache %s: run extract to make one", store->folder);
    if (store->directory < 0 && errno == ENOTDIR)
        return not_a_cache(store, error);
    return store->directory >= 0 || store_fail(store, "open", errno, error);
}

/* Excludes a second writer: in another program, as this one claims its folders first. */
static gboolean lock_folder(const Store *store, GError **error)
{
    if (flock(store->directory, LOCK_EX | LOCK_NB) == 0)
        return TRUE;
    if (errno != EWOULDBLOCK)
        return store_fail(store, "lock", errno, error);
    return error_set(
        error,
        "%s is being written by another program, or read by one that cannot use its lock.mdb: wait until "
        "it has ended, or write to another cache",
        store->folder);
}

/* A folder that contains other files is not turned into a cache. */
static gboolean check_empty(const Store *store, GError **error)
{
    g_autoptr(GPtrArray) names = input_folder_names(store->folder, error);
    if (!names)
        return FALSE;
    for (guint i = 0; i < names->len; i++)
        if (!g_str_equal(names->pdata[i], "lock.mdb") && !g_str_equal(names->pdata[i], "data.mdb"))
            return error_set(error, "%s is a folder with other files (%s) and not a cache: name a new folder",
                             store->folder, (const char *)names->pdata[i]);
    return TRUE;
}

/* ---- The two files ---- */

/* Opens one of the two, which must be a regular file without a second name: LMDB writes to it, and what lies behind a
 * link is not the cache's. *file: -1 with *code, an errno, if it cannot be opened; FALSE and error if it is something
 * else. */
static gboolean open_own(const Store *store, const char *name, int flags, int *file, int *code,
                         GError **error)
{
    struct stat status;
    *file = openat(store->directory, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    *code = *file < 0 ? errno : 0;
    if (*file >= 0 ? fstat(*file, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink <= 1
                   : *code != ELOOP && *code != EISDIR && *code != ENXIO)
        return TRUE;
    if (*file >= 0)
        close(*file);
    return error_set(error,
                     "%s: its %s is a link, has a second name, or is no regular file, and a cache's "
                     "files must be its own: "
                     "use a copy of the cache (cp -rL)",
                     store->folder, name);
}

/* ---- The data file ---- */

/* Maps the file read-only; no bytes if it is empty. NULL and error if it cannot be mapped. */
static GMappedFile *map_file(const Store *store, int file, const guint8 **bytes, gsize *size, GError **error)
{
    g_autoptr(GError) problem = NULL;
    GMappedFile *map = g_mapped_file_new_from_fd(file, FALSE, &problem);
    if (!map) {
        error_set(error, "cannot read %s: %s", store->folder, problem->message);
        return NULL;
    }
    *bytes = (const guint8 *)g_mapped_file_get_contents(map);
    *size = g_mapped_file_get_length(map);
    if (*size)
        madvise((void *)*bytes, *size, MADV_RANDOM);
    return map;
}

/* A page fault maps neighbouring cached pages too, up to a large page: so whole large pages are released, within the
 * map. */
static void release_pages(const guint8 *map, gsize map_size, const void *bytes, gsize size)
{
    const guintptr large = (guintptr)2 << 20, first = (guintptr)map, end = first + map_size;
    guintptr from = MAX((guintptr)bytes / large * large, first);
    guintptr to = MIN(((guintptr)bytes + size + large - 1) / large * large, end);
    madvise((void *)from, to - from, MADV_DONTNEED);
}

/* LMDB does not expose where its map begins; it follows from the page number in the header of the value's page, which
 * was checked. */
void store_forget(const Store *store, const void *value, gsize size)
{
    enum { PAGE_HEADER = 16 };
    MDB_stat stat;
    MDB_envinfo info;
    guint64 number;
    mdb_env_stat(store->env, &stat);
    mdb_env_info(store->env, &info);
    if ((guintptr)value % stat.ms_psize != PAGE_HEADER)
        return; /* shares its pages with other values */
    const guint8 *page = (const guint8 *)value - PAGE_HEADER;
    memcpy(&number, page, sizeof number);
    release_pages(page - number * stat.ms_psize, info.me_mapsize, value, size);
}

static gboolean check_metas(const Store *store, const guint8 *bytes, gsize size, GError **error)
{
    g_autoptr(GError) problem = NULL;
    return lmdb_check_metas(bytes, size, &problem) ||
           store_damaged(store, error, "data.mdb: %s", problem->message);
}

/* Checks that LMDB can safely open data.mdb; *size: of the file. For a writer, a missing file is fine, and one in which
 * nothing was ever stored is truncated. */
static gboolean check_file(const Store *store, gboolean writing, gsize *size, GError **error)
{
    int file, code;
    *size = 0;
    if (!open_own(store, "data.mdb", writing ? O_RDWR : O_RDONLY, &file, &code, error))
        return FALSE;
    if (code == ENOENT && writing)
        return check_empty(store, error);
    if (code == ENOENT) /* when a cache is created, the folder and LMDB's lock file come first */
        return check_empty(store, NULL) ? store_empty(store, error) : not_a_cache(store, error);
    if (code)
        return store_fail(store, writing ? "write" : "read", code, error);
    const guint8 *bytes;
    g_autoptr(GMappedFile) map = map_file(store, file, &bytes, size, error);
    gboolean fine = map != NULL;
    if (map && *size && !lmdb_check_empty(bytes, *size))
        fine = check_metas(store, bytes, *size, error);
    else if (map)
        fine = writing ? ftruncate(file, 0) == 0 || store_fail(store, "write", errno, error)
                       : store_empty(store, error);
    close(file);
    return fine;
}

/* ---- The lock file, with LMDB's table of readers ---- */

/* Gives it its blocks: LMDB maps it, and where the file system is full, writing to a page without a block would end
 * the process. *code: 0, or why it cannot be used (errno). FALSE and error if it is no file of the cache's own. */
static gboolean prepare_lock(const Store *store, int *code, GError **error)
{
    enum { SLOT = 64, MORE = 8 }; /* bytes of a reader; slots' worth that LMDB needs besides */
    const off_t size = SLOT * (MAX_READERS + MORE);
    struct stat status;
    int file;
    if (!open_own(store, "lock.mdb", O_RDWR | O_CREAT, &file, code, error))
        return FALSE;
    if (file >= 0 && fstat(file, &status) == 0 && status.st_blocks * 512 < size)
        *code = posix_fallocate(file, 0, size);
    if (file >= 0)
        close(file);
    return TRUE;
}

/* Opens LMDB's environment and takes a place in the table. Returns an LMDB code. */
static int open_environment(Store *store, unsigned flags, gsize size)
{
    MDB_txn *txn;
    int code;
    if ((code = mdb_env_create(&store->env)) || (code = mdb_env_set_maxdbs(store->env, NAMED_DATABASES)) ||
        (code = mdb_env_set_maxreaders(store->env, MAX_READERS)) ||
        (code = mdb_env_set_mapsize(store->env, size)) ||
        (code = mdb_env_open(store->env, store->folder, MDB_NOTLS | flags, 0666)) ||
        (code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn)))
        return code == MDB_MAP_RESIZED ? 0 : code;
    mdb_txn_abort(txn);
    return 0;
}

/* Reads without the table. A writer would not know of this reader and could write over what it reads, so none may be
 * active, nor start. */
static gboolean open_unlocked(Store *store, gsize size, const char *why, GError **error)
{
    if (flock(store->directory, LOCK_SH | LOCK_NB))
        return error_set(error,
                         "%s is being written by another program, and its lock.mdb cannot be used here (%s): "
                         "wait until it "
                         "has ended",
                         store->folder, why);
    if (store->env)
        mdb_env_close(store->env);
    store->env = NULL;
    int code = open_environment(store, MDB_RDONLY | MDB_NOLOCK, size);
    return !code || store_fail(store, "open", code, error);
}

/* A process's place in the table is found by its number, which in containers is often 1. */
static gboolean open_locked(Store *store, gboolean writing, gsize size, GError **error)
{
    int code;
    if (!prepare_lock(store, &code, error))
        return FALSE;
    if (!code)
        code = open_environment(store, writing ? 0 : MDB_RDONLY, size + (writing ? ROOM_MIN : 0));
    if (!code)
        return TRUE;
    gboolean twin = code == EAGAIN;
    const char *why =
        twin ? "a program of the same process number uses it, in another container" : mdb_strerror(code);
    if (!writing && (twin || code == EACCES || code == EROFS || code == ENOSPC || code == EDQUOT))
        return open_unlocked(store, size, why, error);
    if (!twin)
        return store_fail(store, "open", code, error);
    return error_set(
        error,
        "%s cannot be written: %s; wait until it has ended, or start the containers so that they share their "
        "process numbers (--pid=host)",
        store->folder, why);
}

gsize store_map_bytes(const char *folder)
{
    enum { LISTS = 4 << 20 }; /* of free and of changed pages, and the table of readers */
    struct stat status;
    g_autofree char *path = g_build_filename(folder, "data.mdb", NULL);
    return LISTS + ROOM_MIN + (stat(path, &status) ? 0 : (gsize)status.st_size);
}

Store *store_open(const char *folder, gboolean writing, GError **error)
{
    g_autoptr(Store) store = g_new0(Store, 1);
    store->folder = g_strdup(folder);
    store->directory = -1;
    gsize size;
    if (!open_folder(store, writing, error) || !claim_identity(store, error) ||
        (writing && !lock_folder(store, error)) || !check_file(store, writing, &size, error) ||
        !open_locked(store, writing, size, error))
        return NULL;
    if (writing) {
        mdb_reader_check(store->env, NULL); /* slots of killed readers would block the reuse of freed pages */
        fsync(store->directory);
    }
    return g_steal_pointer(&store);
}

void store_close(Store *store)
{
    if (!store)
        return;
    if (store->env)
        mdb_env_close(store->env);
    if (store->identity) {
        g_mutex_lock(&open_folders_mutex);
        g_hash_table_remove(open_folders, store->identity);
        g_mutex_unlock(&open_folders_mutex);
        g_free(store->identity);
    }
    if (store->directory >= 0)
        close(store->directory);
    g_free(store->folder);
    g_free(store);
}

/* ---- Transactions ---- */

/* *found FALSE: a writer has meanwhile replaced the meta page of this transaction. */
static gboolean check_snapshot(const Store *store, guint64 transaction, gboolean *found, GError **error)
{
    const guint8 *bytes;
    gsize size;
    int file;
    g_autoptr(GError) problem = NULL;
    mdb_env_get_fd(store->env, &file);
    g_autoptr(GMappedFile) map = map_file(store, file, &bytes, &size, error);
    if (!map)
        return FALSE;
    gboolean metas = lmdb_check_metas(bytes, size, &problem);
    gboolean fine = metas && lmdb_check_tree(bytes, size, transaction, release_pages, found, &problem);
    if (!fine)
        *found = !metas || lmdb_check_newest(bytes) <= transaction + 1;
    return fine || !*found || store_damaged(store, error, "data.mdb: %s", problem->message);
}

MDB_txn *store_begin_checked(Store *store, GError **error)
{
    for (int i = 0; i < SNAPSHOT_TRIES; i++) {
        MDB_txn *txn;
        int code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
        if (code == MDB_MAP_RESIZED) {
            if (mdb_env_set_mapsize(store->env, 0))
                break;
            continue;
        }
        if (code) {
            store_fail(store, "read", code, error);
            return NULL;
        }
        gboolean found = FALSE;
        if (check_snapshot(store, mdb_txn_id(txn), &found, error) && found)
            return txn;
        mdb_txn_abort(txn);
        if (found || (error && *error))
            return NULL;
    }
    return error_null(error, "%s is changing too fast to be read: try again", store->folder);
}

int store_databases(Store *store, MDB_txn *txn, gboolean create)
{
    unsigned flags = create ? MDB_CREATE : 0;
    int code;
    if ((code = mdb_dbi_open(txn, "meta", flags, &store->meta)) ||
        (code = mdb_dbi_open(txn, "classes", flags, &store->classes)) ||
        (code = mdb_dbi_open(txn, "items", flags, &store->items)) ||
        (code = mdb_dbi_open(txn, "skipped", flags, &store->skipped)))
        return code;
    code = mdb_dbi_open(txn, "groups", flags, &store->groups);
    store->has_groups = !code;
    return code == MDB_NOTFOUND ? 0 : code;
}

gboolean store_read(const Store *store, MDB_txn *txn, MDB_dbi database, StoreTake take, gpointer user,
                    GError **error)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = mdb_cursor_open(txn, database, &cursor);
    if (code)
        return store_fail(store, "read", code, error);
    gboolean fine = TRUE;
    while (fine && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        fine = take(user, key, value, error);
    mdb_cursor_close(cursor);
    return fine && (code == MDB_NOTFOUND || store_fail(store, "read", code, error));
}

int store_grow(Store *store)
{
    MDB_envinfo info;
    int code = mdb_env_info(store->env, &info);
    return code ? code
                : mdb_env_set_mapsize(store->env,
                                      info.me_mapsize + CLAMP(info.me_mapsize, ROOM_MIN, ROOM_MAX));
}
