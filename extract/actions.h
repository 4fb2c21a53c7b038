/* actions: what extract can do, one file each. Results on stdout, messages on stderr. STATUS_FAILED comes
 * with error set; any other status without. */
#pragma once
#include "common/cli/cli.h"
#include "extract/options.h"

/* Image folder to cache: decode, base, store, batch by batch. */
Status extract_images(const Options *options, GError **error);

/* What the cache holds and how it was made, for people or as JSON. */
Status info(const Options *options, GError **error);

/* Every structure, checksum, key and class; what is wrong is listed on stdout. */
Status verify(const Options *options, GError **error);

/* features.npy (N, D) f32, labels.npy (N) i64, items.csv: all three or none. */
Status export_cache(const Options *options, GError **error);

/* The items and skipped inputs of shards into one cache, made where it is not there. */
Status merge(const Options *options, GError **error);

/* A matrix of NumPy's with labels or items into a cache. */
Status import_features(const Options *options, GError **error);

/* Groups of images that are the same or nearly so, in one cache or two; with --sheet also as a picture. */
Status duplicates(const Options *options, GError **error);

/* A contact sheet of some of the folder's images and augmented copies of them. */
Status preview(const Options *options, GError **error);
