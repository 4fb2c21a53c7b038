/* linear_form: the state shared by the files that train a linear head, and the form in which a solver takes the training
 * set; private to train/linear. */
#pragma once
#include "common/model/model.h"
#include "train/data/training_data.h"
#include "train/linear/search.h"

enum { LEARNING_DRAWS = 8 }; /* of a learning curve (learning_curve.h) */

/* Everything between opening the cache and writing the model. */
typedef struct {
    const TrainOptions *options;
    const LinearChoice *choice; /* of the options */
    TrainingData *data;         /* the cache's images, all of which are trained on */
    const char *const *names;   /* (L) */
    guint *counts;              /* (L) images of each class */
    LinearTraining training;    /* set, rows, thread pool and workers: by linear_form_make, as the next */
    gboolean reduced;           /* to the rows of a Gram factor */
    double cost;
    Search *search; /* NULL without cross-validation */
    Model *model;
} Linear;

/* Scales the images, puts them into the form that the solver takes, in the place of one made before, checks that memory
 * suffices, and fills linear->training:
 *
 *     Gram factor   penalties ||w||², fewer images than features: an equal problem of N features
 *     cache         one versus rest otherwise, or many images and a single fit: the cache's rows in place
 *     rows          what descent.h does not solve, with --no-reduce or the penalty |w|: liblinear's format, 16 bytes per
 *                   non-zero
 *
 * part: to whose rows the scaling is fitted; nothing is told of it unless it has all.
 * FALSE and error if there is nothing to learn, too little memory, or the user interrupted. */
gboolean linear_form_make(Linear *linear, ScalingKind scale, Part part, GError **error);
void linear_form_clear(Linear *linear);
