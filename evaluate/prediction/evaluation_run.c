/* evaluation_run: see evaluation_run.h. */
#include "evaluate/prediction/evaluation_run.h"

#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "evaluate/prediction/judge.h"

#include <string.h>

/* A judge's user. */
typedef struct {
    TestImages *images;
    gboolean unknown;  /* they are of no class */
    gboolean *dropped; /* (N): images that could not be used */
} Run;

static Judgement *judgement_of(const Run *run, Evaluation *evaluation)
{
    return run->unknown ? &evaluation->unknown : &evaluation->known;
}

/* Images of fewer classes than the model's take the model's class list, in which some then have none. Classes that are
 * not the model's leave the list as it is, for model_mismatch to name. */
static void adopt_classes(Dataset *images, const Model *model)
{
    g_autoptr(GPtrArray) own = g_ptr_array_ref(images->classes);
    const char *lacking;
    guint k = 0;
    if (own->len >= model->classes->len || !dataset_adopt_classes(images, model->classes, &lacking))
        return;
    while (g_ptr_array_find_with_equal_func(own, model->classes->pdata[k], g_str_equal, NULL))
        k++;
    cli_remark("%s: has no images of %s%s: recall and support are 0 there, as in scikit-learn", images->root,
               (const char *)model->classes->pdata[k],
               model->classes->len - own->len > 1 ? " and others of the models' classes"
                                                  : ", one of the models' classes");
}

static gboolean check_models(const Run *run, const Comparison *comparison, GError **error)
{
    Dataset *images = run->images->list;
    const Cache *cache = run->images->cache;
    if (!run->unknown)
        adopt_classes(images, comparison->evaluations[0]->model);
    for (guint i = 0; i < comparison->models; i++) {
        const Evaluation *evaluation = comparison->evaluations[i];
        const FeatureSpec *spec = cache ? cache->spec : evaluation->model->spec;
        g_autofree char *clause =
            model_mismatch(evaluation->model, spec, run->unknown ? NULL : images->classes);
        if (clause)
            return error_set(error, "%s: cannot be evaluated on %s: %s", evaluation->path, images->root,
                             clause);
    }
    return TRUE;
}

/* Opens the images' source and lists what there is. */
static gboolean list_images(const Run *run, const ImageChoice *choice, GError **error)
{
    TestImages *images = run->images;
    const char *source = choice->source;
    if (cache_is(source))
        return test_images_open(images, choice, run->unknown, error) &&
               (images->cache->images ||
                error_set(error, "%s: the cache is empty; run extract first", source));
    images->folder = source;
    images->list =
        run->unknown ? dataset_unsorted(source, error) : dataset_scan(source, &choice->filter, error);
    return images->list && (images->list->items->len || error_set(error, "%s: contains no images", source));
}

static void allocate(const Run *run, const Comparison *comparison)
{
    guint n = run->images->list->items->len;
    for (guint i = 0; i < comparison->models; i++) {
        Evaluation *evaluation = comparison->evaluations[i];
        Judgement *judgement = judgement_of(run, evaluation);
        judgement->scores = g_new(float, (gsize)n * evaluation->model->classes->len + 1);
        judgement->similarities = evaluation->model->novelty ? g_new(float, n + 1) : NULL;
    }
}

static gboolean take(Judge *judge, Evaluation *evaluation, guint n, const Judgement *said, GError **error)
{
    Judgement *judgement = judgement_of(judge->user, evaluation);
    gsize classes = evaluation->model->classes->len;
    if (((const Run *)judge->user)->unknown)
        model_probabilities(evaluation->model, said->scores, n);
    for (guint i = 0; i < n; i++) {
        memcpy(judgement->scores + judge->rows[i] * classes, said->scores + i * classes,
               classes * sizeof *said->scores);
        if (judgement->similarities)
            judgement->similarities[judge->rows[i]] = said->similarities[i];
    }
    judgement->seconds += said->seconds;
    return TRUE;
}

static gboolean skip(Judge *judge, guint image, const char *reason, GError **error)
{
    const Run *run = judge->user;
    const DatasetItem *item = run->images->list->items->pdata[image];
    if (run->dropped[image])
        return TRUE; /* through another base */
    cli_warn("skipped %s: %s", item->path, reason);
    g_ptr_array_add(run->images->skipped, g_strdup_printf("%s: %s", item->key, reason));
    run->dropped[image] = TRUE;
    return TRUE;
}

/* Takes the images that a model could not be evaluated on off the list, and closes their gaps in the outputs. */
static void drop_unusable(const Run *run, const Comparison *comparison)
{
    Dataset *list = run->images->list;
    guint kept = 0;
    for (guint i = 0; i < list->items->len; i++) {
        if (run->dropped[i])
            continue;
        for (guint j = 0; j < comparison->models; j++) {
            Judgement *judgement = judgement_of(run, comparison->evaluations[j]);
            gsize classes = comparison->evaluations[j]->model->classes->len;
            memmove(judgement->scores + kept * classes, judgement->scores + i * classes,
                    classes * sizeof *judgement->scores);
            if (judgement->similarities)
                judgement->similarities[kept] = judgement->similarities[i];
        }
        kept++;
    }
    dataset_free(dataset_take(list, run->dropped));
}

gboolean evaluation_run(Comparison *comparison, const ImageChoice *choice, gboolean unknown, GError **error)
{
    TestImages *images = g_new0(TestImages, 1);
    images->skipped = g_ptr_array_new_with_free_func(g_free);
    *(unknown ? &comparison->unknown : &comparison->images) = images;
    Run run = {.images = images, .unknown = unknown};
    Judge judge = {.comparison = comparison,
                   .label = "Judging",
                   .block = JUDGE_BLOCK,
                   .compares = TRUE,
                   .user = &run,
                   .take = take,
                   .skip = skip};
    if (!list_images(&run, choice, error) || !check_models(&run, comparison, error))
        return FALSE;
    guint n = images->list->items->len;
    g_autofree gboolean *dropped = g_new0(gboolean, n);
    run.dropped = dropped;
    if (!judge_prepare(&judge, n, images->cache, error))
        return FALSE;
    allocate(&run, comparison);
    if (!judge_run(&judge, images, error))
        return FALSE;
    drop_unusable(&run, comparison);
    return images->list->items->len || error_set(error, "%s: none of its %u %s could be read",
                                                 images->list->root, n, plural(n, "image", "images"));
}
