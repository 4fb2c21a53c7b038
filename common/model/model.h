/* model: what `train` leaves and `evaluate` reads, one HDF5 file.
 *
 * Weights lie in Keras's layout (root attributes layer_names, backend, keras_version; a group a layer with weight_names
 * and its datasets kernel and bias), so that Keras loads them by name into the same Sequential. Ours, as attributes of
 * the root, each a JSON text: vggcache_format, vggcache_recipe, vggcache_classes, vggcache_network (kinds, shapes,
 * activations), vggcache_scaling, vggcache_training (approach, head and every setting), vggcache_calibration, and
 * vggcache_checksum, XXH3-64 over all of it. A truncated or altered file is refused. */
#pragma once
#include "common/cache/recipe.h"
#include "common/model/scaling.h"
#include "common/nn/network.h"

typedef struct {
    char *approach;    /* standalone, bootstrap, finetune, scratch */
    char *head;        /* dense, linear */
    GPtrArray *classes; /* char*, in label order */
    Recipe *recipe;    /* what its input vectors are */
    Scaling *scaling;  /* applied to a vector before the network; never NULL (SCALE_NONE) */
    Network *network;
    json_t *training;  /* settings, as an object; for people and for --report */
    gboolean probabilities; /* outputs are probabilities (softmax, or by sigmoids); else decision values (margins) */
    gboolean sigmoids;  /* the network's outputs z become 1 / (1 + exp(-z)), divided by their sum over the classes:
                           liblinear's predict_probability for logistic solvers; probabilities is TRUE then */
    double temperature; /* > 0: calibrated, probabilities = softmax(outputs / temperature); 0: not calibrated */
} Model;

Model *model_load(const char *path, GError **error);

/* Written to a temporary name in the same folder, synced, renamed when whole. */
gboolean model_save(const Model *model, const char *path, GError **error);
void model_free(Model *model);

/* x: n rows of D floats as the cache has them; out (n, L): probabilities or decision values as the model says. */
void model_predict(const Model *model, Crew *crew, const float *const *x, int n, float *out);

/* NULL where the model can judge vectors of this recipe and these classes; else one clause that says why not. */
char *model_mismatch(const Model *model, const Recipe *recipe, const char *const *classes, guint n_classes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Model, model_free)
