/* verdict: the outcome of a comparison in numbers: which model is best, whether that could be chance, and where it
 * fails. report/verdict_lines.h puts it into words. */
#pragma once
#include "evaluate/metrics/evaluation.h"

#define VERDICT_LEVEL 0.05 /* of every test */

typedef struct {
    guint best;   /* the model with the highest accuracy; the first of equal ones */
    guint second; /* the second best; best if there is only one model */
    McNemar test; /* best against second */
    double ahead; /* best's accuracy minus second's */
    Interval ahead_interval;
    /* guint: the other models that do not differ significantly from best, at 5 % (McNemar's tests; Holm 1979) */
    GArray *equals;
    guint
        needed; /* images needed to detect the difference with power 80 % (Connor 1987); 0: no difference, or groups */
    gboolean beats_guess; /* best's guess_p < 5 % */
    int worst;            /* the class with best's lowest recall; the larger one of equal ones */
} Verdict;

Verdict *verdict_new(const Comparison *comparison);
void verdict_free(Verdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Verdict, verdict_free)
