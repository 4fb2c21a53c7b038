/* alike: see alike.h. */
#include "common/cache/alike.h"

#include "common/cli/progress.h"

typedef struct {
    Alike *alike; /* its `first` is a forest: a root is the smallest of its group */
    Cosines *cosines;
    guint row; /* the first of the images that the others are compared with */
} Search;

guint alike_first(Alike *alike, guint image)
{
    while (alike->first[image] != image)
        image = alike->first[image] = alike->first[alike->first[image]];
    return image;
}

void alike_join(Alike *alike, guint a, guint b)
{
    a = alike_first(alike, a), b = alike_first(alike, b);
    alike->first[MAX(a, b)] = MIN(a, b);
}

static void join_same_content(Alike *alike, const Cosines *cosines)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(sha256_hash, sha256_equal);
    for (guint i = 0; i < alike->n; i++) {
        gpointer first;
        gpointer hash = (gpointer)cosines_item(cosines, i)->hash;
        if (g_hash_table_lookup_extended(seen, hash, NULL, &first)) {
            alike_join(alike, GPOINTER_TO_UINT(first), i);
            alike->same[i] = alike->same[GPOINTER_TO_UINT(first)] = TRUE;
        } else
            g_hash_table_insert(seen, hash, GUINT_TO_POINTER(i));
    }
}

static guint block_rows(const Search *search)
{
    return MIN(COSINES_BLOCK, search->alike->n - search->row);
}

static void note_pairs(guint first, guint count, const float *cosines, gpointer user)
{
    Search *search = user;
    Alike *alike = search->alike;
    for (guint r = 0; r < block_rows(search); r++)
        for (guint c = 0; c < count; c++) {
            guint i = search->row + r, j = first + c;
            float cosine = cosines[r * COSINES_BLOCK + c];
            if (j <= i || cosine < alike->threshold)
                continue;
            alike_join(alike, i, j);
            alike->similarity[i] = MAX(alike->similarity[i], cosine);
            alike->similarity[j] = MAX(alike->similarity[j], cosine);
        }
}

static gboolean join_similar(Search *search, gsize features, GError **error)
{
    g_autofree float *vectors = g_new(float, COSINES_BLOCK *features);
    g_autoptr(Progress) progress = progress_new("Comparing", search->alike->n, "images");
    for (; search->row < search->alike->n; search->row += COSINES_BLOCK) {
        if (!cosines_vectors(search->cosines, search->row, block_rows(search), vectors, error) ||
            !cosines_scan(search->cosines, vectors, block_rows(search), search->row, note_pairs, search,
                          error))
            return FALSE;
        progress_tick(progress, block_rows(search));
    }
    return TRUE;
}

Alike *alike_find(Cache *const *caches, guint n_caches, double similarity, ThreadPool *thread_pool,
                  GError **error)
{
    const FeatureSpec *spec = caches[0]->spec;
    g_autoptr(Cosines) cosines = cosines_new(caches, n_caches, thread_pool);
    g_autoptr(Alike) alike = g_new0(Alike, 1);
    for (guint c = 0; c < n_caches; c++)
        alike->n += caches[c]->images;
    alike->threshold = (float)(similarity > 0 ? similarity : cosines_alike(spec));
    alike->first = g_new(guint, alike->n + 1);
    alike->similarity = g_new0(float, alike->n + 1);
    alike->same = g_new0(gboolean, alike->n + 1);
    for (guint i = 0; i < alike->n; i++)
        alike->first[i] = i;
    join_same_content(alike, cosines);
    Search search = {alike, cosines, 0};
    if (!join_similar(&search, feature_spec_features(spec), error))
        return NULL;
    for (guint i = 0; i < alike->n; i++)
        alike->first[i] = alike_first(alike, i);
    return g_steal_pointer(&alike);
}

void alike_free(Alike *alike)
{
    if (!alike)
        return;
    g_free(alike->first);
    g_free(alike->similarity);
    g_free(alike->same);
    g_free(alike);
}
