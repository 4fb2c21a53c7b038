/* choice: see explanation.h. */
#include "evaluate/explanation/explanation.h"

#include "common/core/rng.h"

enum { SAMPLE_STREAM = 0x6578706c /* of the seed */ };

/* Of the model's images. */
typedef struct {
    const Evaluation *model;
    gboolean *taken; /* (N) */
    GPtrArray *items;
} Choice;

/* The first of an array of Ranked that no other reason took. */
static void add_first(Choice *choice, const GArray *images, ExplanationReason reason)
{
    for (guint i = 0, added = 0; i < images->len && added < EXPLANATION_EACH; i++) {
        guint image = g_array_index(images, Ranked, i).image;
        if (choice->taken[image])
            continue;
        Explanation *explanation = g_new0(Explanation, 1);
        explanation->model = choice->model;
        explanation->image = image;
        explanation->reason = reason;
        choice->taken[image] = TRUE;
        g_ptr_array_add(choice->items, explanation);
        added++;
    }
}

/* Of the images that are left, in their order. */
static GArray *draw_sample(const Choice *choice, guint n, guint64 seed)
{
    g_autofree guint32 *left = g_new(guint32, n + 1);
    guint32 count = 0;
    Rng rng = rng_new(seed, SAMPLE_STREAM);
    GArray *sample = g_array_new(FALSE, FALSE, sizeof(Ranked));
    for (guint i = 0; i < n; i++)
        if (!choice->taken[i])
            left[count++] = i;
    rng_shuffle(&rng, left, count);
    for (guint i = 0; i < MIN(count, EXPLANATION_EACH); i++)
        g_array_append_vals(sample, &(Ranked){.image = left[i]}, 1);
    g_array_sort(sample, ranked_order);
    return sample;
}

void explanation_choose(const Evaluation *model, guint64 seed, GPtrArray *items)
{
    guint n = model->comparison->n;
    g_autofree gboolean *taken = g_new0(gboolean, n + 1);
    g_autoptr(GArray) unsure = evaluation_unsure(model);
    Choice choice = {model, taken, items};
    add_first(&choice, model->mistakes, EXPLAIN_WRONG);
    add_first(&choice, unsure, EXPLAIN_UNSURE);
    g_autoptr(GArray) sample = draw_sample(&choice, n, seed);
    add_first(&choice, sample, EXPLAIN_SAMPLE);
}
