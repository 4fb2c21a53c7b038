/* leakage: see leakage.h. */
#include "evaluate/questions/leakage.h"

#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/core/error.h"

#include <string.h>

/* Content hashes (GBytes) of the images trained on, to their paths; both borrowed from the cache. */
static GHashTable *hash_contents(const Cache *training)
{
    GHashTable *contents =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
    for (guint i = 0; i < cache_count(training); i++) {
        const CacheItem *item = cache_item(training, i);
        g_hash_table_insert(contents, g_bytes_new_static(item->hash, CACHE_HASH), (gpointer)item->path);
    }
    return contents;
}

/* For each example the path of the image trained on with its content, or NULL. NULL and error where the cache that was
 * evaluated no longer holds the same images. */
static const char **find_leaked(const Examples *examples, const Cache *test, GHashTable *contents,
                                GError **error)
{
    guint n = examples->paths->len;
    g_autofree const char **leaked = g_new0(const char *, n + 1);
    g_autoptr(GHashTable) items = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < cache_count(test); i++)
        g_hash_table_insert(items, (gpointer)cache_item(test, i)->path, (gpointer)cache_item(test, i));
    for (guint i = 0; i < n; i++) { /* the examples may be some of the items only */
        const CacheItem *item = g_hash_table_lookup(items, examples->paths->pdata[i]);
        if (!item) {
            error_set(error, "%s changed while it was evaluated: evaluate again", examples->source);
            return NULL;
        }
        g_autoptr(GBytes) hash = g_bytes_new_static(item->hash, CACHE_HASH);
        leaked[i] = g_hash_table_lookup(contents, hash);
    }
    return g_steal_pointer(&leaked);
}

static void append_accuracies(GString *text, const Comparison *comparison, const char *const *leaked,
                              guint count)
{
    guint n = comparison_count(comparison);
    const int *labels = examples_labels(comparison->examples);
    g_string_append(text, "accuracy  without them  95 % interval     model\n");
    for (guint m = 0; m < comparison->evaluations->len; m++) {
        const Evaluation *evaluation = comparison_model(comparison, m);
        guint right = 0;
        for (guint i = 0; i < n; i++)
            right += !leaked[i] && evaluation->predicted[i] == labels[i];
        g_autofree char *name = cli_printable(evaluation->name);
        Interval interval = metrics_wilson(right, n - count);
        if (count < n)
            g_string_append_printf(text, "%8.4f  %12.4f  %.4f to %.4f  %s\n", evaluation->accuracy,
                                   (double)right / (n - count), interval.low, interval.high, name);
        else
            g_string_append_printf(text, "%8.4f  none is left: nothing is known of new images  %s\n",
                                   evaluation->accuracy, name);
    }
}

gboolean leakage_text(GString *text, const Comparison *comparison, const char *training, GError **error)
{
    const Examples *examples = comparison->examples;
    guint n = examples->paths->len, count = 0;
    g_autoptr(Cache) test = cache_open(examples->source, error);
    g_autoptr(Cache) trained = test ? cache_open(training, error) : NULL;
    if (!trained)
        return FALSE;
    g_autoptr(GHashTable) contents = hash_contents(trained);
    g_autofree const char **leaked = find_leaked(examples, test, contents, error);
    if (!leaked)
        return FALSE;
    for (guint i = 0; i < n; i++)
        count += leaked[i] != NULL;
    g_autofree char *from = cli_printable(training);
    g_string_append_printf(text, "\n%u of %u test images have the content of an image in %s\n", count, n,
                           from);
    if (!count)
        return TRUE;
    append_accuracies(text, comparison, leaked, count);
    for (guint i = 0; i < n; i++)
        if (leaked[i]) {
            g_autofree char *path = cli_printable(examples->paths->pdata[i]),
                            *twin = cli_printable(leaked[i]);
            g_string_append_printf(text, "  %s is %s\n", path, twin);
        }
    return TRUE;
}
