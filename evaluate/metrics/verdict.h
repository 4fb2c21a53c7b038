/* verdict: the outcome of a comparison, in numbers: which model is best, whether that may be chance, and where it fails.
 * report/verdict_lines.h puts it into words. */
#pragma once
#include "evaluate/metrics/evaluation.h"

#define VERDICT_LEVEL 0.05 /* of every test */

typedef struct {
    guint best;   /* the model that is right most often; the first of equals */
    guint second; /* the next; best where there is only one model */
    McNemar test; /* best against second */
    double ahead; /* best's accuracy less second's */
    Interval ahead_interval;
    GArray
        *equals; /* guint: the other models that McNemar's tests cannot tell from best at 5 % (Holm 1979) */
    guint
        needed; /* images that would show a difference like this one in 80 of 100 tests (Connor 1987); 0: none seen */
    int frequent;         /* the most frequent class */
    double guess;         /* its share: the accuracy of always answering it */
    double guess_p;       /* of so many right answers by such guessing (binomial test) */
    gboolean beats_guess; /* guess_p < 5 % */
    int worst; /* the class of which best gets the smallest share right; the larger one of equals */
} Verdict;

Verdict *verdict_new(const Comparison *comparison);
void verdict_free(Verdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Verdict, verdict_free)
