/* suspects: images whose label is probably wrong, judging by the other images.
 *
 * A label is taken to be right with probability 1 - e, and else any of the other L - 1 classes alike. With z, the held-out
 * decision values of an image, and p = softmax(z / T):
 *
 *   P(label l | z) = (1 - e) p_l + e (1 - p_l) / (L - 1)
 *   score          = P(the label is wrong | z, l) = e (1 - p_l) / (L - 1) / P(label l | z)
 *
 * T and e are those of maximum likelihood, as if one more label were known to be wrong. So the scores are in the order of
 * p_l, which cleanlab calls self-confidence, and their sum over a list is the number of wrong labels to expect in it. */
#pragma once
#include "train/linear/linear_form.h"

/* Images with a lower score are not listed. */
#define SUSPECT_SCORE 0.1

typedef struct {
    guint image;          /* its row */
    int label, suggested; /* classes: the image's own, and the likeliest of the others */
    double score;         /* probability that the label is wrong */
} Suspect;

/* values (n, L): finite decision values of each image, from models that were not trained on it. labels (n). n >= 1.
 * Returns an array of Suspect, highest score first, ties in order of the images. */
GArray *suspects_find(const float *values, const int *labels, guint n, guint classes);

/* CSV with the columns path,label,suggested,score. paths (n), names (L). Caller frees. */
char *suspects_csv(const GArray *suspects, const char *const *paths, const char *const *names);

/* --suspects: into its file, on stdout, and onto the sheet that is asked for. After the cross-validation. */
gboolean suspects_answer(const Linear *linear, GError **error);
