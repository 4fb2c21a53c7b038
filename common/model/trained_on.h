/* trained_on: which images a model was trained on, so that whoever evaluates it can tell whether a test is one.
 *
 * Of each image the first 8 bytes of the SHA-256 of its file's content, as a number (little-endian); ascending, each
 * once. Among a million images that a model has seen and a million others, two agree by chance once in 18 million such
 * pairs of sets. Images that only decided which epoch to keep are not among them. */
#pragma once
#include <glib.h>

/* More are not kept: 32 MB in the model file. */
#define TRAINED_ON_MAX 4000000

typedef GArray TrainedOn; /* guint64 */

TrainedOn *trained_on_new(void);
void trained_on_add(TrainedOn *trained_on,
                    const guint8 *hash); /* SHA256_SIZE bytes; others may follow in any order */
/* Adds all of another one; NULL: what it had seen is not known. */
void trained_on_add_all(TrainedOn *trained_on, const TrainedOn *other);

/* Puts it into its form, and returns it; or NULL, freed and told as a remark, where it is more than TRAINED_ON_MAX. */
TrainedOn *trained_on_finish(TrainedOn *trained_on);

gboolean trained_on_has(const TrainedOn *trained_on, const guint8 *hash);

/* Whether this is its form, which a file may lack. */
gboolean trained_on_is_sorted(const TrainedOn *trained_on);
