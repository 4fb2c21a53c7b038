/* lmdb_check: see lmdb_check.h. */
#include "common/cache/lmdb_check.h"

#include "common/core/error.h"

#include <string.h>

G_STATIC_ASSERT(sizeof(gsize) == 8);

enum {
    HEADER = 16, /* of every page */
    NODE = 8,    /* of every node */
    META_SIZE = 136,
    MAX_KEY = 511,
    MAX_DEPTH = 32, /* the limit of LMDB's cursors */
    MAX_UNWRITTEN =
        1 << 20, /* pages beyond the file's end: bounds what an altered meta page makes us allocate */
    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,
    NODE_BIG = 0x01,  /* the data lie in an overflow run */
    NODE_TREE = 0x02, /* the data are the root of a named tree */
    INTEGER_KEYS = 0x08,
};

#define LMDB_MAGIC 0xBEEFC0DEu
#define NO_PAGE    G_MAXUINT64

/* LMDB counts on without a check, and the last numbers have a meaning of their own. */
#define MAX_TRANSACTION ((guint64)1 << 48)

/* LMDB's MDB_db: the root of a tree. */
typedef struct {
    guint32 pad; /* in the tree of free pages: the page size */
    guint16 flags, depth;
    guint64 branch_pages, leaf_pages, overflow_pages, entries, root;
} Tree;
G_STATIC_ASSERT(sizeof(Tree) == 48);

/* LMDB's MDB_meta. */
typedef struct {
    guint32 magic, version;
    guint64 address, map_size;
    Tree free, main;
    guint64 last_page, transaction;
} Meta;
G_STATIC_ASSERT(sizeof(Meta) == META_SIZE);

typedef struct {
    guint64 number;
    guint16 pad, flags, lower, upper; /* in an overflow page the last two are a u32, of pages */
} Header;
G_STATIC_ASSERT(sizeof(Header) == HEADER);

/* A node, in its page. */
typedef struct {
    const guint8 *key, *data; /* data: in a leaf; or the number of the page where they are (NODE_BIG) */
    gsize key_size, data_size;
    guint16 flags; /* in a branch the upper bits of its child's number, whose lower ones are data_size */
} Node;

typedef struct {
    const guint8 *bytes; /* of the file */
    guint64 pages;       /* complete in the file and not beyond the last page */
    guint64 transaction;
    guint64 last_page; /* may lie beyond the file's end, where pages were freed before they were written */
    gsize page_size;
    guint8 *used; /* a bit a page, 0 … last_page */
    LmdbCheckForget forget;
    GError **error;

    gboolean integer_keys; /* of the tree being walked */
    guint64 entries;
    int depth;
    Node last; /* entry, or separator before the next one */
    gboolean last_is_separator;
} Walk;

/* ---- The two meta pages ---- */

static Meta meta_at(const guint8 *bytes, gsize offset)
{
    return *(const Meta *)(bytes + offset + HEADER);
}

static gboolean check_meta(const guint8 *bytes, gsize page_size, int index, GError **error)
{
    Header header = *(const Header *)(bytes + index * page_size);
    Meta meta = meta_at(bytes, index * page_size);
    if (header.flags != PAGE_META || header.number != (guint64)index || meta.magic != LMDB_MAGIC ||
        meta.version != 1)
        return error_set(error, "meta page %d is not LMDB's", index);
    if (meta.free.pad != page_size || meta.free.flags != INTEGER_KEYS || meta.main.flags != 0)
        return error_set(error, "meta page %d describes another kind of database", index);
    if (meta.last_page < 1 || meta.last_page >> 48)
        return error_set(error, "meta page %d has an impossible last page", index);
    if (meta.transaction > MAX_TRANSACTION)
        return error_set(error, "meta page %d has an impossible transaction number", index);
    if (meta.transaction != 0 && meta.transaction % 2 != (guint64)index)
        return error_set(error, "meta page %d has the transaction number of the other one", index);
    return TRUE;
}

gboolean lmdb_check_metas(const guint8 *bytes, gsize size, GError **error)
{
    if (size < HEADER + META_SIZE)
        return error_set(error, "it ends within its first page");
    gsize page_size = meta_at(bytes, 0).free.pad;
    if (page_size < 512 || page_size > 32768 || (page_size & (page_size - 1)))
        return error_set(error, "meta page 0 is not LMDB's");
    if (size < 2 * page_size)
        return error_set(error, "it ends within its first two pages");
    if (!check_meta(bytes, page_size, 0, error) || !check_meta(bytes, page_size, 1, error))
        return FALSE;
    guint64 t0 = meta_at(bytes, 0).transaction, t1 = meta_at(bytes, page_size).transaction;
    if (t0 > t1 ? t0 - t1 > 1 : t1 - t0 > 1)
        return error_set(error, "the transaction numbers of its meta pages are not consecutive");
    return TRUE;
}

guint64 lmdb_check_newest(const guint8 *bytes)
{
    Meta first = meta_at(bytes, 0), second = meta_at(bytes, first.free.pad);
    return MAX(first.transaction, second.transaction);
}

gboolean lmdb_check_empty(const guint8 *bytes, gsize size)
{
    if (size < HEADER + META_SIZE)
        return FALSE;
    Meta meta = meta_at(bytes, 0);
    return size < 2 * (gsize)meta.free.pad && meta.magic == LMDB_MAGIC && meta.transaction == 0 &&
           meta.main.root == NO_PAGE && meta.free.root == NO_PAGE;
}

/* ---- Pages ---- */

/* Says what is wrong with a page; FALSE. */
static gboolean blame(const Walk *walk, guint64 page, const char *what)
{
    return error_set(walk->error, "page %" G_GUINT64_FORMAT " %s", page, what);
}

static gboolean check_inside(const Walk *walk, guint64 page, guint64 n)
{
    gboolean inside = page >= 2 && page < walk->pages && n <= walk->pages - page;
    return inside || blame(walk, page, "lies outside the file");
}

/* Marks n pages, none beyond the last, as used; each may be used once. */
static gboolean claim(Walk *walk, guint64 page, guint64 n)
{
    for (guint64 i = page; i < page + n; i++) {
        if (walk->used[i / 8] & (1 << i % 8))
            return blame(walk, i, "is used twice");
        walk->used[i / 8] |= (guint8)(1 << i % 8);
    }
    return TRUE;
}

static const guint8 *page_at(const Walk *walk, guint64 page)
{
    return walk->bytes + page * walk->page_size;
}

static Header header_of(const Walk *walk, guint64 page)
{
    return *(const Header *)page_at(walk, page);
}

static guint16 offset_of(const guint8 *page, guint index)
{
    return ((const guint16 *)(page + HEADER))[index];
}

static Node node_at(const guint8 *page, guint index)
{
    const guint8 *node = page + offset_of(page, index);
    const guint16 *parts =
        (const guint16 *)node; /* of the data's size the low and the high one; flags, key's size */
    return (Node){.key = node + NODE,
                  .key_size = parts[3],
                  .data = node + NODE + parts[3],
                  .data_size = parts[0] | (gsize)parts[1] << 16,
                  .flags = parts[2]};
}

/* Checks that header, offsets and nodes of a branch or leaf page lie within it without overlap or gaps. */
static gboolean check_layout(const Walk *walk, guint64 number, gboolean leaf, guint *keys)
{
    const guint8 *page = page_at(walk, number);
    Header header = header_of(walk, number);
    gsize total = 0;
    if (header.number != number || header.flags != (leaf ? PAGE_LEAF : PAGE_BRANCH))
        return blame(walk, number, "has the wrong number or type");
    *keys = (header.lower - HEADER) / 2;
    if (header.lower < HEADER + (leaf ? 2 : 4) || header.lower % 2 || header.lower > header.upper ||
        header.upper > walk->page_size)
        return blame(walk, number, "has impossible bounds");
    for (guint i = 0; i < *keys; i++) {
        guint16 at = offset_of(page, i);
        if (at < header.upper || at % 2 || at + NODE > (int)walk->page_size)
            return blame(walk, number, "has a node offset outside it");
        Node node = node_at(page, i);
        gsize data = !leaf ? 0 : node.flags & NODE_BIG ? sizeof(guint64) : node.data_size;
        gsize size = (NODE + node.key_size + data + 1) & ~(gsize)1;
        if (size > walk->page_size - at)
            return blame(walk, number, "has a node that ends outside it");
        total += size;
    }
    return total == walk->page_size - header.upper || blame(walk, number, "has nodes that overlap");
}

/* Finds the data of a leaf's node that lie in an overflow run, whose pages it marks as used. */
static gboolean find_data(Walk *walk, Node *node)
{
    guint64 number;
    if (!(node->flags & NODE_BIG))
        return TRUE;
    memcpy(&number, node->data, sizeof number);
    if (!check_inside(walk, number, 1))
        return FALSE;
    Header header = header_of(walk, number);
    guint32 pages = header.lower | (guint32)header.upper << 16;
    if (header.number != number || header.flags != PAGE_OVERFLOW || pages < 1)
        return blame(walk, number, "is not the expected overflow page");
    if (node->data_size + HEADER > pages * walk->page_size)
        return error_set(walk->error,
                         "a value is longer than its overflow pages, from page %" G_GUINT64_FORMAT, number);
    node->data = page_at(walk, number) + HEADER;
    if (walk->forget && pages > 1)
        walk->forget(walk->bytes, walk->pages * walk->page_size, page_at(walk, number), walk->page_size);
    return check_inside(walk, number, pages) && claim(walk, number, pages);
}

/* ---- Trees ---- */

static int compare_keys(const Walk *walk, const Node *a, const Node *b)
{
    if (walk->integer_keys) {
        guint64 x, y;
        memcpy(&x, a->key, sizeof x);
        memcpy(&y, b->key, sizeof y);
        return x < y ? -1 : x > y;
    }
    int order = memcmp(a->key, b->key, MIN(a->key_size, b->key_size));
    return order ? order : (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

static gboolean check_key(const Walk *walk, guint64 page, const Node *node)
{
    gsize size = node->key_size;
    gboolean fits = walk->integer_keys ? size == sizeof(guint64) : size >= 1 && size <= MAX_KEY;
    return fits || error_set(walk->error, "page %" G_GUINT64_FORMAT " has a key of %" G_GSIZE_FORMAT " bytes",
                             page, size);
}

/* Called for each entry of a tree, in order. */
typedef gboolean (*CheckEntry)(Walk *walk, const Node *entry);

/* Checks a page at level 1 … walk->depth. Each key of a branch except the first is > all keys to its left and <= all to
 * its right. */
static gboolean check_page(Walk *walk, guint64 number, int level, CheckEntry check)
{
    gboolean leaf = level == walk->depth;
    guint keys;
    if (!check_inside(walk, number, 1) || !claim(walk, number, 1) || !check_layout(walk, number, leaf, &keys))
        return FALSE;
    for (guint i = 0; i < keys; i++) {
        Node node = node_at(page_at(walk, number), i);
        guint64 child = node.data_size | (guint64)node.flags << 32;
        if (leaf || i > 0) {
            if (!check_key(walk, number, &node) || (leaf && !find_data(walk, &node)))
                return FALSE;
            if (walk->last.key && compare_keys(walk, &walk->last, &node) >= (walk->last_is_separator ? 1 : 0))
                return blame(walk, number, "has keys out of order");
            walk->last = node;
            walk->last_is_separator = !leaf;
        }
        if (!(leaf ? check(walk, &node) : check_page(walk, child, level + 1, check)))
            return FALSE;
    }
    walk->entries += leaf ? keys : 0;
    return TRUE;
}

static gboolean check_tree(Walk *walk, const Tree *tree, CheckEntry check)
{
    if (tree->root == NO_PAGE)
        return tree->entries == 0 && tree->depth == 0 ? TRUE
                                                      : error_set(walk->error, "a tree has lost its root");
    if (tree->depth < 1 || tree->depth > MAX_DEPTH)
        return error_set(walk->error, "a tree is %d pages deep", tree->depth);
    Walk within = *walk;
    within.integer_keys = tree->flags & INTEGER_KEYS;
    within.entries = 0;
    within.depth = tree->depth;
    within.last = (Node){0};
    if (!check_page(&within, tree->root, 1, check))
        return FALSE;
    if (within.entries != tree->entries)
        return error_set(walk->error, "a tree has %" G_GUINT64_FORMAT " entries, not %" G_GUINT64_FORMAT,
                         within.entries, tree->entries);
    return TRUE;
}

static gboolean check_value(Walk *walk, const Node *entry)
{
    return !(entry->flags & ~NODE_BIG) || error_set(walk->error, "an entry is of an unknown kind");
}

static gboolean check_named_tree(Walk *walk, const Node *entry)
{
    Tree tree;
    if (entry->flags != NODE_TREE || entry->data_size != sizeof tree)
        return error_set(walk->error, "it has an entry that is no named tree");
    memcpy(&tree, entry->data, sizeof tree);
    if (tree.flags != 0)
        return error_set(walk->error, "it has a named tree of another kind");
    return check_tree(walk, &tree, check_value);
}

/* the transaction that freed them -> count, followed by that many free pages in descending order. */
static gboolean check_free_list(Walk *walk, const Node *entry)
{
    guint64 count, page, freed, above = walk->last_page + 1;
    memcpy(&freed, entry->key, sizeof freed);
    if (freed < 1 || freed > walk->transaction)
        return error_set(walk->error, "a list of free pages has an impossible transaction number");
    if (entry->flags & ~NODE_BIG || entry->data_size < sizeof count || entry->data_size % sizeof count)
        return error_set(walk->error, "a list of free pages has an impossible size");
    memcpy(&count, entry->data, sizeof count);
    if (count > entry->data_size / sizeof count - 1)
        return error_set(walk->error, "a list of free pages is longer than its entry");
    for (guint64 i = 1; i <= count; i++, above = page) {
        memcpy(&page, entry->data + i * sizeof page, sizeof page);
        if (page < 2 || page >= above)
            return error_set(walk->error, "a list of free pages is out of order");
        if (!claim(walk, page, 1))
            return FALSE;
    }
    return TRUE;
}

gboolean lmdb_check_tree(const guint8 *bytes, gsize size, guint64 transaction, LmdbCheckForget forget,
                         gboolean *found, GError **error)
{
    gsize page_size = meta_at(bytes, 0).free.pad;
    Meta first = meta_at(bytes, 0), second = meta_at(bytes, page_size);
    const Meta *meta = first.transaction == transaction ? &first : &second;
    *found = meta->transaction == transaction;
    if (!*found)
        return TRUE;
    Walk walk = {
        .bytes = bytes, .page_size = page_size, .transaction = transaction, .forget = forget, .error = error};
    walk.pages = size / page_size;
    if (meta->last_page > walk.pages + MAX_UNWRITTEN)
        return error_set(error, "it ends long before its last page");
    walk.last_page = meta->last_page;
    walk.pages = MIN(walk.pages, walk.last_page + 1);
    g_autofree guint8 *used = g_malloc0(walk.last_page / 8 + 1);
    walk.used = used;
    return check_tree(&walk, &meta->main, check_named_tree) &&
           check_tree(&walk, &meta->free, check_free_list);
}
