/* choice: see choice.h. */
#include "evaluate/explanation/choice.h"

#include "common/core/rng.h"

enum { SAMPLE_STREAM = 0x6578706c /* of the seed */ };

int explanation_runner_up(const float *scores, guint classes, int best)
{
    int found = -1;
    for (guint c = 0; c < classes; c++)
        if ((int)c != best && (found < 0 || scores[c] > scores[found]))
            found = (int)c;
    return found;
}

static void add(GPtrArray *items, gboolean *taken, guint model, guint image, ExplanationReason reason)
{
    Explanation *explanation = g_new0(Explanation, 1);
    explanation->model = model;
    explanation->image = image;
    explanation->reason = reason;
    taken[image] = TRUE;
    g_ptr_array_add(items, explanation);
}

static void add_wrong(const Comparison *comparison, guint model, gboolean *taken, GPtrArray *items)
{
    g_autoptr(GArray) mistakes = evaluation_mistakes(comparison, comparison_model(comparison, model));
    for (guint i = 0; i < MIN(mistakes->len, EXPLANATION_EACH); i++)
        add(items, taken, model, g_array_index(mistakes, Mistake, i).index, EXPLAIN_WRONG);
}

/* Those whose two best classes lie closest together, the closest first. */
static void add_unsure(const Comparison *comparison, guint model, gboolean *taken, GPtrArray *items)
{
    const Evaluation *evaluation = comparison_model(comparison, model);
    guint n = comparison_count(comparison), classes = comparison_classes(comparison);
    g_autofree float *lead = g_new(float, n + 1);
    for (guint i = 0; i < n; i++) {
        const float *scores = evaluation_scores(evaluation) + (gsize)i * classes;
        int second = explanation_runner_up(scores, classes, evaluation->predicted[i]);
        lead[i] = second < 0 ? 0 : scores[evaluation->predicted[i]] - scores[second];
    }
    for (guint k = 0; k < EXPLANATION_EACH; k++) {
        guint least = n;
        for (guint i = 0; i < n; i++)
            if (!taken[i] && (least == n || lead[i] < lead[least]))
                least = i;
        if (least < n)
            add(items, taken, model, least, EXPLAIN_UNSURE);
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
    guint n = comparison_count(comparison);
    g_autofree gboolean *taken = g_new0(gboolean, n + 1);
    add_wrong(comparison, model, taken, items);
    add_unsure(comparison, model, taken, items);
    add_sample(model, n, seed, taken, items);
}
