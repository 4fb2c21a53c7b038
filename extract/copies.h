/* copies: augmented copies of images, as separate items PATH#k (cache.h). */
#pragma once
#include "common/cache/cache.h"
#include "common/dataset/dataset.h"

/* Appends copies 1 … n of each of the dataset's items: all first copies, then all second copies, … */
void copies_add(Dataset *dataset, guint n);

/* The hash to store for the item `key` of a file with this SHA-256: the same; for a copy, SHA-256 of it and of how it was
 * made, so that copies made with other settings count as changed. */
void copies_hash(const guint8 content[CACHE_HASH], const char *key, const char *how, guint8 hash[CACHE_HASH]);
