/* explanation_files: explanations as images, MODEL-REASON-N.png, and as numbers, maps.csv with the columns
 *
 *     picture,model,path,reason,true,predicted,class,decision_value,bias,r0c0,r0c1,…,r6c6
 *
 * a line for each map (explanation.h); the last, 49 for images of 224 x 224, are its places, row by row; empty where
 * another model's maps have more. */
#pragma once
#include "evaluate/explanation/explanation.h"

#define EXPLANATION_CSV "maps.csv"

/* Into a folder, which is created where it is missing. FALSE and error if one cannot be written. */
gboolean explanations_write(const GPtrArray *explanations, const char *folder, GError **error);

/* "for bees: decision value 1.234, bias -0.100": beneath a map. Caller frees. */
char *explanation_caption(const Explanation *explanation, guint map);
