/* split: sets a part of the images aside for testing, in a separate cache.
 *
 * Of each class's n images, round(share n), but at least one and not all, go to the test part: those whose keys have
 * the lowest XXH3-64, so that the same folder is divided equally on every machine. An image stays in the cache that
 * already has it, or has its content, so that images trained on are never tested on later. New images fill up each class's share, the
 * lowest hashes first. */
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
