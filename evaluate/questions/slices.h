/* slices: whether a model is as often right on some images as on the others, by what a table says of them (camera, site,
 * hour), or by their brightness, sharpness and size.
 *
 * Each value of a column is a slice, which is compared with the images that have another value there (Fisher's exact test; where
 * images have groups, a test of signs over these).
 * Of numbers that take more than SLICE_VALUES values, and of measures, the slices are quarters. With many slices some differ by chance:
 * Holm (1979) corrects for all that a model is compared on. */
#pragma once
#include "evaluate/metrics/evaluation.h"

enum { SLICE_VALUES = 24, SLICE_NAMES = 50 /* most values of a column that are not numbers */ };

typedef struct {
    const char *column, *value; /* borrowed from the comparison */
    guint images, right;
    guint others, others_right;
    Interval interval; /* 95 %, of the accuracy on the slice, as comparison_interval */
    double p;          /* corrected: below 0.05 the slice differs */
} Slice;

/* Reads the table (CSV with the column path, or file_name) into the comparison, and measures what is asked for. FALSE
 * and error if it cannot be read, says nothing of the images, or there is no column to compare by. */
gboolean slices_find(Comparison *comparison, const SliceChoice *choice, GError **error);

/* An array of Slice, in order of columns and values; empty without a table. */
GArray *slices_measure(const Comparison *comparison, const Evaluation *evaluation);
