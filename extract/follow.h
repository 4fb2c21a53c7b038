/* follow: what became of the images that a cache has: moved to another path or class, copied, changed, or gone.
 *
 * An image that a cache lacks, but whose content it knows by its hash, is not computed. Where the file of the known
 * item has gone, the item is moved, with its new class; else it is copied. Items whose file has gone and whose content is
 * nowhere else are missing. Augmented copies, which are drawn by an image's path, leave with it and are computed anew.
 *
 * Each image is moved or copied in one transaction with what it comes from. */
#pragma once
#include "extract/options.h"

typedef struct Follow Follow;

/* writers: n, of caches that share the dataset's images; NULL for one that does not exist. Reads the images, each once, if
 * the caches have any, so that a run with nothing to do ends as soon as every file has been hashed. The dataset, the writers
 * and the options are borrowed. NULL and error when interrupted, or if the folder or archive cannot be read. */
Follow *follow_new(const Dataset *dataset, CacheWriter *const *writers, guint n, const Options *options,
                   GError **error);
void follow_free(Follow *follow);

/* Says, where a review decided on the class or use of n images, that this stays. */
void follow_remark_reviewed(const char *cache, guint n);

/* Which of the writers has the item's path, else its content; -1 for none. */
int follow_part(const Follow *follow, const DatasetItem *item);

/* The label to store for an item: its class in the dataset, except that what a table said stays until a table says
 * otherwise, as does the group, and what a review decided stays in any case. */
CacheLabel follow_label(const Follow *follow, const DatasetItem *item);

/* What became of the images of one cache, and what is left to compute. */
typedef struct {
    Follow *follow;
    Dataset *dataset; /* the cache's part of the images, */
    guint part;       /* its number, */
    CacheWriter *writer;
    guint moved, copied, missing; /* missing: or pruned, with skipped inputs; with augmented copies */
    guint relabelled;             /* by a table: of those moved */
    const char *first_missing, *first_from, *first_copy; /* of these, to be named */
    guint unchanged;                                     /* and neither moved nor copied */
    guint *work;                                         /* indices of the items that are left */
    guint n_work;
    guint8 *states;       /* private: of each of the dataset's items */
    guint added, changed; /* by plan_put */
} Plan;

/* Brings writer `part` in line with its part of the dataset, as far as no image has to be computed, and says what was
 * done. Adds the augmented copies to the dataset, but for part 1, which is tested on. NULL and error on failure, or when
 * interrupted. */
Plan *follow_plan(Follow *follow, Dataset *dataset, guint part, GError **error);
void plan_free(Plan *plan);

/* Queues the features of the dataset's item `index`, computed from a file with this hash. */
void plan_put(Plan *plan, guint index, const guint8 content[CACHE_HASH], const float *features);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Follow, follow_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)
