/* held_out: what a model answers to images that it was not trained on, those of the folds or of the validation: --coverage
 * and --set-threshold. */
#pragma once
#include "common/model/model.h"
#include "train/options.h"

gboolean held_out_asked(const TrainOptions *options);

typedef struct {
    const float *probabilities; /* (n, L), as the model gives them */
    const int *labels;          /* (n) */
    const guint *units;         /* (n) groups, as interval.h has them; NULL: none */
    guint n;                    /* >= 1 */
} HeldOut;

/* Prints and draws what is right of the answers; sets the model's threshold, or warns where none serves. FALSE and error
 * if the figure cannot be written. */
gboolean held_out_answer(const TrainOptions *options, Model *model, const HeldOut *held, GError **error);
