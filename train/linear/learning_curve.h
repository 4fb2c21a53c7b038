/* learning_curve: the accuracy of a linear head as a function of the number of training images.
 *
 * Each of several draws sets a fifth of the images of every class aside for testing and trains on growing, nested,
 * stratified parts of the rest. All draws and sizes share one training set.
 *
 * Intervals are those of repeated random splits, whose results are not independent: Student's t with the variance that
 * Nadeau & Bengio (2003, "Inference for the generalization error") correct by the test share. */
#pragma once
#include "common/plot/axes.h"
#include "train/linear/linear_form.h"

enum {
    LEARNING_SIZES = 10, /* at most; each is about sqrt(2) times the one before */
};

typedef struct {
    guint trained, test; /* images: for training at most, and set aside in each draw */
    guint n;
    /* x: images trained on; y: accuracy, mean over the draws, 95 % interval, both cut to 0 … 1 */
    AxesPoint points[LEARNING_SIZES];
    double accuracy[LEARNING_SIZES][LEARNING_DRAWS];
    /* Of three sizes or more. y: accuracy gained by doubling the images, by the slope of the last two doublings, 95 %
     * interval */
    AxesPoint gain;
} LearningCurve;

/* FALSE and error without a file's name if there are too few images (fewer than 10, or a class with fewer than 3), worker
 * processes fail or the user interrupted. */
gboolean learning_curve_run(const LinearTraining *training, double cost, guint64 seed, LearningCurve *curve,
                            GError **error);

char *learning_curve_sentence(const LearningCurve *curve); /* the gain from more images */

/* --learning-curve: into its file, on stdout, and as the plot that is asked for, at the fit's cost. */
gboolean learning_curve_answer(const Linear *linear, GError **error);
