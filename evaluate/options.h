/* options: evaluate's command line, checked before any work. */
#pragma once
#include "common/dataset/dataset.h"

typedef enum { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSONL } PredictFormat; /* of predictions on stdout */
#define FORMAT_CHOICES "text|csv|jsonl"

/* What is evaluated, predicted, looked up or exported, each with the options that it uses. */
typedef enum {
    EVALUATE_CACHE,
    EVALUATE_FOLDER,
    EVALUATE_PREDICT,
    EVALUATE_SIMILAR,
    EVALUATE_NEXT,
    EVALUATE_EXPORT
} EvaluateMode;

enum { SLICE_BRIGHTNESS, SLICE_SHARPNESS, SLICE_SIZE, SLICE_MEASURES };
#define SLICE_MEASURE_CHOICES "brightness|sharpness|size"

typedef struct {
    EvaluateMode mode;
    const char *source;      /* CACHE or IMAGE_DIR */
    const char *export_onnx; /* file to write the model to; NULL */
    char **models;           /* (n_models): one for predict, none for similar */
    guint n_models;
    char **inputs;          /* predict, similar: files, folders, "-"; NULL-terminated */
    gint64 similar;         /* K: neighbours of each image to find in the source; 0: none */
    gint64 next;            /* K: images of the source to label next; 0: none */
    const char *neighbours, /* files to write of them; NULL for none */
        *sheet;
    gint64 top;
    gint64 digits;
    const char *weights, *images; /* base weights; where the images of a cache lie */
    DatasetFilter filter;         /* of a CACHE or IMAGE_DIR */
    const char *coverage;         /* file to draw coverage to; NULL */
    double set_threshold; /* share of right answers that the model's threshold is set for; 0: not set */
    const char *slices;   /* as given, then the table by which to slice the images; NULL */
    gboolean measures[SLICE_MEASURES]; /* and what is measured to slice them by */
    const char *unknown;               /* a cache or a folder of images of no class; NULL */
    double set_known; /* share of the images trained on that the model's limit of novelty keeps; 0: not set */
    const char *confusion, *reliability, *scatter, *report, *explain, *json,
        *predictions; /* files to write; NULL for none */
    const char *review,
        *suspects;       /* folder of the page to decide on images; table of labels that may be wrong; NULL */
    const char *history; /* "A.csv,B.csv": of the models, in their order; NULL: none */
    const char *trained_on; /* a cache whose images the models were trained on; NULL */
    double
        similarity; /* of --trained-on: the cosine from which images are nearly the same; 0: cosines_alike */
    gboolean timing;
    int cells;         /* a ConfusionCells, of the confusion matrices */
    const char *title; /* common to the plots; NULL */
    PredictFormat format;
    CliCommon common;
} Options;

/* Valid once cli_main has checked the command line, for the rest of the process. */
extern const Options *const evaluate_options;
extern const CliProgram evaluate_program;
