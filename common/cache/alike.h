/* alike: groups of images with the same content (SHA-256), or nearly the same by the cosine of their features. Exact: every
 * pair is compared (cosines.h). */
#pragma once
#include "common/cache/cosines.h"

typedef struct {
    guint n;           /* N images, as cosines.h numbers them */
    float threshold;   /* cosine from which two are nearly the same */
    guint *first;      /* (N): the first image of the group, itself if it is alone */
    float *similarity; /* (N): cosine to the most similar other image if it reaches the threshold, else 0 */
    gboolean *same;    /* (N): another image has the same content */
} Alike;

/* caches: n_caches >= 1, of the same features. Groups are joined by way of others. similarity 0: cosines_alike. NULL and
 * error if an image cannot be read. */
Alike *alike_find(Cache *const *caches, guint n_caches, double similarity, ThreadPool *thread_pool,
                  GError **error);
void alike_free(Alike *alike);

/* Joins the groups of two images; alike_first then says which is the first of an image's group, and `first` may not. */
void alike_join(Alike *alike, guint a, guint b);
guint alike_first(Alike *alike, guint image);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Alike, alike_free)
