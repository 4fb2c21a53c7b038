/* held_out: what a model answers to images that it was not trained on, those of the folds or of the validation: --coverage and
 * --set-threshold. */
#pragma once
#include "common/model/model.h"
#include "train/options.h"

gboolean held_out_asked(const TrainOptions *options);

/* probabilities (n, L), as the model gives them, of n >= 1 images with these labels, and groups (interval.h) or NULL. Prints and draws what is right of the
 * answers; sets the model's threshold, or warns where none serves. FALSE and error if the figure cannot be written. */
typedef struct {
    const float *probabilities;
    const int *labels;
    const guint *units;
    guint n;
} HeldOut;
gboolean held_out_answer(const TrainOptions *options, Model *model, const HeldOut *held, GError **error);
