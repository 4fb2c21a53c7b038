/* options: the command line of train, for all approaches and heads. */
#pragma once
#include "common/cli/cli.h"
#include "common/dataset/dataset.h"
#include "common/image/augment.h"
#include "common/image/image.h"
#include "common/network/optimizer.h"
#include "common/vgg16/vgg16.h"

/* The ways to train, and what each supports. */
typedef enum { APPROACH_STANDALONE, APPROACH_BOOTSTRAP, APPROACH_FINETUNE, APPROACH_SCRATCH } Approach;
#define APPROACH_CHOICES "standalone|bootstrap|finetune|scratch"

typedef enum { HEAD_DENSE, HEAD_LINEAR } Head;
#define HEAD_CHOICES "dense|linear"

typedef struct {
    gboolean cache;       /* trains on the features of a CACHE */
    gboolean copies;      /* trains on --augmented-cache */
    gboolean images;      /* trains on --images */
    gboolean base;        /* images go through VGG16's base */
    gboolean base_learns; /* the last layers of the base learn */
    gboolean linear;      /* --head linear is possible */
    int side;             /* pixels of an image's side, where it takes images; 0 */
} ApproachTraits;

/* Of each approach, by its enum. */
extern const ApproachTraits approach_traits[];

/* See train/data/validation_split.h. */
typedef enum { VALIDATION_HASH, VALIDATION_KERAS } ValidationOrder;
#define VALIDATION_ORDER_CHOICES "hash|keras"

typedef struct {
    CliCommon common;
    const char *cache, *model; /* arguments; cache is augmented_cache where that is given, NULL with images;
                                  both may be NULL with summary */
    Approach approach;
    Head head;
    int scale;                /* a ScalingKind */
    const char *class_weight; /* balanced, none, or NAME:WEIGHT,… with the linear head */
    DatasetFilter filter;     /* which images, of a folder or of cache */
    gboolean summary;         /* print the model and stop */

    /* By the folds or the validation images */
    const char *coverage; /* a file, or NULL */
    double set_threshold; /* share of right answers that the model's threshold is set for; 0: not set */

    /* Fitting by mini-batches: every approach with a network */
    const char *hidden; /* "4096,1072", or "none" */
    double dropout;
    OptimizerKind optimizer;
    double learning_rate, momentum, weight_decay;
    gint64 batch_size, epochs, patience;
    double reduce_lr_factor; /* 0: off */
    gint64 reduce_lr_patience;
    double min_learning_rate;
    double validation_split;
    ValidationOrder validation_order;
    const char *validation; /* a cache, or NULL */
    gboolean resume, checkpoint;
    const char *history, *plot; /* files, or NULL */

    /* From images, or with layers of the base */
    const char *images;  /* a folder in the place of cache, or NULL */
    const char *weights; /* of the base: as weights_load takes them, or NULL */
    Preset preset;
    Fit fit;
    Pool pool;
    AugmentOptions augmentation;
    const char *augmented_cache; /* in the place of images, or NULL */
    gint64 copies;               /* to draw from of those in it; 0: all */
    const char *from;            /* a model file to start from, or NULL */
    /* Keras layers counted from the end of the base; 0: as the cache was cut, 2 with images */
    gint64 unfreeze;

    /* Linear head; texts are checked by linear_settings_parse */
    const char *solver, *cost, *tolerance;
    double averages; /* of channels over places: training_set.h's W */
    double bias;     /* < 0: none */
    gboolean search;
    const char *costs; /* "0.01,0.1,…", or NULL */
    gint64 folds;      /* 0: no cross-validation but for a search */
    gboolean reduce;
    const char *suspects, *suspects_sheet; /* files, or NULL; images for the sheet are below images */
    const char *learning_curve, *learning_curve_plot; /* files, or NULL */
    const char *export_libsvm;                        /* a file, or NULL */
} TrainOptions;

/* "4096,1072" to units, a GArray of int; "none" gives an empty one, anything else NULL. */
GArray *train_options_hidden(const char *text);

/* Valid once cli_main has checked the command line, for the rest of the process. */
extern const TrainOptions *const train_options;
extern const CliProgram train_program;
