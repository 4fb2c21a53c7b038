/* similar: see similar.h. */
#include "evaluate/prediction/similar.h"

#include "common/cache/cosines.h"
#include "common/cli/cli.h"
#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/plot/contact_sheet.h"
#include "evaluate/prediction/images.h"

#include <string.h>

enum { SHEET_COLUMNS = 8, SHEET_MIN_COLUMNS = 3 /* which hold the title */ };
#define SHEET_FRAME 0x0072b2 /* of the images asked about */

typedef struct {
    guint item; /* of the cache */
    float similarity;
} Neighbour;

/* A new image whose neighbours are looked for. */
typedef struct {
    const char *path;
    guint8 hash[CACHE_HASH];
    Neighbour *nearest; /* (K), the most similar first */
    guint found;
    const char *itself; /* the cache's image with its content; NULL: none has it */
} Query;

typedef struct {
    PipelineImages images; /* first */
    const Options *options;
    Cache *cache;
    Cosines *cosines;
    guint k;
    gsize features; /* D */
    const Dataset *list;
    float *vectors; /* (COSINES_BLOCK, D), of the queries that wait for a scan */
    Query queries[COSINES_BLOCK];
    guint waiting, skipped;
    int class_width; /* characters of the longest class's name */
    GString *csv;
    ContactSheet *sheet;
} Search;

/* ---- Neighbours ---- */

/* Puts an image among the K nearest of a query, if it is one of them; the cache's images come in no order. */
static void offer(Query *query, guint k, Neighbour candidate)
{
    guint place = query->found;
    while (place > 0 && (candidate.similarity > query->nearest[place - 1].similarity ||
                         (candidate.similarity == query->nearest[place - 1].similarity &&
                          candidate.item < query->nearest[place - 1].item)))
        place--;
    if (place == k)
        return;
    query->found = MIN(query->found + 1, k);
    memmove(query->nearest + place + 1, query->nearest + place,
            (query->found - place - 1) * sizeof *query->nearest);
    query->nearest[place] = candidate;
}

static void take_cosines(guint first, guint count, const float *cosines, gpointer user)
{
    Search *search = user;
    for (guint i = 0; i < count; i++) {
        const CacheItem *item = cache_item(search->cache, first + i);
        for (guint q = 0; q < search->waiting; q++) {
            Query *query = search->queries + q;
            if (memcmp(item->hash, query->hash, CACHE_HASH) == 0)
                query->itself = item->path;
            else
                offer(query, search->k, (Neighbour){first + i, cosines[q * COSINES_BLOCK + i]});
        }
    }
}

/* ---- Output ---- */

static gboolean print_query(const Search *search, const Query *query, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *path = cli_printable(query->path);
    g_autofree char *itself = query->itself ? cli_printable(query->itself) : NULL;
    g_string_printf(text, "%s%s%s", path, itself ? ", in the cache as " : "", itself ? itself : "");
    for (guint i = 0; i < query->found; i++) {
        const CacheItem *item = cache_item(search->cache, query->nearest[i].item);
        g_autofree char *name = cli_printable(cache_class(search->cache, item->label));
        g_autofree char *there = cli_printable(item->path);
        int blanks = search->class_width - (int)g_utf8_strlen(name, -1);
        g_string_append_printf(text, "\n  %.4f  %s%*s  %s", (double)query->nearest[i].similarity, name,
                               MAX(blanks, 0), "", there);
    }
    return cli_print(text->str, error);
}

static void append_csv(const Search *search, const Query *query)
{
    for (guint i = 0; i < query->found; i++) {
        const CacheItem *item = cache_item(search->cache, query->nearest[i].item);
        csv_append(search->csv, query->path);
        g_string_append_printf(search->csv, ",%u", i + 1);
        csv_append(search->csv, item->path);
        csv_append(search->csv, cache_class(search->cache, item->label));
        g_string_append_printf(search->csv, ",%.6f\n", (double)query->nearest[i].similarity);
    }
}

/* Rows of a query: of as equal length as there can be. */
static guint sheet_columns(const Search *search)
{
    guint images = search->k + 1, rows = (images + SHEET_COLUMNS - 1) / SHEET_COLUMNS;
    return MAX((images + rows - 1) / rows, SHEET_MIN_COLUMNS);
}

static void append_to_sheet(const Search *search, const Query *query)
{
    g_autofree char *name = g_path_get_basename(query->path);
    contact_sheet_add(search->sheet, query->path, name,
                      query->itself ? "is in the cache itself" : "most similar:", SHEET_FRAME);
    for (guint i = 0; i < query->found; i++) {
        const CacheItem *item = cache_item(search->cache, query->nearest[i].item);
        g_autofree char *caption = g_strdup_printf("%.4f %s", (double)query->nearest[i].similarity,
                                                   cache_class(search->cache, item->label));
        contact_sheet_add(search->sheet, item->path, caption, NULL, 0);
    }
    contact_sheet_end_row(search->sheet);
}

static gboolean write_sheet(Search *search, GError **error)
{
    guint missing;
    if (!contact_sheet_write(search->sheet, search->options->sheet, &missing, error))
        return FALSE;
    search->skipped += missing;
    return TRUE;
}

/* ---- From images to output ---- */

/* Finds and prints the neighbours of the waiting queries. */
static gboolean answer(Search *search, GError **error)
{
    if (!search->waiting)
        return TRUE;
    if (!cosines_scan(search->cosines, search->vectors, search->waiting, 0, take_cosines, search, error))
        return FALSE;
    for (guint q = 0; q < search->waiting; q++) {
        const Query *query = search->queries + q;
        if (!print_query(search, query, error))
            return FALSE;
        if (search->options->neighbours)
            append_csv(search, query);
        if (search->options->sheet)
            append_to_sheet(search, query);
    }
    search->waiting = 0;
    return TRUE;
}

static gboolean take_vector(guint index, const float *features, const guint8 *hash, const char *reason,
                            gpointer user, GError **error)
{
    Search *search = user;
    const char *path = contents_item(search->images.contents, index)->path;
    if (!features) {
        search->skipped++;
        cli_warn("skipped %s: %s", path, reason);
        return TRUE;
    }
    Query *query = search->queries + search->waiting;
    if (!query->nearest)
        query->nearest = g_new(Neighbour, search->k + 1);
    query->path = path;
    query->found = 0;
    query->itself = NULL;
    memcpy(query->hash, hash, CACHE_HASH);
    cosines_normalize(features, search->features, search->vectors + search->waiting * search->features);
    return ++search->waiting < COSINES_BLOCK || answer(search, error);
}

static gboolean open_cache(Search *search, GError **error)
{
    const Options *o = search->options;
    search->cache = cache_open(o->images.source, error);
    if (!search->cache || !cache_choose(search->cache, &o->images.filter, error))
        return FALSE;
    cache_take_unlabelled(search->cache);
    guint n = cache_count(search->cache);
    const FeatureSpec *spec = cache_feature_spec(search->cache);
    if (n == 0)
        return error_set(error, "%s: the cache is empty; run extract first", o->images.source);
    if (feature_spec_is_imported(spec))
        return error_set(error,
                         "%s: its features were imported (made by %s) and cannot be computed from images "
                         "here; extract --duplicates compares caches",
                         o->images.source, spec->weights_source);
    if (search->k > n)
        return error_set(error, "%s: has %u %s, but --similar asks for %u", o->images.source, n,
                         plural(n, "image", "images"), search->k);
    for (guint c = 0; c < cache_classes(search->cache); c++) {
        g_autofree char *name = cli_printable(cache_class(search->cache, (int)c));
        search->class_width = MAX(search->class_width, (int)g_utf8_strlen(name, -1));
    }
    search->features = feature_spec_features(spec);
    return TRUE;
}

static gboolean run(Search *search, GError **error)
{
    const Options *o = search->options;
    const FeatureSpec *spec = cache_feature_spec(search->cache);
    const ImagesOwner owner = {o->images.source, "made", spec};
    g_autoptr(Weights) weights = NULL;
    if (!images_weights(o->models.weights, &owner, 1, &weights, error))
        return FALSE;
    g_autoptr(Pipeline) pipeline = images_pipeline(spec, weights, (guint)o->common.threads, error);
    if (!pipeline)
        return FALSE;
    search->images.spec = spec;
    search->vectors = g_new(float, MIN(search->list->items->len, COSINES_BLOCK) * search->features);
    return images_run(pipeline, "Looking at images", search->list, take_vector, search, error) &&
           answer(search, error) &&
           (!o->neighbours || output_file_write(o->neighbours, search->csv->str, search->csv->len, error)) &&
           (!o->sheet || write_sheet(search, error));
}

Status similar_images(const Options *options, GError **error)
{
    Search search = {.options = options, .k = (guint)options->similar};
    g_autoptr(Dataset) list = images_list((const char *const *)options->inputs, error);
    gboolean done = list != NULL;
    if (done && list->items->len == 0)
        done = error_set(error, "nothing to compare: the folder or list contains no images");
    g_autoptr(ThreadPool) thread_pool = NULL;
    if (done && (done = open_cache(&search, error))) {
        thread_pool = thread_pool_new((guint)options->common.threads);
        search.cosines = cosines_new(&search.cache, 1, thread_pool);
        search.list = list;
        search.csv = g_string_new("image,rank,path,class,similarity\n");
        search.sheet = contact_sheet_new("The images most similar to each image", options->images.folder,
                                         sheet_columns(&search));
        done = run(&search, error);
        g_string_free(search.csv, TRUE);
        contact_sheet_free(search.sheet);
    }
    for (guint q = 0; q < COSINES_BLOCK; q++)
        g_free(search.queries[q].nearest);
    g_free(search.vectors);
    cosines_free(search.cosines);
    cache_close(search.cache);
    return !done ? STATUS_FAILED : search.skipped ? STATUS_SKIPPED : STATUS_DONE;
}
