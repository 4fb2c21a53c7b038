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

typedef struct {
    guint moved, copied, missing; /* missing: or pruned, with skipped inputs; with augmented copies */
    const char *first_missing, *first_from, *first_copy; /* of these, to be named */
} FollowCounts;

typedef enum { IMAGE_NEW, IMAGE_CHANGED, IMAGE_UNCHANGED } ImageState;

/* What is left to compute. */
typedef struct {
    guint8 *states; /* ImageState of each of the dataset's items */
    guint *work;    /* indices of the items that are not unchanged, in reading order (contents.h) */
    guint n_work;
    guint unchanged;
} Plan;

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

/* Brings writer `part`, of the cache named `cache`, in line with its part of the dataset, as far as no image has to be
 * computed, and says what was done. FALSE and error on failure. */
gboolean follow_apply(Follow *follow, const Dataset *dataset, guint part, const char *cache,
                      FollowCounts *counts, GError **error);

/* Afterwards: what has to be computed. how: of the copies among the items (copies.h). NULL and error when interrupted. */
Plan *follow_plan(const Follow *follow, const Dataset *dataset, guint part, const char *how, GError **error);
void plan_free(Plan *plan);

/* The label to store for an item: its class in the dataset, except that what a table said stays until a table says
 * otherwise, as does the group, and what a review decided stays in any case. */
CacheLabel follow_label(const Follow *follow, const DatasetItem *item);

/* Gives the items that are unchanged their labels. Images whose class is another one now count as moved. */
gboolean follow_relabel(Follow *follow, const Dataset *dataset, guint part, const Plan *plan,
                        FollowCounts *counts, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Follow, follow_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)
