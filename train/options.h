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

/* The images, and where they lie. */
typedef struct {
    const char *cache;           /* of features; augmented_cache where that is given; NULL with a folder */
    const char *augmented_cache; /* in the place of a folder, or NULL */
    gint64 copies;               /* to draw from of those in it; 0: all */
    const char *folder;          /* in the place of a cache, or of those that a sheet shows; NULL */
    DatasetFilter filter;
    Preset preset;
    Fit fit;
    AugmentOptions augmentation;
    const char *weights;     /* of the base: as weights_load takes them, or NULL */
    double validation_split; /* 0 for a linear head */
    ValidationOrder validation_order;
    const char *validation; /* a cache, or NULL */
} SourceChoice;

/* What is trained on them. */
typedef struct {
    Approach approach;
    Head head;
    int scale;          /* a ScalingKind */
    double averages;    /* of channels over places: training_set.h's W */
    const char *hidden; /* "4096,1072", or "none", as for a linear head */
    double dropout;
    Pool pool;
    /* Keras layers counted from the end of the base; 0: as the cache was cut, 2 with images */
    gint64 unfreeze;
    const char *from; /* a model file to start from, or NULL */
} NetworkChoice;

/* How: by mini-batches, but for class_weight, which the linear head has too. */
typedef struct {
    const char *class_weight; /* balanced, none, or NAME:WEIGHT,… */
    Optimizer optimizer;
    gint64 batch_size, epochs, patience;
    double reduce_lr_factor; /* 0: off */
    gint64 reduce_lr_patience;
    double min_learning_rate;
} FitChoice;

enum { LINEAR_COSTS = 64 };

/* How a linear head is, and what is asked of it. */
typedef struct {
    const struct Solver *solver; /* train/linear/solver.h */
    double tolerance;
    double bias; /* < 0: none */
    gboolean reduce;
    double costs[LINEAR_COSTS]; /* (n_costs) ascending, of --costs or --cost; none: found from the data */
    guint n_costs, tried;       /* tried: in a cross-validation */
    gboolean searches;          /* for the cost */
    gboolean searches_scale;    /* and for the scaling */
    gboolean cross_validates;   /* for that, for --folds or for what the folds hold out */
    guint folds;
    const char *suspects, *suspects_sheet, *learning_curve, *learning_curve_plot,
        *export_libsvm; /* files, or NULL */
} LinearChoice;

/* What it leaves: files, or NULL. */
typedef struct {
    const char *model;           /* an argument; may be NULL with a summary */
    gboolean checkpoint, resume; /* of networks */
    const char *history, *plot;
    const char *coverage; /* by the folds or the validation images, as is: */
    double set_threshold; /* share of right answers that the model's threshold is set for; 0: not set */
} Results;

typedef struct {
    CliCommon common;
    gboolean summary; /* print the model and stop */
    SourceChoice images;
    NetworkChoice network;
    FitChoice fitting;
    LinearChoice linear;
    Results results;
} TrainOptions;

/* Valid once cli_main has checked the command line, for the rest of the process. */
extern const TrainOptions *const train_options;
extern const CliProgram train_program;
