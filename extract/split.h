/* split: sets a part of the images aside for testing, in a separate cache (--split-test), by the rules of partition.h.
 *
 * An image stays in the cache that already has it, or has its content, so that images trained on are never tested on
 * later; a table's column split decides about new ones. Groups stay together. */
#pragma once
#include "common/cache/cache.h"
#include "common/dataset/dataset.h"
#include "extract/follow.h"

/* CACHE.test: where the test part of CACHE is kept. Caller frees. */
char *split_test_path(const char *cache);

/* Moves the test part of dataset to a new dataset with the same classes. follow: of the training cache and the test
 * cache. NULL and error if a class has only one image, or one of the caches already has all of a
 * class's images. */
Dataset *split_test(Dataset *dataset, double share, const Follow *follow, GError **error);
