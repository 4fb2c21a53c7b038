/* evaluation_run: fills evaluations with what their models predict for labelled images, from a cache (no
 * image is opened) or from a folder of images. A model that does not fit them is refused in a sentence. */
#pragma once
#include "common/dataset/dataset.h"
#include "common/vgg16/weights.h"
#include "evaluate/metrics/evaluation.h"

typedef struct {
    const char *source; /* a cache, or a folder with one folder per class */
    gboolean
        unknown; /* the images are of no class: any in the cache, or in the folder at any depth; labels are 0 */
    const char *weights; /* --weights, for a folder; NULL */
    DatasetFilter filter;
    guint threads;
} EvaluationOptions;

/* The base's weights for the evaluations' models, images_weights's. */
gboolean evaluation_weights(const char *from, const GPtrArray *evaluations, Weights **weights,
                            GError **error);

/* evaluations: loaded; their outputs are filled in. Images that could not be used are named on stderr and
 * in images->skipped. NULL and error if a model does not fit, or something cannot be read. */
TestImages *evaluation_run(const EvaluationOptions *options, GPtrArray *evaluations, GError **error);

/* The same of images of no class (options->unknown), into the comparison's unknown and the evaluations'. */
gboolean evaluation_run_unknown(const EvaluationOptions *options, Comparison *comparison, GError **error);
