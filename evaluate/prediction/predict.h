/* predict: the classes of new images by one model, as text, CSV or JSON lines, in the order they were named. With "-" alone,
 * each line of standard input is answered as it comes, so that a process that stays can serve others. As JSON lines, an
 * image that cannot be read has its answer too; as text and CSV it is only named on stderr.
 *
 *   text   photo.jpg: ants 0.9731, bees 0.0269
 *   csv    path,class_1,probability_1,class_2,probability_2     (margin_1 …: decision values, without probabilities)
 *   jsonl  {"version": 1, "path": "photo.jpg", "predicted": "ants", "top": [{"class": "ants", "probability": 0.9731}, …]}
 *          {"version": 1, "path": "torn.jpg", "error": "is truncated"}
 *
 * Where the model has a threshold (--set-threshold), an answer below it is "unsure, …" as text, and each has a column
 * accepted, or "accepted": true or false. Where it has a limit of novelty (--set-known), likewise "unknown, …" and known. */
#pragma once
#include "common/cli/cli.h"
#include "evaluate/metrics/evaluation.h"

typedef struct {
    PredictFormat format;
    const Model *model;
    const TestImages *images; /* as far as they are known */
    guint top, skipped;
    gboolean judges_score, judges_novelty; /* whether the model has a threshold, a limit of novelty */
} Prediction;

/* Prints the first line, of CSV; and that of an image, with its scores (L), and its similarity where that is judged. */
gboolean prediction_header(const Prediction *prediction, GError **error);
gboolean prediction_print(const Prediction *prediction, guint image, const float *scores, float similarity,
                          GError **error);

/* error is set where STATUS_FAILED is returned. */
Status predict_images(const Options *options, GError **error);
