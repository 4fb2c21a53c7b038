/* duplicates: groups of images with the same content (SHA-256) or nearly the same (cosine similarity of the features), in
 * one cache or in two (alike.h). Augmented copies are left out. */
#include "common/cache/alike.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/image/image_file.h"
#include "common/plot/contact_sheet.h"
#include "extract/actions.h"

#include <stdio.h>

enum { CACHES = 2 };

typedef struct {
    Cache *caches[CACHES];
    guint given;  /* caches */
    Alike *alike; /* of the images of all */
} Search;

static gint by_group(gconstpointer a, gconstpointer b, gpointer first)
{
    guint group = ((const guint *)first)[*(const guint *)a],
          other = ((const guint *)first)[*(const guint *)b];
    return group < other ? -1 : group > other;
}

/* The images of all groups (guint), group after group, as GLib's sorting is stable. */
static GArray *grouped(const Alike *alike)
{
    g_autofree guint *sizes = g_new0(guint, alike->n + 1);
    GArray *images = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; i < alike->n; i++)
        sizes[alike->first[i]]++;
    for (guint i = 0; i < alike->n; i++)
        if (sizes[alike->first[i]] > 1)
            g_array_append_val(images, i);
    g_array_sort_with_data(images, by_group, alike->first);
    return images;
}

static char *describe(const Alike *alike, guint image)
{
    return alike->same[image] ? g_strdup("same content")
                              : g_strdup_printf("similarity %.4f", (double)alike->similarity[image]);
}

static void print_groups(const Search *search, const GArray *images)
{
    const Alike *alike = search->alike;
    guint groups = 0, same = 0, shared = 0;
    for (guint k = 0; k < images->len; k++) {
        guint image = g_array_index(images, guint, k), root = alike->first[image];
        gboolean first = !k || alike->first[g_array_index(images, guint, k - 1)] != root;
        gboolean last = k + 1 == images->len || alike->first[g_array_index(images, guint, k + 1)] != root;
        guint index, other;
        const Cache *its = cosines_cache(search->caches, image, &index);
        g_autofree char *path = cli_printable(cache_item(its, index)->path), *how = describe(alike, image);
        g_autofree char *cache = cli_printable(its->path);
        if (first)
            printf("%sgroup %u\n", groups ? "\n" : "", groups + 1);
        groups += first;
        same += alike->same[image];
        shared += last && its != cosines_cache(search->caches, root, &other);
        printf("  %-16s  %s%s%s\n", how, search->given > 1 ? cache : "", search->given > 1 ? ": " : "", path);
    }
    printf("%s%u of %u %s are in %u %s: %u have the same content as another one, %u are only similar (cosine "
           ">= %g)\n",
           groups ? "\n" : "", images->len, alike->n, plural(alike->n, "image", "images"), groups,
           plural(groups, "group", "groups"), same, images->len - same, (double)alike->threshold);
    if (search->given > 1)
        printf("%u %s images of both caches\n", shared, plural(shared, "group has", "groups have"));
}

static gboolean draw_groups(Search *search, const GArray *images, const Options *options, GError **error)
{
    static const guint32 frames[] = {0x0072b2, 0xd55e00};
    g_autoptr(ContactSheet) sheet =
        contact_sheet_new("Identical and nearly identical images", options->images, 0);
    guint group = 0, before = G_MAXUINT;
    for (guint k = 0; k < images->len; k++) {
        guint image = g_array_index(images, guint, k), root = search->alike->first[image], index;
        const Cache *cache = cosines_cache(search->caches, image, &index);
        g_autofree char *how = describe(search->alike, image);
        group += root != before;
        before = root;
        g_autofree char *caption = g_strdup_printf("%u: %s", group, how);
        contact_sheet_add(sheet, cache_item(cache, index)->path, caption, NULL, frames[group % 2]);
    }
    return contact_sheet_write(sheet, options->sheet, NULL, error);
}

static gboolean open_caches(Search *search, char **paths, GError **error)
{
    for (; paths[search->given]; search->given++) {
        Cache *cache = search->caches[search->given] = cache_open(paths[search->given], error);
        if (!cache)
            return FALSE;
        cache_take_unlabelled(cache);
    }
    const FeatureSpec *spec = search->caches[0]->spec;
    g_autofree char *difference =
        search->given > 1 ? feature_spec_difference(search->caches[1]->spec, spec) : NULL;
    return !difference ||
           error_set(error, "%s cannot be compared with %s: %s", paths[1], paths[0], difference);
}

Status extract_duplicates(const Options *options, GError **error)
{
    Search search = {0};
    if (options->sheet && !image_file_startup("extract", error)) /* before threads start */
        return STATUS_FAILED;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)options->common.threads);
    gboolean done =
        open_caches(&search, options->arguments, error) &&
        (search.alike = alike_find(search.caches, search.given, options->similarity, thread_pool, error));
    if (done) {
        g_autoptr(GArray) images = grouped(search.alike);
        print_groups(&search, images);
        done = !options->sheet || draw_groups(&search, images, options, error);
    }
    alike_free(search.alike);
    for (guint c = 0; c < search.given; c++)
        cache_close(search.caches[c]);
    return done ? STATUS_DONE : STATUS_FAILED;
}
