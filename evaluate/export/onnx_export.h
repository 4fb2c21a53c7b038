/* onnx_export: evaluate --export-onnx, a model with its base in one ONNX file.
 *
 *     pixels (N, side, side, 3) ──normalise──► base ──scale──► head ──calibrate──► probabilities | decision_values (N, L)
 *
 * pixels: float32, NHWC, red, green and blue from 0 to 255, of images that are square already, as the file's metadata
 * (metadata_props) say:
 *     preprocessing  how images are made square, in words
 *     recipe         the same for programs: the feature specification, as JSON (feature_spec.h)
 *     classes        their names in the order of the output, as a JSON array
 *     threshold      the probability from which an answer is accepted; only if the model has one */
#pragma once
#include "common/cli/cli.h"
#include "evaluate/options.h"

/* error is set where STATUS_FAILED is returned. */
Status onnx_export(const Options *options, GError **error);
