/* options: evaluate's command line, checked before any work. */
#pragma once
#include "common/dataset/dataset.h"

typedef enum { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSONL } PredictFormat; /* of predictions on stdout */
#define FORMAT_CHOICES "text|csv|jsonl"

typedef struct {
    gboolean predict;   /* predict MODEL IMAGE… rather than evaluate CACHE|IMAGE_DIR MODEL… */
    const char *source; /* CACHE or IMAGE_DIR */
    char **models;      /* (n_models): one for predict */
    guint n_models;
    char **inputs; /* predict: files, folders, "-"; NULL-terminated */
    gint64 top;
    gint64 digits;
    const char *weights, *images;
    DatasetFilter filter; /* of a CACHE or IMAGE_DIR */
    const char *confusion, *reliability, *scatter, *report, *json,
        *predictions;       /* files to write; NULL for none */
    const char *history;    /* "A.csv,B.csv": of the models, in their order; NULL: none */
    const char *trained_on; /* a cache whose images the models were trained on; NULL */
    gboolean timing;
    int cells;         /* a ConfusionCells, of the confusion matrices */
    const char *title; /* common to the pictures; NULL */
    PredictFormat format;
    CliCommon common;
    char **arguments; /* source, models and inputs lie in here */
} Options;

/* The one command line of this process, or NULL where the program is to end with *status. */
const Options *options_parse(int argc, char **argv, Status *status);
void options_free(void);
