/* suspects: images whose label is probably wrong, judging by the other images.
 *
 * Confident learning (Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels",
 * J. Artificial Intelligence Research 70), pruning by noise rate:
 *
 *   t_j   = mean held-out probability of j over the images labelled j
 *   C_ij  = images labelled i whose most probable class among those with p_j >= t_j is j
 *   n_ij  = C_ij / (C_i0 + C_i1 + ...) * images labelled i, rounded
 *
 * Of the images labelled i, the n_ij with the highest p_j - p_i > 0 are suspect, for each j other than i. */
#pragma once
#include <glib.h>

typedef struct {
    guint image;          /* index of the image */
    int label, suggested; /* classes */
    double score;         /* p(suggested) - p(label), held out: the higher, the more certain */
} Suspect;

/* probabilities (n, L): of each image, from models that were not trained on it; rows that are not finite (a fold
 * lacked a class) are ignored. labels (n). Returns an array of Suspect, highest score first, ties in order of the
 * images. */
GArray *suspects_find(const float *probabilities, const int *labels, guint n, guint classes);

/* CSV with the columns path,label,suggested,score. paths (n), names (L). Caller frees. */
char *suspects_csv(const GArray *suspects, const char *const *paths, const char *const *names);
