/* similar: see similar.h. */
#include "evaluate/prediction/similar.h"

#include "common/cache/cosines.h"
#include "common/cli/cli.h"
#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/plot/contact_sheet.h"
#include "evaluate/metrics/evaluation.h"
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
    Neighbour *nearest; /* (K), the most similar first; borrowed */
    guint found;
    const char *itself; /* the cache's image with its content; NULL: none has it */
} Query;

typedef struct {
    PipelineImages images; /* first */
    const Options *options;
    Cache *cache;
    Cosines *cosines;
    guint k;
    gsize features;     /* D */
    float *vectors;     /* (COSINES_BLOCK, D), of the queries that wait for a scan */
    Neighbour *nearest; /* (COSINES_BLOCK, K + 1), theirs */
    Query queries[COSINES_BLOCK];
    guint waiting, skipped;
    int class_width; /* characters of the longest class's name */
    GString *csv;    /* NULL: not asked for, as the sheet */
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

/* Rows of a query: of as equal length as there can be. */
static guint sheet_columns(guint k)
{
    guint images = k + 1, rows = (images + SHEET_COLUMNS - 1) / SHEET_COLUMNS;
    return MAX((images + rows - 1) / rows, SHEET_MIN_COLUMNS);
}

/* Prints a query with its neighbours, and adds them to the table and the sheet that are asked for. */
static gboolean put(const Search *search, const Query *query, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *path = cli_printable(query->path), *base = g_path_get_basename(query->path);
    g_autofree char *itself = query->itself ? cli_printable(query->itself) : NULL;
    g_string_printf(text, "%s%s%s", path, itself ? ", in the cache as " : "", itself ? itself : "");
    if (search->sheet)
        contact_sheet_add(search->sheet, query->path, base,
                          itself ? "is in the cache itself" : "most similar:", SHEET_FRAME);
    for (guint i = 0; i < query->found; i++) {
        const CacheItem *item = cache_item(search->cache, query->nearest[i].item);
        const char *class = cache_class(search->cache, item->label);
        double similarity = (double)query->nearest[i].similarity;
        g_autofree char *name = cli_printable(class), *there = cli_printable(item->path);
        int blanks = search->class_width - (int)g_utf8_strlen(name, -1);
        g_string_append_printf(text, "\n  %.4f  %s%*s  %s", similarity, name, MAX(blanks, 0), "", there);
        if (search->csv) {
            csv_append(search->csv, query->path);
            g_string_append_printf(search->csv, ",%u", i + 1);
            csv_append(search->csv, item->path);
            csv_append(search->csv, class);
            g_string_append_printf(search->csv, ",%.6f\n", similarity);
        }
        g_autofree char *caption = g_strdup_printf("%.4f %s", similarity, class);
        if (search->sheet)
            contact_sheet_add(search->sheet, item->path, caption, NULL, 0);
    }
    if (search->sheet)
        contact_sheet_end_row(search->sheet);
    return cli_print(text->str, error);
}

/* ---- From images to output ---- */

/* Finds and prints the neighbours of the waiting queries. */
static gboolean answer(Search *search, GError **error)
{
    if (!search->waiting)
        return TRUE;
    if (!cosines_scan(search->cosines, search->vectors, search->waiting, 0, take_cosines, search, error))
        return FALSE;
    for (guint q = 0; q < search->waiting; q++)
        if (!put(search, search->queries + q, error))
            return FALSE;
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
    *query = (Query){.path = path, .nearest = search->nearest + (gsize)search->waiting * (search->k + 1)};
    memcpy(query->hash, hash, CACHE_HASH);
    cosines_normalize(features, search->features, search->vectors + search->waiting * search->features);
    return ++search->waiting < COSINES_BLOCK || answer(search, error);
}

static Cache *open_cache(const Options *o, GError **error)
{
    g_autoptr(Cache) cache = images_cache(&o->images, TRUE, error);
    if (!cache)
        return NULL;
    guint n = cache->images;
    const FeatureSpec *spec = cache->spec;
    if (n == 0)
        return error_null(error, "%s: the cache is empty; run extract first", o->images.source);
    if (feature_spec_is_imported(spec))
        return error_null(error,
                          "%s: its features were imported (made by %s) and cannot be computed from images "
                          "here; extract --duplicates compares caches",
                          o->images.source, spec->weights_source);
    if (o->similar > n)
        return error_null(error, "%s: has %u %s, but --similar asks for %u", o->images.source, n,
                          plural(n, "image", "images"), (guint)o->similar);
    return g_steal_pointer(&cache);
}

static int widest_class(const Cache *cache)
{
    int width = 0;
    for (guint c = 0; c < cache->classes->len; c++) {
        g_autofree char *name = cli_printable(cache_class(cache, (int)c));
        width = MAX(width, (int)g_utf8_strlen(name, -1));
    }
    return width;
}

static gboolean run(Search *search, const ThreadPool *thread_pool, const Dataset *list, GError **error)
{
    const Options *o = search->options;
    const FeatureSpec *spec = search->images.spec;
    const ImagesOwner owner = {o->images.source, "made", spec};
    g_autoptr(Weights) weights = NULL;
    if (!images_weights(o->models.weights, &owner, 1, &weights, error))
        return FALSE;
    g_autoptr(Pipeline) pipeline = images_pipeline(spec, weights, thread_pool, error);
    guint waiting = MIN(list->items->len, COSINES_BLOCK), missing = 0;
    g_autofree float *vectors = g_new(float, waiting * search->features);
    g_autofree Neighbour *nearest = g_new(Neighbour, (gsize)waiting * (search->k + 1));
    search->vectors = vectors;
    search->nearest = nearest;
    gboolean done =
        pipeline && images_run(pipeline, "Looking at images", list, take_vector, search, error) &&
        answer(search, error) &&
        (!search->csv || output_file_write(o->neighbours, search->csv->str, search->csv->len, error)) &&
        (!search->sheet || contact_sheet_write(search->sheet, o->sheet, &missing, error));
    search->skipped += missing;
    return done;
}

Status similar_images(const Options *options, GError **error)
{
    g_autoptr(Dataset) list = images_list((const char *const *)options->inputs, error);
    if (!list ||
        (!list->items->len && !error_set(error, "nothing to compare: the folder or list contains no images")))
        return STATUS_FAILED;
    g_autoptr(Cache) cache = open_cache(options, error);
    if (!cache)
        return STATUS_FAILED;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)options->common.threads);
    g_autoptr(Cosines) cosines = cosines_new(&cache, 1, thread_pool);
    g_autoptr(GString) csv = g_string_new("image,rank,path,class,similarity\n");
    g_autoptr(ContactSheet) sheet =
        contact_sheet_new("The images most similar to each image", options->images.folder,
                          sheet_columns((guint)options->similar));
    Search search = {.images.spec = cache->spec,
                     .options = options,
                     .cache = cache,
                     .cosines = cosines,
                     .k = (guint)options->similar,
                     .features = feature_spec_features(cache->spec),
                     .class_width = widest_class(cache),
                     .csv = options->neighbours ? csv : NULL,
                     .sheet = options->sheet ? sheet : NULL};
    return !run(&search, thread_pool, list, error) ? STATUS_FAILED
           : search.skipped                        ? STATUS_SKIPPED
                                                   : STATUS_DONE;
}
