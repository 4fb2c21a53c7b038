/* evaluation: models, the images they are asked about, what they say of them, and the metrics that follow. Everything
 * evaluate writes (text, JSON, CSV, plots, the report) is read from here. Models, weights, threads and open caches are the
 * comparison's, and live as long as it does. */
#pragma once
#include "common/cache/cache.h"
#include "common/model/coverage.h"
#include "common/model/model.h"
#include "common/vgg16/weights.h"
#include "evaluate/metrics/metrics.h"
#include "evaluate/options.h"

/* The images that models are evaluated on. */
typedef struct {
    Dataset *list;      /* those that could be used; its root is the cache or folder, as the user named it */
    Cache *cache;       /* theirs, open: item i of the list is its image i; NULL: they are a folder's */
    const char *folder; /* that the paths of the list's items lie below; NULL: their files are not known */
    GPtrArray *skipped; /* char*, "path: reason": images that could not be used */
} TestImages;

/* Which of the images a model was trained on; determined by questions/leakage.h. */
typedef enum { IMAGE_UNSEEN, IMAGE_ALIKE /* nearly the same as one */, IMAGE_SEEN /* same content */ } Seen;

typedef struct {
    guint8 *seen;      /* (N) Seen; NULL: not known, as the model file is from before this was recorded */
    guint same, alike; /* images IMAGE_SEEN and IMAGE_ALIKE, */
    guint count;       /* and both */
    double accuracy;   /* on the others; NAN: there are none */
    Interval interval; /* 95 %, as interval_share */
} Leakage;

/* The image of --trained-on that an image is, or is most like. */
typedef struct {
    const char *path; /* interned; NULL: none */
    gboolean same;    /* has the same content */
    float cosine;     /* of the features */
} Twin;

/* A model on the images that are alike in something (questions/slices.h). */
typedef struct {
    const char *column, *value; /* interned */
    guint images, right;
    guint others, others_right;
    Interval interval; /* 95 %, of the accuracy on the slice, as interval_share */
    double p;          /* corrected: below 0.05 the slice differs */
} Slice;

/* How well a model tells images of no class from the others (questions/unknown.h). */
enum { TOLD_BY_SCORE, TOLD_BY_SIMILARITY, TOLD_WAYS };
typedef struct {
    guint ways; /* of these; TOLD_BY_SIMILARITY and what follows: where the model keeps images trained on */
    Separation by[TOLD_WAYS]; /* (ways) */
    double limit; /* the model's; if it has none, that which keeps METRICS_KEPT of the images trained on */
    double kept, below; /* share of the known images at the limit or above it, and of the unknown below it */
} Told;

/* What a model says of N images. */
typedef struct {
    /* (N, L) model_predict's outputs; where the model has probabilities, these: of the comparison's images once they are
     * measured */
    float *scores;
    float *similarities; /* (N) novelty.h's; NULL where the model has none */
    double seconds;      /* from all images' vectors to outputs, measured: differs from run to run */
} Judgement;

/* An image of a list that begins with the highest scores, ties in order of the images. */
typedef struct {
    guint image;
    double score;
} Ranked;
/* For g_array_sort of these, or of what begins with one. */
gint ranked_order(gconstpointer a, gconstpointer b);

typedef struct Comparison Comparison;

/* One model on the comparison's images: N = images->list->items->len, L classes. */
typedef struct {
    const Comparison *comparison; /* that it is one of */
    char *path, *name;            /* the file, and its name in tables, short and different from the others' */
    Model *model;
    Judgement known, unknown;   /* of the comparison's images, and of those of no class */
    const float *probabilities; /* the scores, where they are; NULL where they are decision values */
    int *predicted;             /* (N) */
    int *is_right;              /* (N) 1 where it is the label, else 0 */
    guint *matrix;              /* (L, L) */
    GArray *confused;           /* ConfusedPair, of the matrix */
    GArray *mistakes;           /* Ranked: the most confident first, by the score of the predicted class */
    guint right;
    double accuracy, top_k;
    Interval interval; /* of the accuracy, 95 %, as interval_share */
    double guess_p; /* probability of this many right answers by guessing: a binomial test, or over groups */
    ClassMetrics *per_class; /* (L) */
    ClassMetrics macro, weighted;
    double log_loss, calibration_error; /* of the probabilities; NAN where there are none */
    ReliabilityBin bins[RELIABILITY_BINS];
    GArray *coverage; /* CoveragePoint, of the probabilities; NULL where there are none */
    Answers answers;  /* with these */
    Leakage leakage;
    Told told;
    GArray *slices;       /* Slice, in order of columns and values; NULL: not asked for */
    double train_seconds; /* of all epochs, from the training's --history; NAN: not known */
} Evaluation;

/* Two models, and whether they differ. */
typedef struct {
    const Evaluation *first, *second;
    McNemar test;
} ModelPair;

#define VERDICT_LEVEL 0.05 /* of every test */

/* The outcome of a comparison in numbers: which model is best, whether that could be chance, and where it fails.
 * report/verdict_lines.h puts it into words. */
typedef struct {
    const Evaluation *best;   /* the model with the highest accuracy; the first of equal ones */
    const Evaluation *second; /* the second best; NULL if there is only one model */
    McNemar test;             /* of these two, in their order among the models */
    double ahead;             /* best's accuracy minus second's */
    Interval ahead_interval;
    /* Evaluation*: the other models that do not differ significantly from best, at 5 % (McNemar's tests; Holm 1979) */
    GPtrArray *equals;
    guint
        needed; /* images needed to detect the difference with power 80 % (Connor 1987); 0: no difference, or groups */
    gboolean beats_guess; /* best's guess_p < 5 % */
    int worst;            /* the class with best's lowest recall; the larger one of equal ones */
} Verdict;

struct Comparison {
    guint models;              /* how many */
    Evaluation **evaluations;  /* (models) */
    const Answers **answers;   /* (models) theirs */
    const ModelChoice *choice; /* borrowed: of the models */
    ThreadPool *thread_pool;
    Weights *weights; /* of the models' base, once images went through it; NULL */
    TestImages *images;
    guint n, classes;                /* N, L */
    const DatasetItem *const *items; /* (N) of the images' list */
    const char *const *names;        /* (L) of the classes */
    int *labels;                     /* (N) of the images */
    guint *units;                    /* (N) as metrics_mcnemar takes them; NULL: no image has a group */
    guint n_groups;                  /* of them; 0 */
    char *over;                      /* " over 40 groups", of an interval; "" where there are none */
    int frequent;                    /* the most frequent class */
    double guess;                    /* its share: the accuracy of always answering it */
    guint k;                         /* of top_k, at most L, where every prediction is among the top k */
    GArray *pairs;                   /* ModelPair, all, in the order of the models */
    Verdict verdict;
    const char *
        trained_on; /* the cache whose images the models were trained on; NULL: only what they say themselves */
    double similarity;   /* cosine from which images are alike; NAN: not compared */
    Twin *twins;         /* (N); NULL without trained_on */
    TestImages *unknown; /* images of none of the classes; NULL: none were given */
};

/* A cache of which those images are chosen; unlabelled: also those without a label, which are otherwise said to be left out.
 * NULL and error if it cannot be opened, or has none of what is chosen. And one's images; FALSE and error likewise. */
Cache *images_cache(const ImageChoice *choice, gboolean unlabelled, GError **error);
gboolean test_images_open(TestImages *images, const ImageChoice *choice, gboolean unlabelled, GError **error);
void test_images_free(TestImages *images);

/* Loads the models, in order, for images to come. NULL and error if one cannot be loaded. */
Comparison *comparison_new(const ModelChoice *choice, guint threads, GError **error);

/* Computes every metric from what the models say of the images. top: k of the top-k accuracy, capped at L. */
void comparison_measure(Comparison *comparison, guint top);
void comparison_free(Comparison *comparison);

/* Finds the verdict: comparison_measure does. */
void comparison_judge(Comparison *comparison);

/* The classes of an image: that it is labelled with, and that a model takes it for. */
const char *comparison_label(const Comparison *comparison, guint image);
const char *evaluation_answer(const Evaluation *evaluation, guint image);

/* (L) Probabilities, or outputs where the model gives none, of an image. */
const float *evaluation_scores(const Evaluation *evaluation, guint image);

/* The class with the second highest score of an image; -1: there is only one. */
int evaluation_runner_up(const Evaluation *evaluation, guint image);

/* Whether a model gives probabilities, calibrated or a softmax's, or decision values. */
gboolean model_has_probabilities(const Model *model);

/* Turns a model's outputs (n, L) into them in place; returns FALSE and leaves them alone where they are decision values. */
gboolean model_probabilities(const Model *model, float *outputs, guint n);

/* All images, those first whose two best classes lie closest together: by minus the lead of the predicted class's score, 0
 * where there is only one. An array of Ranked. */
GArray *evaluation_unsure(const Evaluation *evaluation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestImages, test_images_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Comparison, comparison_free)
