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

/* The models, and the base that images go through to them. */
typedef struct {
    char **paths; /* (n): one for predict, none for similar */
    guint n;
    const char *weights; /* NULL: those that are recorded, or found */
} ModelChoice;

/* The images, and where they lie. */
typedef struct {
    const char *source; /* CACHE or IMAGE_DIR */
    const char *folder; /* of the images of a CACHE; NULL: not known */
    DatasetFilter filter;
} ImageChoice;

/* What the images are sliced by. */
typedef struct {
    const char *table; /* as given, then without the measures; NULL */
    guint measures;    /* bits 1 << SLICE_… */
} SliceChoice;

/* Which images were trained on. */
typedef struct {
    const char *trained_on; /* a cache of them; NULL */
    double similarity;      /* the cosine from which images are nearly the same; 0: cosines_alike */
} LeakageChoice;

/* How figures are shown, in the text, the plots and the report. */
typedef struct {
    const char *title; /* common to the plots; NULL */
    int cells;         /* a ConfusionCells, of the confusion matrices */
    gint64 digits;
    gboolean timing; /* of predictions: two reports of the same comparison then differ */
} Style;

typedef struct {
    EvaluateMode mode;
    ModelChoice models;
    ImageChoice images;
    SliceChoice slices;
    LeakageChoice leakage;
    Style style;
    const char *unknown; /* a cache or a folder of images of no class; NULL */
    const char *history; /* "A.csv,B.csv": of the models, in their order; NULL: none */
    gint64 top;
    double set_threshold; /* share of right answers that the model's threshold is set for; 0: not set */
    double set_known; /* share of the images trained on that the model's limit of novelty keeps; 0: not set */
    const char *confusion, *reliability, *coverage, *scatter, *report, *explain, *json,
        *predictions; /* files to write; NULL for none */
    const char *review,
        *suspects; /* folder of the page to decide on images; table of labels that may be wrong; NULL */
    char **inputs; /* predict, similar: files, folders, "-"; NULL-terminated */
    PredictFormat format;
    gint64 similar; /* K: neighbours of each image to find in the source; 0: none */
    gint64 next;    /* K: images of the source to label next; 0: none */
    const char *neighbours, *sheet, *export_onnx; /* files to write; NULL for none */
    CliCommon common;
} Options;

/* Valid once cli_main has checked the command line, for the rest of the process. */
extern const Options *const evaluate_options;
extern const CliProgram evaluate_program;
