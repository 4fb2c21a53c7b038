/* review: chooses the images whose labels somebody should look at, for the page on which they are decided. */
#pragma once
#include "common/dataset/dataset.h"
#include "evaluate/metrics/evaluation.h"

/* Why an image is shown, in the order of the page; the first that applies. */
typedef enum {
    REVIEW_SUSPECT, /* train --suspects names it, the surest first */
    REVIEW_MISTAKE, /* the model takes it for another class, the most confident first */
    REVIEW_UNSURE, /* its two best classes lie closest together: a tenth of the images, at most REVIEW_UNSURE_MAX */
    REVIEW_DUPLICATE, /* of a cache: another image has the same content or nearly the same features (alike.h); those with
                         another label first. Not looked for among more than REVIEW_COMPARED images */
    REVIEW_UNKNOWN, /* less like the images trained on than the model's limit (novelty.h), the least first */
    REVIEW_REASONS,
} ReviewReason;

enum { REVIEW_UNSURE_MAX = 200, REVIEW_MAX = 1000 /* images of a page */, REVIEW_COMPARED = 20000 };

typedef struct {
    /* An image of the comparison, and the chance that the label is wrong; the predicted class's score; minus the lead; the
     * cosine, 1 for the same content; minus the similarity */
    Ranked ranked;
    ReviewReason reason;
    const char *suggested; /* class, interned; NULL: none */
    guint twin;            /* of a duplicate: the first image like it */
} ReviewItem;

/* That the model takes an image for another class: the index-th of its mistakes. */
ReviewItem review_mistake(const Evaluation *evaluation, guint index);

/* suspects: a table; NULL: none. The images to review by the best model, ReviewItem; those that a review has decided on are
 * left out, as are those whose names a page cannot hold (not UTF-8, or with control characters), and what is over
 * REVIEW_MAX, with a remark. NULL and error if the table or the cache cannot be read. */
GArray *review_choose(const Comparison *comparison, const char *suspects, GError **error);
