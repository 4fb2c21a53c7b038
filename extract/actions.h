/* actions: the modes of extract, one file each. Results on stdout, messages on stderr. error is set if and only if
 * STATUS_FAILED is returned. */
#pragma once
#include "common/cli/cli.h"
#include "extract/options.h"

/* From images to a cache: decodes, runs the base and stores, batch by batch. */
Status extract_images(const Options *options, GError **error);

/* Prints what the cache contains and how it was made, as text or JSON. */
Status extract_info(const Options *options, GError **error);

/* Checks every structure, checksum, key and class; lists errors on stdout. */
Status extract_verify(const Options *options, GError **error);

/* Writes features.npy (N, D) f32, labels.npy (N) i64, items.csv: all three or none. */
Status extract_export(const Options *options, GError **error);

/* Copies the items and skipped inputs of shards to one cache, which is created if missing. */
Status extract_merge(const Options *options, GError **error);

/* From a NumPy matrix with labels or items to a cache. */
Status extract_import(const Options *options, GError **error);

/* Prints groups of identical or nearly identical images in one cache or two; --sheet draws a contact sheet. */
Status extract_duplicates(const Options *options, GError **error);

/* Gives the items of a cache the classes or groups of a table, without images. */
Status extract_relabel(const Options *options, GError **error);

/* Gives the items of a cache what the table of a review decides, in one transaction; and takes it back. */
Status extract_apply(const Options *options, GError **error);
Status extract_unapply(const Options *options, GError **error);

/* Makes a new cache of what follows from a cache's features: pooled, or of a later layer. */
Status extract_derive(const Options *options, GError **error);

/* Divides a cache into two new ones, for training and for testing: by class, with groups and images alike together. */
Status extract_split(const Options *options, GError **error);

/* Draws a contact sheet of some of the folder's images and augmented copies of them. */
Status extract_preview(const Options *options, GError **error);
