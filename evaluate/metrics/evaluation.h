/* evaluation: what models said about labelled images, and the figures that follow. Everything evaluate writes
 * (text, JSON, CSV, pictures, the report) is read from here. */
#pragma once
#include "common/model/model.h"
#include "evaluate/metrics/metrics.h"

/* The labelled images of a cache or a folder. */
typedef struct {
    char *source;       /* as the user named it */
    gboolean is_cache;  /* else a folder of images */
    GPtrArray *classes; /* char*, in label order */
    GPtrArray *paths;   /* char*, below the image folder */
    GArray *labels;     /* int, parallel to paths */
    GPtrArray *skipped; /* char*, "path: reason": inputs that could not be used */
} Examples;

/* One model on these images: N = examples->paths->len, L classes. */
typedef struct {
    char *path, *name; /* file, and what it is called in tables: short, and unlike the others' */
    Model *model;
    float *outputs;       /* (N, L) as model_predict gives them */
    float *probabilities; /* (N, L), calibrated where the model is; NULL where outputs are margins */
    int *predicted;       /* (N) */
    guint *matrix;        /* (L, L) */
    guint right;
    double accuracy, top_k;
    Interval interval;       /* of the accuracy, 95 % */
    ClassMetrics *per_class; /* (L) */
    ClassMetrics macro, weighted;
    double log_loss, calibration_error; /* of the probabilities; NAN where there are none */
    ReliabilityBin bins[RELIABILITY_BINS];
} Evaluation;

typedef struct {
    Examples *examples;
    GPtrArray *evaluations; /* Evaluation* */
    guint k;                /* of top_k */
} Comparison;

Examples *examples_new(const char *source, gboolean is_cache);
void examples_free(Examples *examples);
const char *const *examples_names(const Examples *examples); /* (L), borrowed from classes */
const int *examples_labels(const Examples *examples);        /* (N) */

/* Loads the models, in order. NULL and error where one cannot be loaded. */
GPtrArray *evaluations_load(const char *const *paths, guint n, GError **error);

/* All figures from the judgements' outputs; takes examples and judgements over. top: wanted k, cut to L. */
Comparison *comparison_new(Examples *examples, GPtrArray *evaluations, guint top);
void comparison_free(Comparison *comparison);

guint comparison_count(const Comparison *comparison);   /* N */
guint comparison_classes(const Comparison *comparison); /* L */
const Evaluation *comparison_model(const Comparison *comparison, guint index);

gboolean comparison_has_top_k(const Comparison *comparison); /* FALSE where k = L, which any answer reaches */

/* The scores figures are made from: probabilities where there are any, else outputs. (N, L), borrowed. */
const float *evaluation_scores(const Evaluation *evaluation);

/* Probabilities (n, L) from what a model gives, in the place of it; FALSE and untouched where they are
 * margins. */
gboolean model_probabilities(const Model *model, float *outputs, guint n);

/* An image a model took for another class. */
typedef struct {
    guint index;  /* of the example */
    double score; /* of the predicted class: how sure the model was of the wrong answer */
} Mistake;

/* All mistakes, the surest first, equals in order of the images: an array of Mistake. */
GArray *evaluation_mistakes(const Comparison *comparison, const Evaluation *evaluation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Examples, examples_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Comparison, comparison_free)
