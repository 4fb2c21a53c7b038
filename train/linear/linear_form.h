/* linear_form: the form in which a solver takes the training set. */
#pragma once
#include "train/linear/linear_job.h"

/* Scales the images, puts them into the form that the solver takes, checks that memory suffices, and fills
 * linear->training:
 *
 *     Gram factor   penalties ||w||², fewer images than features: an equal problem of N features
 *     cache         one versus rest otherwise, or many images and a single fit: the cache's rows in place
 *     rows          all else, and --no-reduce: liblinear's format, 16 bytes per non-zero
 *
 * part: (N) not 0 for the images that the scaling is fitted to, of which nothing is told; NULL: all.
 * FALSE and error if there is nothing to learn, too little memory, or the user interrupted. */
gboolean linear_form_make(Linear *linear, ScalingKind scale, const guint8 *part, GError **error);
void linear_form_clear(Linear *linear);
