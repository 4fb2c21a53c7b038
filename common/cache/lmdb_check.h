/* lmdb_check: is this file what LMDB believes it to be? LMDB trusts its data file: one that is truncated,
 * altered or foreign makes it read outside its map. So a file is walked here before LMDB follows a pointer in
 * it.
 *
 * Layout checked (LMDB 0.9, 64 bit, native byte order; lmdb.h and mdb.c of liblmdb):
 *   page 0, 1   header 16 B | magic, version, map size, 2 tree roots (free pages, main), last page,
 * transaction branch,leaf page number u64 | pad u16 | flags u16 | lower u16 | upper u16 | offsets u16 … free
 * … nodes overflow    page number u64 | pad u16 | flags u16 | pages u32 | data over that many pages node low
 * u16 | high u16 | flags u16 | key size u16 | key | data, or the page number of its overflow run Refused:
 * metas that do not agree with one another or with the file's size; a page that is out of the file, used
 * twice (so there are no cycles), of the wrong kind or under the wrong number; nodes that leave their page or
 * overlap; keys out of order; trees not as deep or as full as their roots say; free pages that are in use.
 * What the values mean is not looked at. Only plain trees (no duplicates, no integer keys): the ones a cache
 * has. */
#pragma once
#include <glib.h>

/* Both meta pages, without which LMDB must not even open the file. FALSE with a clause such as
 * "page 7 lies outside the file". */
gboolean lmdb_check_metas(const guint8 *bytes, gsize size, GError **error);

/* Called with a part of the file that will not be looked at again: whoever mapped it can let go of it, or
 * checking a file would count as having it in memory. */
typedef void (*LmdbCheckForget)(const guint8 *file, gsize file_size, const void *bytes, gsize size);

/* Everything reachable from the meta page of this transaction, after lmdb_check_metas held. *found tells
 * whether there is such a meta page: a writer at work may have replaced it, and then nothing has been
 * checked. forget may be NULL. */
gboolean lmdb_check_tree(const guint8 *bytes, gsize size, guint64 transaction, LmdbCheckForget forget,
                         gboolean *found, GError **error);

/* The newest transaction's number, after lmdb_check_metas held. */
guint64 lmdb_check_newest(const guint8 *bytes);

/* A file that was being made when its maker was killed: nothing was ever stored in it. */
gboolean lmdb_check_unborn(const guint8 *bytes, gsize size);
