/* The check before LMDB: files written by LMDB always pass; truncated or altered ones are refused with an error, or are
 * harmless: neither the check nor LMDB after it crashes. */
#include "common/cache/lmdb_check.h"
#include "tests/unit/fixture.h"

#include <lmdb.h>
#include <unistd.h>

enum { PAGE = 4096, HEADER = 16 };

typedef struct {
    char *folder, *path;
    guint8 *bytes;
    gsize size;
} DataFile;

static void data_file_read(DataFile *file)
{
    g_free(file->bytes);
    g_assert_true(g_file_get_contents(file->path, (char **)&file->bytes, &file->size, NULL));
}

static DataFile data_file_new(guint images)
{
    DataFile file = {.folder = fixture_folder()};
    file.path = g_build_filename(file.folder, "data.mdb", NULL);
    fixture_cache(file.folder, FIXTURE_SIDE, images);
    data_file_read(&file);
    return file;
}

static void data_file_clear(DataFile *file)
{
    remove_tree(file->folder);
    g_free(file->folder);
    g_free(file->path);
    g_free(file->bytes);
}

static gboolean passes(const guint8 *bytes, gsize size, GError **error)
{
    gboolean found;
    return lmdb_check_metas(bytes, size, error) &&
           lmdb_check_tree(bytes, size, lmdb_check_newest(bytes), NULL, &found, error);
}

/* An exact copy on the heap, so that AddressSanitizer detects accesses beyond either end. */
static gboolean copy_passes(const guint8 *bytes, gsize size, GError **error)
{
    g_autofree guint8 *copy = g_memdup2(bytes, MAX(size, 1));
    return passes(copy, size, error);
}

static void what_lmdb_writes_passes(void)
{
    DataFile file = {.folder = fixture_folder()};
    file.path = g_build_filename(file.folder, "data.mdb", NULL);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi databases[3];
    g_assert_cmpint(mdb_env_create(&env), ==, 0);
    mdb_env_set_maxdbs(env, 3);
    mdb_env_set_mapsize(env, 64 << 20);
    g_assert_cmpint(mdb_env_open(env, file.folder, MDB_NOSYNC, 0666), ==, 0);
    g_assert_cmpint(mdb_txn_begin(env, NULL, 0, &txn), ==, 0);
    for (int i = 0; i < 3; i++)
        g_assert_cmpint(mdb_dbi_open(txn,
                                     i == 0   ? "a"
                                     : i == 1 ? "b"
                                              : "c",
                                     MDB_CREATE, &databases[i]),
                        ==, 0);
    g_assert_cmpint(mdb_txn_commit(txn), ==, 0);
    /* Random insertions, replacements and removals, short and long keys and values: several levels, overflow
     * runs, merged and split pages, long lists of free pages. */
    for (int round = 0; round < 120; round++) {
        g_assert_cmpint(mdb_txn_begin(env, NULL, 0, &txn), ==, 0);
        int operations = g_test_rand_int_range(1, 120);
        gboolean shrinking = round % 30 > 20;
        for (int i = 0; i < operations; i++) {
            int number = g_test_rand_int_range(0, 700), length = number % 3 ? 8 : 450;
            g_autofree char *text = g_strdup_printf("%0*d", length, number);
            g_autofree char *content = g_malloc0(40000);
            MDB_val key = {(gsize)length, text},
                    value = {(gsize)g_test_rand_int_range(0, number % 5 ? 300 : 40000), content};
            MDB_dbi database = databases[number % 3];
            int code = shrinking || g_test_rand_int_range(0, 3) == 0
                           ? mdb_del(txn, database, &key, NULL)
                           : mdb_put(txn, database, &key, &value, 0);
            g_assert_true(code == 0 || code == MDB_NOTFOUND);
        }
        g_assert_cmpint(mdb_txn_commit(txn), ==, 0);
        g_autoptr(GError) error = NULL;
        data_file_read(&file);
        g_assert_true(passes(file.bytes, file.size, &error));
        g_assert_no_error(error);
    }
    mdb_env_close(env);
    data_file_clear(&file);
}

static void a_shortened_file_is_refused(void)
{
    DataFile file = data_file_new(60);
    gsize last = file.size; /* the first length that passes again: LMDB may leave free pages at the end */
    while (last > PAGE && copy_passes(file.bytes, last - PAGE, NULL))
        last -= PAGE;
    g_assert_cmpuint(last, >, file.size / 2);
    for (gsize size = 0; size < last; size += (size < 600 ? 7 : 1777)) {
        g_autoptr(GError) error = NULL;
        g_assert_false(copy_passes(file.bytes, size, &error));
        g_assert_nonnull(error);
    }
    data_file_clear(&file);
}

/* Page of the root of the main tree, by the newest meta page. */
static guint64 main_root(const guint8 *bytes)
{
    guint64 root;
    const guint8 *meta = bytes + PAGE * (lmdb_check_newest(bytes) % 2) + HEADER;
    memcpy(&root, meta + 24 + 48 + 40, sizeof root);
    return root;
}

/* First page with these flags that is in use. */
static guint64 find_page(const DataFile *file, guint16 wanted)
{
    for (guint64 page = 2; page < file->size / PAGE; page++) {
        guint8 saved = file->bytes[page * PAGE + 10];
        guint16 flags;
        memcpy(&flags, file->bytes + page * PAGE + 10, sizeof flags);
        file->bytes[page * PAGE + 10] ^= 0x80; /* in use if a change is detected */
        gboolean in_use = !passes(file->bytes, file->size, NULL);
        file->bytes[page * PAGE + 10] = saved;
        if (flags == wanted && in_use)
            return page;
    }
    g_error("no page of kind %d", wanted);
}

/* Writes a value to an offset, checks that the error contains these words, and restores the bytes. */
static void refused_with(DataFile *file, gsize at, const void *value, gsize size, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *before = g_memdup2(file->bytes + at, size);
    memcpy(file->bytes + at, value, size);
    g_assert_false(copy_passes(file->bytes, file->size, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, words))
        g_error("\"%s\" does not say \"%s\"", error->message, words);
    memcpy(file->bytes + at, before, size);
    g_assert_true(passes(file->bytes, file->size, NULL));
}

static void every_kind_of_damage_is_named(void)
{
    DataFile file = data_file_new(200);
    guint64 root = main_root(file.bytes), branch = find_page(&file, 1), leaf = find_page(&file, 2);
    guint64 overflow = find_page(&file, 4), far = 1 << 30;
    gsize meta = PAGE * (lmdb_check_newest(file.bytes) % 2) + HEADER;
    guint16 small = 17, large = 5000, first_node;
    guint32 many = 1 << 28, wrong = 7;

    refused_with(&file, meta, &wrong, 4, "is not LMDB's");
    refused_with(&file, meta + 4, &wrong, 4, "is not LMDB's");
    refused_with(&file, meta + 24 + 48 + 4, &small, 2, "another kind of database");
    refused_with(&file, meta + 120 + 8, &far, 8, "transaction");
    refused_with(&file, meta + 24 + 48 + 40, &far, 8, "outside the file");      /* root */
    refused_with(&file, meta + 24 + 48 + 6, &wrong, 2, "wrong number or type"); /* depth */
    refused_with(&file, meta + 24 + 48 + 6, &large, 2, "pages deep");           /* depth */
    refused_with(&file, meta + 24 + 48 + 32, &far, 8, "entries");               /* entries */
    refused_with(&file, leaf * PAGE, &far, 8, "wrong number or type");          /* page number */
    refused_with(&file, leaf * PAGE + 12, &small, 2, "impossible bounds");      /* lower */
    refused_with(&file, leaf * PAGE + 14, &large, 2, "impossible bounds");      /* upper */
    refused_with(&file, leaf * PAGE + HEADER, &large, 2, "offset outside it");  /* node offset */
    refused_with(&file, leaf * PAGE + HEADER, &small, 2, "offset outside it");  /* node offset */
    memcpy(&first_node, file.bytes + leaf * PAGE + HEADER, 2);
    refused_with(&file, leaf * PAGE + first_node + 6, &large, 2, "ends outside it"); /* key size */
    memcpy(&first_node, file.bytes + branch * PAGE + HEADER, 2);
    refused_with(&file, branch * PAGE + first_node, &root, 2,
                 "used twice"); /* a child that is its ancestor */
    refused_with(&file, branch * PAGE + first_node, &branch, 2, "used twice"); /* a child that is itself */
    guint64 free_root, none = 0, late = lmdb_check_newest(file.bytes) + 1, last = G_MAXUINT64 - 1;
    memcpy(&free_root, file.bytes + meta + 24 + 40, sizeof free_root);
    memcpy(&first_node, file.bytes + free_root * PAGE + HEADER, 2);
    refused_with(&file, free_root * PAGE + first_node + 8, &none, 8, "impossible transaction"); /* freed by */
    refused_with(&file, free_root * PAGE + first_node + 8, &late, 8, "transaction");
    refused_with(&file, meta + 128, &last, 8, "impossible transaction");
    refused_with(&file, overflow * PAGE, &far, 8, "overflow page");
    refused_with(&file, overflow * PAGE + 12, &many, 4, "outside the file"); /* length of the run */
    data_file_clear(&file);
}

/* LMDB reads, and writes, whatever the check lets through. */
static void use_it(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    Cache *cache = cache_open(folder, NULL);
    for (guint i = 0; cache && i < cache->images; i++) {
        float buffer[FIXTURE_FEATURES];
        const float *features = cache_features(cache, i, buffer, NULL);
        if (features)
            g_assert_cmpfloat(features[0] + features[FIXTURE_FEATURES - 1], !=, -1);
    }
    cache_close(cache);
    CacheWriter *writer = cache_writer_open(folder, spec, NULL, NULL);
    if (!writer)
        return;
    cache_close(cache_writer_list(writer, NULL));
    for (guint i = 0; i < 6; i++)
        fixture_put(writer, spec, i * 5);
    cache_writer_remove(writer, "class1/image00001.jpg");
    cache_writer_copy(writer, "class2/image00002.jpg", "class1/again.jpg",
                      &(CacheLabel){.class_name = "class1"});
    cache_writer_commit(writer, NULL);
    cache_writer_close(writer);
}

/* A random offset within the structure: meta pages, headers of overflow runs, and all of the pages with nodes. */
static gsize random_place(const DataFile *file)
{
    for (;;) {
        guint64 page = (guint64)g_test_rand_int_range(0, (gint32)(file->size / PAGE)), number;
        const guint8 *bytes = file->bytes + page * PAGE;
        memcpy(&number, bytes, sizeof number);
        if (page < 2)
            return page * PAGE + (gsize)g_test_rand_int_range(0, HEADER + 136);
        if (number == page && (bytes[10] == 1 || bytes[10] == 2))
            return page * PAGE + (gsize)g_test_rand_int_range(0, PAGE);
        if (number == page && bytes[10] == 4)
            return page * PAGE + (gsize)g_test_rand_int_range(0, HEADER);
    }
}

static void altered_files_never_crash_the_check_or_lmdb(void)
{
    DataFile file = data_file_new(40);
    guint let_through = 0, rounds = g_test_thorough() ? 20000 : 1500;
    for (guint round = 0; round < rounds; round++) {
        g_autofree guint8 *copy = g_memdup2(file.bytes, file.size);
        int flips = g_test_rand_int_range(1, 4);
        for (int i = 0; i < flips; i++) {
            gsize at = random_place(&file);
            copy[at] = g_test_rand_bit() ? copy[at] ^ (guint8)(1 << g_test_rand_int_range(0, 8))
                                         : (guint8)g_test_rand_int_range(0, 256);
        }
        if (!passes(copy, file.size, NULL))
            continue;
        let_through++;
        g_assert_true(g_file_set_contents(file.path, (char *)copy, (gssize)file.size, NULL));
        use_it(file.folder);
    }
    g_test_message("%u of %u altered files were let through to LMDB", let_through, rounds);
    g_assert_cmpuint(let_through, <, rounds / 2);
    data_file_clear(&file);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lmdb_check/what LMDB writes passes", what_lmdb_writes_passes);
    g_test_add_func("/lmdb_check/a shortened file is refused", a_shortened_file_is_refused);
    g_test_add_func("/lmdb_check/every kind of damage is named", every_kind_of_damage_is_named);
    g_test_add_func("/lmdb_check/altered files never crash the check or LMDB",
                    altered_files_never_crash_the_check_or_lmdb);
    return g_test_run();
}
