/* slices: whether a model is as often right on some images as on the others, by what a table says of them (camera, site,
 * hour), or by their brightness, sharpness and size.
 *
 * Each value of a column is a slice, which is compared with the images that have another value there (Fisher's exact test; where
 * images have groups, a test of signs over these).
 * Of numbers that take more than 24 values, and of measures, the slices are quarters. With many slices some differ by chance:
 * Holm (1979) corrects for all that a model is compared on. */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* Reads the table (CSV with the column path, or file_name), measures what is asked for, and fills in each model's slices.
 * FALSE and error if it cannot be read, says nothing of the images, or there is no column to compare by. */
gboolean slices_find(Comparison *comparison, const SliceChoice *choice, GError **error);
