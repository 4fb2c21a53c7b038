/* libsvm_text: training sets and linear models as the texts that liblinear's programs read and write.
 *
 * An image is a line "LABEL INDEX:VALUE …", indices from 1, zeros left out; labels are our class indices,
 * from 0. A model is solver_type L2R_LR / nr_class L / label 0 1 … / nr_feature D / bias B / w / a line of
 * weights for each feature, the bias's last where B >= 0 with one weight a line for two classes (positive:
 * the first label), else L. */
#pragma once
#include "common/cli/progress.h"
#include "train/linear/liblinear.h"

/* Both FALSE and error if the file cannot be written; nothing is left then. */
gboolean libsvm_write_training_set(const TrainingSet *set, const char *path, Progress *progress,
                                   GError **error);

typedef struct {
    const LinearSolver *solver;
    guint classes;
    gsize features;
    double bias;   /* B; < 0: none */
    float *kernel; /* (D, L), two classes too: (w, -w) */
    float *offset; /* (L) what is added to the decision values: B times its weight */
} LinearModel;

LinearModel *linear_model_new(const LinearSolver *solver, gsize features, guint classes, double bias);
void linear_model_free(LinearModel *model);

gboolean liblinear_write_model(const LinearModel *model, const char *path, GError **error);

/* A model of exactly this many classes with labels 0 … L-1 in any order, and of at most this many features
 * (those that were zero in all images may be missing at the end). NULL and error for anything else. */
LinearModel *liblinear_read_model(const char *path, gsize features, guint classes, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinearModel, linear_model_free)
