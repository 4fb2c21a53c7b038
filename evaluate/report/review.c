/* review: see review.h. */
#include "evaluate/report/review.h"

#include "common/cache/alike.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/dataset/labels.h"

typedef struct {
    const Comparison *comparison;
    const Evaluation *evaluation;
    GArray *items;
    gboolean *taken; /* (N) */
    guint more;      /* images that the page has no room for */
} Choice;

/* Whether a page's attribute gives back the same bytes. */
static gboolean is_clean(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((guchar)*p < 0x20 || *p == 0x7f)
            return FALSE;
    return g_utf8_validate(name, -1, NULL);
}

static void add(Choice *choice, ReviewItem item)
{
    if (choice->taken[item.ranked.image])
        return;
    choice->taken[item.ranked.image] = TRUE;
    if (item.suggested && !is_clean(item.suggested))
        item.suggested = NULL;
    if (choice->items->len < REVIEW_MAX)
        g_array_append_val(choice->items, item);
    else
        choice->more++;
}

/* Those that cannot or need not be decided on. */
static void take_others(Choice *choice)
{
    guint odd = 0;
    for (guint i = 0; i < choice->comparison->n; i++) {
        const DatasetItem *image = choice->comparison->items[i];
        gboolean clean = is_clean(image->key) && is_clean(comparison_label(choice->comparison, i));
        choice->taken[i] = !clean || image->reviewed;
        odd += !clean;
    }
    if (odd)
        cli_remark("%u %s left out of the review, as their paths or classes are not plain UTF-8", odd,
                   plural(odd, "image is", "images are"));
}

/* By their scores. */
static void add_sorted(Choice *choice, GArray *found)
{
    g_array_sort(found, ranked_order);
    for (guint i = 0; i < found->len; i++)
        add(choice, g_array_index(found, ReviewItem, i));
}

static gboolean add_suspects(Choice *choice, const char *table, GError **error)
{
    g_autoptr(Labels) labels = labels_read(table, LABELS_SUSPECTS, error);
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(ReviewItem));
    for (guint i = 0; labels && i < choice->comparison->n; i++) {
        const LabelRow *row = labels_find(labels, choice->comparison->items[i]->key);
        if (!row)
            continue;
        const ReviewItem item = {.ranked = {i, row->score ? g_ascii_strtod(row->score, NULL) : 0},
                                 .reason = REVIEW_SUSPECT,
                                 .suggested = g_intern_string(row->suggested)};
        g_array_append_val(found, item);
    }
    if (labels && found->len < g_hash_table_size(labels->rows))
        cli_remark("%u of the images in %s are not evaluated", g_hash_table_size(labels->rows) - found->len,
                   table);
    add_sorted(choice, found);
    return labels != NULL;
}

ReviewItem review_mistake(const Evaluation *evaluation, guint index)
{
    const Ranked *mistake = &g_array_index(evaluation->mistakes, Ranked, index);
    return (ReviewItem){.ranked = *mistake,
                        .reason = REVIEW_MISTAKE,
                        .suggested = g_intern_string(evaluation_answer(evaluation, mistake->image))};
}

static void add_mistakes(Choice *choice)
{
    for (guint i = 0; i < choice->evaluation->mistakes->len; i++)
        add(choice, review_mistake(choice->evaluation, i));
}

static void add_unsure(Choice *choice)
{
    guint most = MIN(choice->comparison->n / 10, REVIEW_UNSURE_MAX), added = 0;
    g_autoptr(GArray) unsure = evaluation_unsure(choice->evaluation);
    for (guint i = 0; i < unsure->len && added < most; i++) {
        Ranked one = g_array_index(unsure, Ranked, i);
        int second = evaluation_runner_up(choice->evaluation, one.image);
        if (choice->taken[one.image] || second < 0)
            continue;
        added++;
        add(choice, (ReviewItem){.ranked = one,
                                 .reason = REVIEW_UNSURE,
                                 .suggested = g_intern_string(choice->comparison->names[second])});
    }
}

/* alike: of the same images in the same order. */
static void add_alike(Choice *choice, const Alike *alike, gboolean same_label)
{
    const int *labels = choice->comparison->labels;
    for (guint i = 0; i < alike->n; i++) {
        guint twin = alike->first[i];
        if (twin == i || (labels[i] == labels[twin]) != same_label)
            continue;
        add(choice,
            (ReviewItem){.ranked = {i, alike->same[i] ? 1 : (double)alike->similarity[i]},
                         .reason = REVIEW_DUPLICATE,
                         .suggested =
                             same_label ? NULL : g_intern_string(comparison_label(choice->comparison, twin)),
                         .twin = twin});
    }
}

static gboolean add_duplicates(Choice *choice, GError **error)
{
    Cache *cache = choice->comparison->images->cache;
    if (!cache || cache->images > REVIEW_COMPARED)
        return TRUE;
    g_autoptr(Alike) alike = alike_find(&cache, 1, 0, choice->comparison->thread_pool, error);
    if (!alike)
        return FALSE;
    add_alike(choice, alike, FALSE);
    add_alike(choice, alike, TRUE);
    return TRUE;
}

static void add_unknown(Choice *choice)
{
    const Evaluation *evaluation = choice->evaluation;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(ReviewItem));
    for (guint i = 0; evaluation->known.similarities && i < choice->comparison->n; i++) {
        double similarity = (double)evaluation->known.similarities[i];
        const ReviewItem item = {.ranked = {i, -similarity}, .reason = REVIEW_UNKNOWN};
        if (similarity < evaluation->model->novelty->limit)
            g_array_append_val(found, item);
    }
    add_sorted(choice, found);
}

GArray *review_choose(const Comparison *comparison, const char *suspects, GError **error)
{
    g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(ReviewItem));
    g_autofree gboolean *taken = g_new0(gboolean, comparison->n + 1);
    Choice choice = {
        .comparison = comparison, .evaluation = comparison->verdict.best, .items = items, .taken = taken};
    take_others(&choice);
    if (suspects && !add_suspects(&choice, suspects, error))
        return NULL;
    add_mistakes(&choice);
    add_unsure(&choice);
    if (!add_duplicates(&choice, error))
        return NULL;
    add_unknown(&choice);
    if (choice.more)
        cli_remark(
            "%u more images are not on the page: decide on these, apply the decisions, and review again",
            choice.more);
    return g_steal_pointer(&items);
}
