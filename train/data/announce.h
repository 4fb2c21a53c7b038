/* announce: what is about to be trained. */
#pragma once
#include <glib.h>

/* A remark before the training: of how many images, how many more validate, and how much its files will take: the model
 * with this many bytes of parameters, and a checkpoint (0: none). shape: of a cache's vectors, of which the model keeps some
 * (novelty.h); NULL: of none. */
void train_announce(const char *model, guint images, guint validation, const int *shape, gsize parameters,
                    gsize checkpoint);
