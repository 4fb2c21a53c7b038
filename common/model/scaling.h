/* scaling: how a feature vector is scaled before it enters a head. */
#pragma once
#include "common/arithmetic/rows.h"
#include "common/cli/choice.h"
#include <jansson.h>
#include <math.h>

typedef enum {
    SCALE_NONE,
    SCALE_MAX, /* x / max |x| of the training data, one number for all features: zeros stay zero */
    SCALE_STANDARD, /* (x - mean) / std per feature, std at least the median of all that are not 0; 1 for constant features */
    SCALE_L2,   /* x / ||x|| per image; a zero vector stays zero: scikit-learn's Normalizer */
    SCALE_SQRT, /* y / ||y|| per image of y = sign(x) sqrt|x|, that is, y / sqrt(sum |x|): Hellinger's kernel */
} ScalingKind;
#define SCALING_CHOICES "none|max|standard|l2|sqrt"

/* Why a floor: most of VGG16's features are zero in almost every image. Divided by its own std, one that a single training
 * image has weighs as much as any other, and a test image can have thousands of std. */

typedef struct {
    ScalingKind kind;
    gsize features;        /* D */
    float max;             /* SCALE_MAX */
    float *mean, *inverse; /* SCALE_STANDARD: (D) each, mean and 1 / std; NULL otherwise */
} Scaling;

#define scaling_name(kind)        choice_name(SCALING_CHOICES, (int)(kind))
#define scaling_parse(name, kind) choice_parse(SCALING_CHOICES, name, (int *)(kind))

Scaling *scaling_new(ScalingKind kind, gsize features); /* identity until fitted (L2 needs no fitting) */
void scaling_free(Scaling *scaling);

/* Fits it to N >= 1 rows of D floats, in double precision. */
void scaling_fit(Scaling *scaling, const Rows *rows);

/* in and out: (D); may be the same. */
void scaling_apply(const Scaling *scaling, const float *in, float *out);

/* The same in pieces, with identical results to the bit: in holds features first … first+count-1 of a vector, out is
 * (count); factor: scaling_factor of the whole vector. */
float scaling_factor(const Scaling *scaling, const float *in);
void scaling_apply_range(const Scaling *scaling, float factor, const float *in, gsize first, gsize count,
                         float *out);

/* TRUE where each image is scaled by its own length, so that no constant parameters can take the scaling's place. */
gboolean scaling_by_image(ScalingKind kind);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scaling, scaling_free)
