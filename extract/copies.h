/* copies: augmented copies of images, as separate items PATH#k (cache.h). */
#pragma once
#include "common/cache/cache.h"
#include "common/dataset/dataset.h"
#include "common/image/augment.h"

/* Appends copies 1 … n of each of the dataset's items: all first copies, then all second copies, … */
void copies_add(Dataset *dataset, guint n);

/* What determines copy k apart from the image: settings and seed. Caller frees. */
char *copies_describe(const AugmentOptions *augmentation, guint64 seed);

/* The hash to store for the item `key`: SHA-256 of the file's content; for a copy, SHA-256 of this hash and of how it
 * was made, so that copies made with other settings count as changed. */
void copies_hash(GBytes *content, const char *key, const char *how, guint8 hash[CACHE_HASH]);
