/* lmdb_check: verifies the structure of an LMDB data file. LMDB trusts its file: a truncated, altered or foreign one
 * makes it read outside its map. So the file is walked here before LMDB follows any pointer in it.
 *
 * Layout checked (LMDB 0.9, 64 bit, native byte order; lmdb.h and mdb.c of liblmdb):
 *   page 0, 1     header 16 B | magic, version, map size, 2 tree roots (free pages, main), last page, transaction
 *   branch, leaf  page number u64 | pad u16 | flags u16 | lower u16 | upper u16 | offsets u16 … free … nodes
 *   overflow      page number u64 | pad u16 | flags u16 | pages u32 | data over that many pages
 *   node          low u16 | high u16 | flags u16 | key size u16 | key | data, or the page number of its overflow run
 *
 * Refused: meta pages that disagree with each other or with the file's size; pages outside the file, used twice (which
 * excludes cycles), of the wrong kind or with the wrong number; nodes that overlap or leave their page; keys out of
 * order; trees whose depth or number of entries differs from their root's; free pages that are in use, or freed by a
 * transaction that was not yet; transaction numbers near their end. The values are not interpreted. Only the trees that a
 * cache has are accepted: no duplicates, no integer keys. */
#pragma once
#include <glib.h>

/* Checks both meta pages; must succeed before LMDB opens the file. The error is a clause such as "page 7 lies outside
 * the file". */
gboolean lmdb_check_metas(const guint8 *bytes, gsize size, GError **error);

/* Called with a part of the file that will not be read again, so that the caller who mapped it can release its pages:
 * otherwise the whole file would count as memory of this process. */
typedef void (*LmdbCheckForget)(const guint8 *file, gsize file_size, const void *bytes, gsize size);

/* Checks everything reachable from the meta page of this transaction; lmdb_check_metas must have succeeded. *found
 * FALSE: there is no such meta page, as a writer may have replaced it meanwhile, and nothing was checked. forget may be
 * NULL. */
gboolean lmdb_check_tree(const guint8 *bytes, gsize size, guint64 transaction, LmdbCheckForget forget,
                         gboolean *found, GError **error);

/* The newest transaction's number; lmdb_check_metas must have succeeded. */
guint64 lmdb_check_newest(const guint8 *bytes);

/* TRUE if the program that was creating the file was killed before anything was stored in it. */
gboolean lmdb_check_empty(const guint8 *bytes, gsize size);
