/* verify: extract --verify; see actions.h. */
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/floats.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "extract/actions.h"

#include <stdio.h>
#include <string.h>

/* Without a review, an image belongs to the class whose folder it is in, unless a table says otherwise; what was imported
 * may have any path. */
static gboolean class_fits(const Cache *cache, const CacheItem *item)
{
    CacheLabel label = cache_label_unreviewed(item->given);
    gsize size = strlen(label.class_name);
    return feature_spec_is_imported(cache->spec) || label.tabled ||
           (strncmp(item->path, label.class_name, size) == 0 && item->path[size] == '/');
}

/* NULL if the item is intact. */
static const char *problem_of(Cache *cache, guint index, float *buffer)
{
    g_autoptr(GError) error = NULL;
    const float *features = cache_features(cache, index, buffer, &error);
    if (!features)
        return g_error_matches(error, VGGCACHE_ERROR, VGGCACHE_ERROR_UNSOUND)
                   ? "its features cannot be unpacked, though its checksum holds"
                   : "its record does not match its checksum";
    if (!class_fits(cache, cache_item(cache, index)))
        return "its class differs from the folder it is in";
    gsize n = feature_spec_features(cache->spec);
    return floats_finite(features, n) == n ? NULL : "its features are not finite";
}

Status extract_verify(const Options *options, GError **error)
{
    g_autoptr(Cache) cache = cache_open(options->arguments[0], error); /* checks everything but the records */
    if (!cache)
        return STATUS_FAILED;
    guint n = cache->all, wrong = 0;
    g_autofree float *buffer = g_new(float, feature_spec_features(cache->spec));
    Progress *progress = progress_new("Verifying", n, "items");
    for (guint i = 0; i < n && !interrupted(); i++, progress_tick(progress, 1)) {
        const char *problem = problem_of(cache, i, buffer);
        if (problem) {
            g_autofree char *path = cli_printable(cache_item(cache, i)->path);
            printf("%s: %s\n", path, problem);
            wrong++;
        }
        cache_forget(cache, i);
    }
    progress_free(progress);
    if (interrupted())
        error_set(error, "interrupted before %s was read completely", cache->path);
    else if (wrong)
        error_set(error, "%u of %u items in %s are damaged: run extract%s again to %s them", wrong, n,
                  cache->path, feature_spec_is_imported(cache->spec) ? " --import" : "",
                  feature_spec_is_imported(cache->spec) ? "replace" : "recompute");
    else
        printf("%u %s and %u skipped %s, all intact\n", n, plural(n, "item", "items"), cache->skipped->len,
               plural(cache->skipped->len, "input", "inputs"));
    return *error ? STATUS_FAILED : STATUS_DONE;
}
