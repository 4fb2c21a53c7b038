/* split: a part of the images set aside for testing, in its own cache.
 *
 * Of each class's n images, round(share n), but at least one and never all, go to the test part: those whose keys have
 * the lowest XXH3-64, so that the same folder is divided alike on every machine. An image that one of the two caches
 * holds stays there, whatever else comes: what was trained on is never tested on later. New images make up each class's
 * share, again the lowest hashes first. */
#pragma once
#include "common/cache/cache.h"
#include "common/dataset/dataset.h"

/* CACHE.test: where the test part of CACHE is kept. Caller frees. */
char *split_test_path(const char *cache);

/* Moves the test part of dataset into a dataset of its own, with the same classes. train, test: the two caches, NULL
 * for one that is not there yet. NULL and error where a class has only one image, or where one of the caches has all of
 * a class's images already. */
Dataset *split_test(Dataset *dataset, double share, CacheWriter *train, CacheWriter *test, GError **error);
