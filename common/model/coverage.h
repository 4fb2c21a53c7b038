/* coverage: how much of what a model answers is right, if it answers only what it is sure of. */
#pragma once
#include "common/model/calibration.h"
#include "common/model/interval.h"

/* A model's answers to n images that it was not trained on; borrowed. */
typedef struct {
    const char *name;
    const float *probabilities; /* (n, L); NULL: it gives none */
    const int *labels;          /* (n) */
    guint n, classes;
    const char *const *class_names; /* (L) */
    const guint *units;             /* (n) groups, of interval.h; NULL: none */
    const GArray *points;           /* calibration_coverage's of these */
} Answers;

/* The shares of right answers that a threshold is given for. */
enum { COVERAGE_TARGETS = 3 };
extern const double coverage_targets[COVERAGE_TARGETS];

/* "linear  95 % right from 0.83 on (93.1 to 97.0), answering 71.0 % of the images", a line each; then what is answered of
 * each class from the threshold for 95 % on. */
void coverage_text(GString *text, const Answers *answers);

/* 95 % interval of what is right of what is answered from a threshold on; over groups where there are some. */
Interval coverage_interval(const Answers *answers, double threshold);

/* The target whose threshold is told by class: 95 %, or the highest below it that is reached. NULL: none is. */
const CoveragePoint *coverage_main(const Answers *answers);

/* (L) of each class's images, what is answered from a threshold on, and right. Caller frees. */
CoveragePoint *coverage_by_class(const Answers *answers, double threshold);
