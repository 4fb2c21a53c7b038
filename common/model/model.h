/* model: what `train` writes and `evaluate` reads, one HDF5 file.
 *
 * README.md beside this lists what is in it. Parameters are in Keras's layout
 * (keras/src/legacy/saving/legacy_h5_format.py), and the root attribute model_config describes the whole
 * (model_json.h), so that keras.models.load_model("model.h5") gives the same outputs, scaling and calibration included,
 * and model.load_weights("model.h5") loads the parameters into a Sequential of one's own.
 *
 * The file ends with a checksum of every byte before it (seal.h), which is verified before anything is read: a
 * truncated or altered file is refused. The same model gives the same bytes. */
#pragma once
#include "common/model/novelty.h"
#include "common/model/scaling.h"
#include "common/model/trained_on.h"
#include "common/network/network.h"
#include "common/vgg16/feature_spec.h"

typedef struct {
    char *approach;     /* standalone, bootstrap, finetune, scratch */
    char *head;         /* dense, linear */
    GPtrArray *classes; /* char*, in label order */
    FeatureSpec *spec;  /* of its input vectors */
    Scaling *scaling;   /* applied to a vector before the network; never NULL (SCALE_NONE) */
    Network *network;
    TrainedOn *trained_on;  /* NULL: not known */
    Novelty *novelty;       /* NULL: not known */
    json_t *training;       /* settings, as an object; for information and --report */
    gboolean probabilities; /* outputs are probabilities (softmax or sigmoids); else decision values */
    gboolean sigmoids;  /* each output z of the network becomes 1 / (1 + exp(-z)), divided by the sum over the
                               classes: liblinear's predict_probability for its logistic solvers */
    double temperature; /* > 0: calibrated, probabilities = softmax(outputs / temperature); 0: not */
    double threshold;   /* > 0: a prediction is accepted from this probability on; 0: each is */
} Model;

Model *model_load(const char *path, GError **error);

/* Whether a model file, whose text is UTF-8, can hold these names of classes: asked before anything is trained. FALSE with
 * a sentence that names source, which they come from, and the first that it cannot hold. */
gboolean model_holds_names(const char *source, const GPtrArray *names, GError **error);

/* Written under a temporary name in the same folder, synced and renamed when complete: on failure an existing file is
 * left as it was. */
gboolean model_save(const Model *model, const char *path, GError **error);
void model_free(Model *model);

/* x: n rows of D unscaled features; out (n, L): probabilities if `probabilities` is set, else decision values. The
 * temperature is not applied. */
void model_predict(const Model *model, ThreadPool *thread_pool, const float *const *x, int n, float *out);
MemoryNeed model_predict_memory(const Model *model, guint threads, int n); /* with rows scaled on the way */

/* NULL if the model can evaluate vectors of this feature specification and these classes; else a clause with the
 * reason, such as "its preset is keras, not vips". classes NULL: not compared. Caller frees. */
char *model_mismatch(const Model *model, const FeatureSpec *spec, const GPtrArray *classes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Model, model_free)
