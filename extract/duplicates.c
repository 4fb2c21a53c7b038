/* duplicates: groups of images with the same content (SHA-256) or nearly the same (cosine similarity of the features), in
 * one cache or in two. Exact: each pair is compared, in blocks of rows. Augmented copies are left out. */
#include "common/arithmetic/blas.h"
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/thread_pool.h"
#include "common/image/image_file.h"
#include "common/plot/contact_sheet.h"
#include "extract/actions.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 256 /* rows compared at a time: 26 MB of 25,088 features */, CACHES = 2 };

typedef struct {
    Cache *caches[CACHES];
    guint given, first; /* caches; images of the first one, numbered before those of the second */
    guint n, blocks;    /* N, of all caches */
    gsize features;     /* D */
    float threshold;
    guint *parent;     /* (N): the groups found so far, as a forest; a root is the smallest of its group */
    float *similarity; /* (N): to the most similar other image that reaches the threshold; 0: none does */
    gboolean *same;    /* (N): another image has the same content */
    guint row;         /* the block that the others are compared with */
    float *fixed;      /* (BLOCK, D): its rows, scaled to length 1 */
    float **loaded;    /* a worker: (BLOCK, D) */
    float **products;  /* a worker: (BLOCK, BLOCK) */
    GMutex lock;       /* of parent, similarity and error */
    GError *error;
} Search;

static Cache *cache_of(const Search *search, guint image, guint *index)
{
    gboolean second = image >= search->first;
    *index = second ? image - search->first : image;
    return search->caches[second];
}

static const CacheItem *item_of(const Search *search, guint image)
{
    guint index;
    Cache *cache = cache_of(search, image, &index);
    return cache_item(cache, index);
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

static guint block_rows(const Search *search, guint block)
{
    return MIN(BLOCK, search->n - block * BLOCK);
}

/* Rows of a block at length 1 into out (BLOCK, D); a row of zeros stays one, and is like no other. */
static gboolean load(const Search *search, guint block, float *out, GError **error)
{
    for (guint r = 0; r < block_rows(search, block); r++, out += search->features) {
        guint index;
        Cache *cache = cache_of(search, block * BLOCK + r, &index);
        const float *x = cache_features(cache, index, out, error);
        if (!x)
            return FALSE;
        if (x != out)
            memcpy(out, x, search->features * sizeof *out);
        double squares = 0;
        for (gsize j = 0; j < search->features; j++)
            squares += (double)out[j] * out[j];
        cblas_sscal((int)search->features, squares > 0 ? (float)(1 / sqrt(squares)) : 0, out, 1);
    }
    return TRUE;
}

static void note_pairs(Search *search, guint other, const float *products)
{
    for (guint r = 0; r < block_rows(search, search->row); r++)
        for (guint c = 0; c < block_rows(search, other); c++) {
            guint i = search->row * BLOCK + r, j = other * BLOCK + c;
            float cosine = products[r * BLOCK + c];
            if (j <= i || cosine < search->threshold)
                continue;
            join(search, i, j);
            search->similarity[i] = MAX(search->similarity[i], cosine);
            search->similarity[j] = MAX(search->similarity[j], cosine);
        }
}

static void compare(guint task, guint worker, gpointer data)
{
    Search *search = data;
    guint other = search->row + task;
    GError *error = NULL;
    const float *rows = search->fixed;
    if (interrupted())
        return;
    if (task) {
        rows = search->loaded[worker];
        if (!load(search, other, search->loaded[worker], &error)) {
            g_mutex_lock(&search->lock);
            if (search->error)
                g_error_free(error);
            else
                search->error = error;
            g_mutex_unlock(&search->lock);
            return;
        }
    }
    int d = (int)search->features;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)block_rows(search, search->row),
                (int)block_rows(search, other), d, 1, search->fixed, d, rows, d, 0, search->products[worker],
                BLOCK);
    g_mutex_lock(&search->lock);
    note_pairs(search, other, search->products[worker]);
    g_mutex_unlock(&search->lock);
}

static gboolean join_similar(Search *search, guint threads, GError **error)
{
    g_autoptr(ThreadPool) pool = thread_pool_new(threads);
    gsize size = BLOCK * search->features;
    search->fixed = g_new(float, size);
    search->loaded = g_new(float *, threads);
    search->products = g_new(float *, threads);
    for (guint t = 0; t < threads; t++) {
        search->loaded[t] = g_new(float, size);
        search->products[t] = g_new(float, BLOCK *BLOCK);
    }
    Progress *progress = progress_new("Comparing", search->n, "images");
    for (search->row = 0; search->row < search->blocks && !search->error && !interrupted(); search->row++) {
        if (load(search, search->row, search->fixed, &search->error))
            thread_pool_run(pool, search->blocks - search->row, compare, search);
        progress_tick(progress, block_rows(search, search->row));
    }
    progress_free(progress);
    for (guint t = 0; t < threads; t++) {
        g_free(search->loaded[t]);
        g_free(search->products[t]);
    }
    g_free(search->loaded);
    g_free(search->products);
    g_free(search->fixed);
    if (search->error)
        g_propagate_error(error, search->error);
    else if (interrupted())
        error_set(error, "interrupted before all images of %s were compared", cache_path(search->caches[0]));
    return !*error;
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
        g_autofree char *cache = cli_printable(cache_path(cache_of(search, image, &index)));
        if (first)
            printf("%sgroup %u\n", groups ? "\n" : "", groups + 1);
        groups += first;
        same += search->same[image];
        shared += last && root < search->first && image >= search->first;
        printf("  %-16s  %s%s%s\n", how, search->given > 1 ? cache : "", search->given > 1 ? ": " : "", path);
    }
    printf("%s%u of %u images are in %u group%s: %u have the content of another one, %u are only similar "
           "(cosine >= %g)\n",
           groups ? "\n" : "", images->len, search->n, groups, groups == 1 ? "" : "s", same,
           images->len - same, (double)search->threshold);
    if (search->given > 1)
        printf("%u group%s images of both caches\n", shared, shared == 1 ? " has" : "s have");
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
    if (!contact_sheet_write(options->sheet, "Images that are the same or nearly so", shown, images->len,
                             &missing, error))
        return FALSE;
    if (missing)
        cli_warn("%u of the images could not be read below %s and are empty on %s", missing, options->images,
                 options->sheet);
    return TRUE;
}

static gboolean open_caches(Search *search, char **paths, GError **error)
{
    for (; paths[search->given]; search->given++) {
        Cache *cache = search->caches[search->given] = cache_open(paths[search->given], error);
        if (!cache)
            return FALSE;
        search->n += cache_count(cache);
        if (!search->given)
            search->first = cache_count(cache);
    }
    const FeatureSpec *spec = cache_feature_spec(search->caches[0]);
    search->features = feature_spec_features(spec);
    search->blocks = (search->n + BLOCK - 1) / BLOCK;
    g_autofree char *difference =
        search->given > 1 ? feature_spec_difference(cache_feature_spec(search->caches[1]), spec) : NULL;
    return !difference ||
           error_set(error, "%s cannot be compared with %s: %s", paths[1], paths[0], difference);
}

Status duplicates(const Options *options, GError **error)
{
    Search search = {.threshold = (float)options->similarity};
    guint threads = (guint)options->common.threads;
    if (options->sheet && !image_file_startup("extract", error)) /* before threads start */
        return STATUS_FAILED;
    gboolean done = open_caches(&search, options->arguments, error);
    if (done) {
        blas_startup(threads);
        search.parent = g_new(guint, search.n);
        search.similarity = g_new0(float, search.n);
        search.same = g_new0(gboolean, search.n);
        for (guint i = 0; i < search.n; i++)
            search.parent[i] = i;
        join_same_content(&search);
        done = join_similar(&search, threads, error);
    }
    if (done) {
        g_autoptr(GArray) images = grouped(&search);
        print_groups(&search, images);
        done = !options->sheet || draw_groups(&search, images, options, error);
    }
    g_free(search.parent);
    g_free(search.similarity);
    g_free(search.same);
    for (guint c = 0; c < search.given; c++)
        cache_close(search.caches[c]);
    return done ? STATUS_DONE : STATUS_FAILED;
}
