/* options: extract's command line, checked before any file is touched. */
#pragma once
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/dataset/dataset.h"
#include "common/image/augment.h"
#include "common/image/image.h"

typedef enum {
    ACTION_EXTRACT,
    ACTION_INFO,
    ACTION_VERIFY,
    ACTION_EXPORT,
    ACTION_MERGE,
    ACTION_IMPORT,
    ACTION_PREVIEW,
    ACTION_DUPLICATES,
    ACTION_SPLIT,
    ACTION_RELABEL,
    ACTION_APPLY,
    ACTION_UNAPPLY,
    ACTION_DERIVE,
} Action;

#define EXPORT_FILES "features.npy|labels.npy|items.csv"

typedef struct {
    CliCommon common;
    char **arguments; /* NULL-terminated: IMAGE_DIR CACHE, or CACHE, or CACHE SHARD…, or LABELS CACHE */
    const char *import, *made_by; /* --import: the matrix, and what made it */
    gboolean json;
    gboolean prune, keep_missing; /* items whose file has gone: removed; kept without a word */
    gboolean verbose;             /* libjpeg's remarks are told */
    DatasetFilter filter;
    const char *apply;   /* table of decisions */
    const char *weights; /* as given; NULL where none were */
    const char *layer;
    Pool pool;
    Preset preset;
    Fit fit;
    gint64 side;                    /* of the base's input, pixels */
    const Normalization *normalize; /* NULL: as the preset and the weights imply */
    gint64 batch;
    const CacheStore *store; /* NULL: not given */
    double split_test;       /* share of each class to test on; 0: none */
    CacheShard shard;
    char *shard_source; /* where from, if it was found in the environment; owned */
    const char *check;  /* --merge: a folder or list of what the cache should hold */
    const char *export_folder;
    gint64 copies; /* augmented ones of each image */
    AugmentOptions augmentation;
    const char *how;     /* they are made: augmentation and seed */
    const char *preview; /* file for a contact sheet */
    double
        similarity; /* --duplicates, --split: cosine from which images are nearly the same; 0: cosines_alike */
    double split_share;         /* --split: of the images, for testing */
    const char *sheet, *images; /* --duplicates: file for a contact sheet, and where its images lie */
} Options;

/* Valid once cli_main has checked the command line, for the rest of the process. */
extern const Options *const extract_options;
extern const CliProgram extract_program;
