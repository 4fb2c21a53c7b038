/* suspects: images whose label the rest of the data contradicts.
 *
 * Confident learning (Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels"):
 * class j's threshold is the mean held-out probability of j over the images labelled j. An image counts as a member of
 * the most probable class whose threshold it reaches; where that is not the class of its label, the label is suspect
 * (the off-diagonal of the confident joint). */
#pragma once
#include <glib.h>

typedef struct {
    guint image;          /* index of the image */
    int label, suggested; /* classes */
    double score;         /* p(suggested) - p(label), held out: the higher, the surer */
} Suspect;

/* probabilities (n, L): of each image from models that were not trained on it; rows that are not finite (a fold lacked a
 * class) are passed over. labels (n). An array of Suspect, highest score first, ties in order of the images. */
GArray *suspects_find(const float *probabilities, const int *labels, guint n, guint classes);

/* CSV with the columns path,label,suggested,score. paths (n), names (L). Caller frees. */
char *suspects_csv(const GArray *suspects, const char *const *paths, const char *const *names);
