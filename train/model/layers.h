/* layers: the network of each approach, with either head, and the model that it becomes. */
#pragma once
#include "common/model/model.h"
#include "train/data/training_data.h"

/* --hidden: "4096,1072" to units, a GArray of int; "none" gives an empty one, anything else NULL. */
GArray *layers_hidden(const char *text);
enum { HIDDEN_HALVINGS = 20, HIDDEN_UNITS_MOST = 1 << HIDDEN_HALVINGS }; /* halvings: until any number is 1 */

/* The network, without parameters, whose input is what the data's rows are: standalone and bootstrap, the head (flatten,
 * --hidden with ReLU, dropout, dense with softmax; a linear head's outputs are as they are); finetune, the layers of the
 * base behind the rows', --pool and the head; scratch, the study's own. The output layer has one unit per class. NULL and
 * error where an input is too small for its layers. */
Network *layers_network(const TrainingData *data, const NetworkChoice *choice, GError **error);

/* A model of it with parameters, not yet initialized, without scaling or settings; it takes over what the data was trained
 * on. */
Model *layers_model(TrainingData *data, const NetworkChoice *choice, GError **error);

enum { SCRATCH_SIDE = 128 }; /* of the square input images of scratch, whose values are 0 … 1 */

/* Appends the layers of scratch to a network with that input. dropout: the rate of all its dropout layers. */
gboolean scratch_layers(Network *network, float dropout, int classes, GError **error);
