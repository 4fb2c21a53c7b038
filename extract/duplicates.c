/* duplicates: groups of images with the same content (SHA-256) or nearly the same (cosine similarity of the features), in
 * one cache or in two. Exact: every pair is compared (cosines.h). Augmented copies are left out. */
#include "extract/duplicates.h"
#include "common/cache/cosines.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/image/image_file.h"
#include "common/plot/contact_sheet.h"
#include "extract/actions.h"

#include <stdio.h>

enum { CACHES = 2 };

typedef struct {
    Cache *caches[CACHES];
    guint given, first; /* caches; images of the first one, numbered before those of the second */
    Cosines *cosines;   /* of all images */
    guint n;            /* N, of all caches */
    float threshold;
    guint *parent;     /* (N): the groups found so far, as a forest; a root is the smallest of its group */
    float *similarity; /* (N): cosine to the most similar other image if it reaches the threshold, else 0 */
    gboolean *same;    /* (N): another image has the same content */
    guint row;         /* the first of the images that the others are compared with */
} Search;

static const CacheItem *item_of(const Search *search, guint image)
{
    return cosines_item(search->cosines, image);
}

/* ---- Groups ---- */

static guint root_of(Search *search, guint image)
{
    while (search->parent[image] != image)
        image = search->parent[image] = search->parent[search->parent[image]];
    return image;
}

static void join(Search *search, guint a, guint b)
{
    a = root_of(search, a), b = root_of(search, b);
    search->parent[MAX(a, b)] = MIN(a, b);
}

static void join_same_content(Search *search)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
    for (guint i = 0; i < search->n; i++) {
        gpointer first;
        GBytes *hash = g_bytes_new_static(item_of(search, i)->hash, CACHE_HASH);
        if (g_hash_table_lookup_extended(seen, hash, NULL, &first)) {
            join(search, GPOINTER_TO_UINT(first), i);
            search->same[i] = search->same[GPOINTER_TO_UINT(first)] = TRUE;
            g_bytes_unref(hash);
        } else
            g_hash_table_insert(seen, hash, GUINT_TO_POINTER(i));
    }
}

/* ---- Similarity ---- */

static guint block_rows(const Search *search)
{
    return MIN(COSINES_BLOCK, search->n - search->row);
}

static void note_pairs(guint first, guint count, const float *cosines, gpointer user)
{
    Search *search = user;
    for (guint r = 0; r < block_rows(search); r++)
        for (guint c = 0; c < count; c++) {
            guint i = search->row + r, j = first + c;
            float cosine = cosines[r * COSINES_BLOCK + c];
            if (j <= i || cosine < search->threshold)
                continue;
            join(search, i, j);
            search->similarity[i] = MAX(search->similarity[i], cosine);
            search->similarity[j] = MAX(search->similarity[j], cosine);
        }
}

static gboolean join_similar(Search *search, GError **error)
{
    gsize features = feature_spec_features(cache_feature_spec(search->caches[0]));
    g_autofree float *vectors = g_new(float, COSINES_BLOCK *features);
    g_autoptr(Progress) progress = progress_new("Comparing", search->n, "images");
    for (search->row = 0; search->row < search->n; search->row += COSINES_BLOCK) {
        if (!cosines_vectors(search->cosines, search->row, block_rows(search), vectors, error) ||
            !cosines_scan(search->cosines, vectors, block_rows(search), search->row, note_pairs, search,
                          error))
            return FALSE;
        progress_tick(progress, block_rows(search));
    }
    return TRUE;
}

/* ---- What was found ---- */

/* The images of all groups (guint), group after group. */
static GArray *grouped(Search *search)
{
    g_autofree guint *sizes = g_new0(guint, search->n), *places = g_new0(guint, search->n);
    guint total = 0;
    for (guint i = 0; i < search->n; i++)
        sizes[root_of(search, i)]++;
    for (guint i = 0; i < search->n; i++)
        if (sizes[i] > 1) {
            places[i] = total;
            total += sizes[i];
        }
    GArray *images = g_array_set_size(g_array_new(FALSE, FALSE, sizeof(guint)), total);
    for (guint i = 0; i < search->n; i++) {
        guint root = root_of(search, i);
        if (sizes[root] > 1)
            g_array_index(images, guint, places[root]++) = i;
    }
    return images;
}

static char *describe(const Search *search, guint image)
{
    return search->same[image] ? g_strdup("same content")
                               : g_strdup_printf("similarity %.4f", (double)search->similarity[image]);
}

static void print_groups(Search *search, const GArray *images)
{
    guint groups = 0, same = 0, shared = 0;
    for (guint k = 0; k < images->len; k++) {
        guint image = g_array_index(images, guint, k), root = root_of(search, image), index;
        gboolean first = !k || root_of(search, g_array_index(images, guint, k - 1)) != root;
        gboolean last = k + 1 == images->len || root_of(search, g_array_index(images, guint, k + 1)) != root;
        g_autofree char *path = cli_printable(item_of(search, image)->path), *how = describe(search, image);
        g_autofree char *cache = cli_printable(cache_path(cosines_cache(search->cosines, image, &index)));
        if (first)
            printf("%sgroup %u\n", groups ? "\n" : "", groups + 1);
        groups += first;
        same += search->same[image];
        shared += last && root < search->first && image >= search->first;
        printf("  %-16s  %s%s%s\n", how, search->given > 1 ? cache : "", search->given > 1 ? ": " : "", path);
    }
    printf("%s%u of %u %s are in %u %s: %u have the same content as another one, %u are only similar (cosine "
           ">= %g)\n",
           groups ? "\n" : "", images->len, search->n, plural(search->n, "image", "images"), groups,
           plural(groups, "group", "groups"), same, images->len - same, (double)search->threshold);
    if (search->given > 1)
        printf("%u %s images of both caches\n", shared, plural(shared, "group has", "groups have"));
}

static gboolean draw_groups(Search *search, const GArray *images, const Options *options, GError **error)
{
    static const guint32 frames[] = {0x0072b2, 0xd55e00};
    g_autofree ContactImage *shown = g_new0(ContactImage, images->len + 1);
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    guint missing, group = 0, before = G_MAXUINT;
    for (guint k = 0; k < images->len; k++) {
        guint image = g_array_index(images, guint, k), root = root_of(search, image);
        const char *path = item_of(search, image)->path;
        char *file = g_build_filename(options->images, path, NULL), *how = describe(search, image);
        group += root != before;
        before = root;
        char *caption = g_strdup_printf("%u: %s", group, how);
        g_ptr_array_add(texts, file);
        g_ptr_array_add(texts, how);
        g_ptr_array_add(texts, caption);
        shown[k] = (ContactImage){file, caption, path, frames[group % 2]};
    }
    if (!contact_sheet_write(options->sheet, "Identical and nearly identical images", shown, images->len, 0,
                             &missing, error))
        return FALSE;
    if (missing)
        cli_warn("%u of the images could not be read below %s and are left blank in %s", missing,
                 options->images, options->sheet);
    return TRUE;
}

static gboolean open_caches(Search *search, char **paths, GError **error)
{
    for (; paths[search->given]; search->given++) {
        Cache *cache = search->caches[search->given] = cache_open(paths[search->given], error);
        if (!cache)
            return FALSE;
        cache_take_unlabelled(cache);
        search->n += cache_count(cache);
        if (!search->given)
            search->first = cache_count(cache);
    }
    const FeatureSpec *spec = cache_feature_spec(search->caches[0]);
    g_autofree char *difference =
        search->given > 1 ? feature_spec_difference(cache_feature_spec(search->caches[1]), spec) : NULL;
    return !difference ||
           error_set(error, "%s cannot be compared with %s: %s", paths[1], paths[0], difference);
}

/* similarity 0: cosines_alike. */
static gboolean search_run(Search *search, double similarity, guint threads, GError **error)
{
    search->threshold =
        (float)(similarity > 0 ? similarity : cosines_alike(cache_feature_spec(search->caches[0])));
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    search->cosines = cosines_new(search->caches, search->given, thread_pool);
    search->parent = g_new(guint, search->n + 1);
    search->similarity = g_new0(float, search->n + 1);
    search->same = g_new0(gboolean, search->n + 1);
    for (guint i = 0; i < search->n; i++)
        search->parent[i] = i;
    join_same_content(search);
    return join_similar(search, error);
}

static void search_clear(Search *search)
{
    cosines_free(search->cosines);
    g_free(search->parent);
    g_free(search->similarity);
    g_free(search->same);
}

guint *duplicates_units(Cache *cache, double similarity, guint threads, GError **error)
{
    Search search = {.caches = {cache}, .given = 1, .n = cache_count(cache)};
    guint *units = search_run(&search, similarity, threads, error) ? g_new(guint, search.n + 1) : NULL;
    for (guint i = 0; units && i < search.n; i++)
        units[i] = root_of(&search, i);
    search_clear(&search);
    return units;
}

Status duplicates(const Options *options, GError **error)
{
    Search search = {0};
    if (options->sheet && !image_file_startup("extract", error)) /* before threads start */
        return STATUS_FAILED;
    gboolean done = open_caches(&search, options->arguments, error) &&
                    search_run(&search, options->similarity, (guint)options->common.threads, error);
    if (done) {
        g_autoptr(GArray) images = grouped(&search);
        print_groups(&search, images);
        done = !options->sheet || draw_groups(&search, images, options, error);
    }
    search_clear(&search);
    for (guint c = 0; c < search.given; c++)
        cache_close(search.caches[c]);
    return done ? STATUS_DONE : STATUS_FAILED;
}
