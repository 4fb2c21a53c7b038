/* held_out: what a model answers to images that it was not trained on, those of the folds or of the validation: --coverage
 * and --set-threshold. */
#pragma once
#include "common/model/coverage.h"
#include "common/model/model.h"
#include "train/options.h"

gboolean held_out_asked(const Results *results);

/* Prints and draws what is right of the answers, of which probabilities, labels, n >= 1 and units are given; sets the model's
 * threshold, or warns where none serves. FALSE and error if the figure cannot be written. */
gboolean held_out_answer(const Results *results, Model *model, const Answers *held, GError **error);
