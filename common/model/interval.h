/* interval: how far chance may carry a share, for images that are independent, or over groups of images that are not. */
#pragma once
#include <glib.h>

typedef struct {
    double low, high;
} Interval;

#define INTERVAL_Z95 1.959963984540054 /* 97.5 % quantile of the normal distribution */

/* 95 % confidence interval of a proportion (Wilson 1927, "Probable inference…", z = 1.959964): keeps its
 * coverage near 0 and 1 and for small n. n = 0: all of [0, 1]. */
Interval interval_wilson(guint successes, guint n);

/* ---- Groups ----
 * units (n): numbers below n, the same for images of a group. left_out (n): 1 for images that do not count; NULL: all do. */

typedef struct {
    guint images;
    int sum; /* of their values */
} IntervalGroup;

/* Array of IntervalGroup, in the order of their units. */
GArray *interval_groups(const int *values, const guint8 *left_out, const guint *units, guint n);

/* The means over groups drawn with replacement from a fixed seed (INTERVAL_DRAWS), sorted; at least one group. Caller
 * frees. */
enum { INTERVAL_DRAWS = 4000 };
double *interval_draws(const GArray *groups);

/* 95 % of these (cluster bootstrap: Field & Welsh 2007, JRSS B 69). low = high where no two groups differ; 0 without groups. */
Interval interval_bootstrap(const GArray *groups);

/* 95 % interval of the share of values (n) that are 1, the others being 0: Wilson's; with units, over groups, and where no
 * two of these differ, Wilson's for as many images as there are groups. */
Interval interval_share(const int *values, const guint8 *left_out, const guint *units, guint n);
