/* questions: what a linear head shows about the data: labels that look wrong, and the gain from more images. */
#pragma once
#include "train/linear/linear_form.h"

/* Answers what the options ask for, into their files and on stdout. After the fit's cost is known, and the
 * cross-validation done where --suspects is given. */
gboolean questions_answer(const Linear *linear, GError **error);
