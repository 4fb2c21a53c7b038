/* copies: augmented copies of images, as items of their own under PATH#k (cache.h). */
#pragma once
#include "common/cache/cache.h"
#include "common/dataset/dataset.h"
#include "common/image/augment.h"

/* Appends copies 1 … n of each of the dataset's items: all first copies, then all second ones, … */
void copies_add(Dataset *dataset, guint n);

/* What determines copy k besides the image: settings and seed. Caller frees. */
char *copies_describe(const AugmentOptions *augmentation, guint64 seed);

/* What is stored as the hash of the item `key`: SHA-256 of the file's content; of a copy, that of this hash
 * and of how it was made, so that copies made in another way count as changed. */
void copies_hash(GBytes *content, const char *key, const char *how, guint8 hash[CACHE_HASH]);
