/* trained_on: the images that a model was trained on, so that evaluation can find those among its test images.
 *
 * For each image the first 8 bytes of the SHA-256 of its file's content, as a little-endian number; ascending,
 * without duplicates. Between a million images trained on and a million others, the probability of a collision is 1
 * in 18 million. Validation images, which only decide which epoch to keep, are not included. */
#pragma once
#include <glib.h>

/* Longer lists are not stored: this one takes 32 MB in the model file. */
#define TRAINED_ON_MAX 4000000

typedef GArray TrainedOn; /* guint64 */

TrainedOn *trained_on_new(void);
void trained_on_add(TrainedOn *trained_on, const guint8 *hash);         /* SHA256_SIZE bytes; in any order */
void trained_on_add_all(TrainedOn *trained_on, const TrainedOn *other); /* other NULL: adds nothing */

/* Sorts it, removes duplicates and returns it; with more than TRAINED_ON_MAX images it frees it, prints a remark and
 * returns NULL. */
TrainedOn *trained_on_finish(TrainedOn *trained_on);

gboolean trained_on_has(const TrainedOn *trained_on, const guint8 *hash);
