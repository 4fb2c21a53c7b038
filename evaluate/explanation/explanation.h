/* explanation: which regions ("places") of an image speak for a class and which against it, for a head on the features of
 * block5_pool, 7x7x512 of images of 224 x 224.
 *
 * z is a class's decision value: the head's output before softmax or sigmoid, divided by the temperature if the model
 * is calibrated. s is the scaled feature vector, the head's input; the contribution of place p = (row, column) to z
 * is
 *
 *     map(p) = sum over channels c of  dz/ds(p, c) * s(p, c)
 *
 * For a linear head z = b + sum over p of map(p), exactly. For a dense head this is gradient x input (Shrikumar et
 * al. 2016, "Not just a black box"): z to first order, without the contributions of ReLUs and biases. If vectors are
 * standardised, s is 0 for the mean of the training images, so the map shows differences from that mean.
 *
 * Of features that are pooled over all places, s(c) is divided among these: of an average in proportion to what each place
 * gives to it (standardised: each place is, and the mean of these is s(c)), of a maximum to the place where it is; so the
 * sum stays exact. The features before pooling come from the images again.
 *
 * Place (row, column) is a square of 32 x 32 pixels of the base's input; a feature's receptive field
 * extends beyond it. */
#pragma once
#include "evaluate/metrics/evaluation.h"

enum {
    EXPLANATION_PIXELS = 32, /* of a place's side */
    EXPLANATION_CHANNELS = 512,
    EXPLANATION_MOST = 32, /* places in a row or column; 2 at least */
    EXPLANATION_EACH = 6,  /* images of a model for each reason */
};

/* Why an image was chosen: a mistake, most confident first; the least certain images; at random. */
typedef enum { EXPLAIN_WRONG, EXPLAIN_UNSURE, EXPLAIN_SAMPLE, EXPLAIN_REASONS } ExplanationReason;

/* The map of one class's decision value. */
typedef struct {
    int label;
    double value; /* z */
    double bias;  /* b, divided by the temperature; for a dense head, the class's bias in the last layer */
    guint side;   /* places in a row or column */
    double map[EXPLANATION_MOST * EXPLANATION_MOST]; /* (side, side), row by row */
} ExplanationMap;

typedef struct {
    const Evaluation *model;
    guint image; /* of its comparison */
    ExplanationReason reason;
    /* Of the predicted class; then, unless it adds nothing, of the true class, or of the runner-up if the prediction is
     * right */
    guint n_maps;
    ExplanationMap maps[2];
    /* (side, side, 3), of explanation_side: the base's input; NULL: missing or changed, or the maps are imported */
    guint8 *rgb;
} Explanation;

/* FALSE and error if a model's input is not block5_pool, or imported maps of 7x7x512, or these pooled and the images are
 * not at hand; or if its head is not made of dense layers. */
gboolean explanations_possible(const Comparison *comparison, gboolean has_images, GError **error);

/* Explanation*, of each of such models in turn, by reason; seed: of the sample. The features are read or computed again.
 * Images that are missing or have changed are reported on stderr. NULL and error if the source cannot be read. */
GPtrArray *explanations_new(Comparison *comparison, guint64 seed, GError **error);

/* Appends the images to explain of a model, without maps: up to EXPLANATION_EACH for each reason, an image under the first
 * reason that takes it; the sample by seed, in order of the images. */
void explanation_choose(const Evaluation *model, guint64 seed, GPtrArray *items);

/* Pixels of the side of what the maps lie over: the base's input; of imported maps, that of which the base would make so
 * many. */
int explanation_side(const FeatureSpec *spec);

/* A sentence on how to read the maps of a model. Static. */
const char *explanation_meaning(const Model *model);

/* A description such as "true bees, taken for ants (73.1 % sure)". Caller frees. */
char *explanation_title(const Explanation *explanation);
