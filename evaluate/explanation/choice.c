/* choice: see explanation.h. */
#include "evaluate/explanation/explanation.h"

#include "common/core/rng.h"

enum { SAMPLE_STREAM = 0x6578706c /* of the seed */ };

static void add(GPtrArray *items, gboolean *taken, guint model, guint image, ExplanationReason reason)
{
    Explanation *explanation = g_new0(Explanation, 1);
    explanation->model = model;
    explanation->image = image;
    explanation->reason = reason;
    taken[image] = TRUE;
    g_ptr_array_add(items, explanation);
}

/* The first of an array of Ranked. */
static void add_first(const GArray *images, guint model, ExplanationReason reason, gboolean *taken,
                      GPtrArray *items)
{
    for (guint i = 0, added = 0; i < images->len && added < EXPLANATION_EACH; i++) {
        guint image = g_array_index(images, Ranked, i).image;
        added += !taken[image];
        if (!taken[image])
            add(items, taken, model, image, reason);
    }
}

static int ascending(const void *a, const void *b)
{
    guint32 x = *(const guint32 *)a, y = *(const guint32 *)b;
    return x < y ? -1 : x > y;
}

static void add_sample(guint model, guint n, guint64 seed, gboolean *taken, GPtrArray *items)
{
    g_autofree guint32 *left = g_new(guint32, n + 1);
    guint32 count = 0;
    Rng rng = rng_new(seed, SAMPLE_STREAM);
    for (guint i = 0; i < n; i++)
        if (!taken[i])
            left[count++] = i;
    rng_shuffle(&rng, left, count);
    count = MIN(count, EXPLANATION_EACH);
    qsort(left, count, sizeof *left, ascending);
    for (guint i = 0; i < count; i++)
        add(items, taken, model, left[i], EXPLAIN_SAMPLE);
}

void explanation_choose(const Comparison *comparison, guint model, guint64 seed, GPtrArray *items)
{
    guint n = comparison->n;
    const Evaluation *evaluation = comparison->evaluations[model];
    g_autofree gboolean *taken = g_new0(gboolean, n + 1);
    g_autoptr(GArray) unsure = evaluation_unsure(evaluation);
    add_first(evaluation->mistakes, model, EXPLAIN_WRONG, taken, items);
    add_first(unsure, model, EXPLAIN_UNSURE, taken, items);
    add_sample(model, n, seed, taken, items);
}
