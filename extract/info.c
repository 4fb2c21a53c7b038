/* info: extract --info; see actions.h. */
#include "common/arithmetic/conv.h"
#include "common/cache/cache.h"
#include "common/cli/choice.h"
#include "common/cli/cli.h"
#include "extract/actions.h"

#include <stdio.h>
#include <sys/stat.h>

enum { INFO_VERSION = 1 /* of schema/info.json */ };

static guint64 file_size(const char *folder)
{
    g_autofree char *file = g_build_filename(folder, "data.mdb", NULL);
    struct stat status;
    return stat(file, &status) ? 0 : (guint64)status.st_size;
}

/* Items of each label. */
static guint *count_classes(const Cache *cache)
{
    guint *counts = g_new0(guint, cache->classes->len + 1);
    for (guint i = 0; i < cache->images; i++)
        counts[cache_item(cache, i)->label]++;
    return counts;
}

/* The space that the features of all items take. */
typedef struct {
    double bytes;         /* per item, on average */
    double share_of_full; /* if stored as float32 */
    double zeros;         /* share of features that are zero; -1 if there are no items */
} Stored;

static Stored measure_stored(const Cache *cache)
{
    guint n = cache->all;
    double bytes = 0, nonzeros = 0, features = (double)feature_spec_features(cache->spec);
    for (guint i = 0; i < n; i++) {
        guint count;
        bytes += (double)cache_stored(cache, i, &count);
        nonzeros += count;
    }
    return (Stored){bytes / MAX(n, 1), bytes / MAX(n, 1) / (features * sizeof(float)),
                    n ? 1 - nonzeros / (n * features) : -1};
}

static void print_stored(const Cache *cache)
{
    Stored stored = measure_stored(cache);
    printf("Store    %s, %.0f bytes per image (%.3f of float32)", cache_store_name(cache->catalog->store),
           stored.bytes, stored.share_of_full);
    if (stored.zeros >= 0)
        printf(", %.1f %% of the features are zero", 100 * stored.zeros);
    putchar('\n');
}

/* The convolutions one after the other that have the same tile in one word, and what rounding does to the features. */
static void print_tiles(const FeatureSpec *spec)
{
    int m[VGG16_CONVS], last;
    const char *names[VGG16_CONVS];
    feature_spec_tiles(spec, m);
    for (int layer = 0; layer < VGG16_LAYERS; layer++)
        if (vgg16_layers[layer].conv >= 0)
            names[vgg16_layers[layer].conv] = vgg16_layers[layer].name;
    for (int first = 0; first < VGG16_CONVS && m[first]; first = last + 1) {
        for (last = first; last + 1 < VGG16_CONVS && m[last + 1] == m[first];)
            last++;
        printf("%s%s%s%s %s", first ? ", " : "Tiles    ", names[first], last > first ? " to " : "",
               last > first ? names[last] : "", conv_tile_name(m[first]));
    }
    if (spec->tiles.error > 0)
        printf("\nRounding %.1e of the features, measured with these weights against double precision\n",
               spec->tiles.error);
    else
        puts("\nRounding not measured: made before tiles were chosen by the weights");
}

/* How an image became a vector. */
static void print_feature_spec(const Cache *cache, const FeatureSpec *spec)
{
    g_autofree char *layer = feature_spec_output(spec);
    printf("Vector   %s, %dx%dx%d = %" G_GSIZE_FORMAT " float32\n", layer, spec->shape[0], spec->shape[1],
           spec->shape[2], feature_spec_features(spec));
    print_stored(cache);
    g_autofree char *source = cli_printable(spec->weights_source);
    if (feature_spec_is_imported(spec)) {
        printf("Made by  %s\n", source);
        return;
    }
    printf("Images   %dx%d, preset %s, fit %s, normalisation %s\n", spec->side, spec->side,
           preset_name(spec->preset), spec->preset == PRESET_TORCHVISION ? "crop" : fit_name(spec->fit),
           normalization_name(spec->normalization));
    printf("Metadata EXIF's orientation and colour profiles are %s\n", spec->metadata ? "heeded" : "ignored");
    if (!spec->weights_hash[0])
        return;
    printf("Weights  %s, SHA-256 %s\n", source, spec->weights_hash);
    print_tiles(spec);
}

static guint count_groups(const Cache *cache)
{
    g_autoptr(GHashTable) groups = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < cache->all; i++)
        if (cache_item(cache, i)->given.group)
            g_hash_table_add(groups, (gpointer)cache_item(cache, i)->given.group);
    return g_hash_table_size(groups);
}

/* What reviews decided, and the items that have no label. */
typedef struct {
    guint actions[LABELS_EXCLUDE + 1]; /* images */
    guint unlabelled;
} Decided;

static gboolean is_reviewed(const CacheItem *item)
{
    return item->given.before && !item->copy;
}

static Decided count_decided(const Cache *cache)
{
    Decided decided = {0};
    for (guint i = 0; i < cache->all; i++) {
        const CacheItem *item = cache_item(cache, i);
        if (is_reviewed(item))
            decided.actions[cache_label_action(&item->given)]++;
        decided.unlabelled += item->label < 0 && !item->given.excluded;
    }
    return decided;
}

static json_t *decisions_json(const Cache *cache)
{
    json_t *decisions = json_array();
    for (guint i = 0; i < cache->all; i++) {
        const CacheItem *item = cache_item(cache, i);
        if (is_reviewed(item))
            json_array_append_new(
                decisions,
                json_pack("{s:o, s:s, s:o, s:o}", "path", cli_json(item->path), "action",
                          choice_name(LABELS_ACTIONS, (int)cache_label_action(&item->given)), "label",
                          cli_json(item->given.class_name), "before", cli_json(item->given.before)));
    }
    return decisions;
}

static void print_text(const Cache *cache)
{
    const FeatureSpec *spec = cache->spec;
    g_autofree guint *counts = count_classes(cache);
    g_autofree char *size = g_format_size_full(file_size(cache->path), G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *path = cli_printable(cache->path), *program = cli_printable(cache->catalog->program);
    printf("Cache    %s, %s, made by %s\n", path, size, program);
    printf("Items    %u of %u classes, %u skipped\n", cache->images, cache->classes->len,
           cache->skipped->len);
    CacheShard shard = cache->catalog->shard;
    if (shard.count)
        printf("Shard    %u/%u\n", shard.index, shard.count);
    Decided decided = count_decided(cache);
    if (decided.unlabelled)
        printf("Unlabelled %u, which training leaves out\n", decided.unlabelled);
    guint kept = decided.actions[LABELS_KEEP], relabelled = decided.actions[LABELS_RELABEL],
          excluded = decided.actions[LABELS_EXCLUDE];
    if (kept + relabelled + excluded)
        printf("Review   %u kept, %u relabelled, %u excluded, which training leaves out\n", kept, relabelled,
               excluded);
    if (count_groups(cache))
        printf("Groups   %u\n", count_groups(cache));
    if (*cache->catalog->passed) {
        g_autofree char *passed = cli_printable(cache->catalog->passed);
        printf("Passed   over: %s\n", passed);
    }
    if (cache->total > cache->images)
        printf("Copies   %u, augmented\n", cache->total - cache->images);
    print_feature_spec(cache, spec);
    printf("\n%8s  class\n", "items");
    for (guint label = 0; label < cache->classes->len; label++) {
        g_autofree char *name = cli_printable(cache_class(cache, (int)label));
        printf("%8u  %s\n", counts[label], name);
    }
    for (guint i = 0; i < cache->skipped->len; i++) {
        CacheSkipped skipped = cache_skipped(cache, i);
        g_autofree char *name = cli_printable(skipped.path), *reason = cli_printable(skipped.reason);
        printf("%sskipped %s: %s\n", i ? "" : "\n", name, reason);
    }
}

static void print_json(const Cache *cache)
{
    const FeatureSpec *spec = cache->spec;
    g_autofree guint *counts = count_classes(cache);
    json_t *classes = json_array(), *skipped = json_array();
    CacheShard shard = cache->catalog->shard;
    Stored stored = measure_stored(cache);
    for (guint label = 0; label < cache->classes->len; label++)
        json_array_append_new(classes,
                              json_pack("{s:o, s:i}", "name", cli_json(cache_class(cache, (int)label)),
                                        "items", (int)counts[label]));
    for (guint i = 0; i < cache->skipped->len; i++)
        json_array_append_new(skipped, json_pack("{s:o, s:o}", "path", cli_json(cache_skipped(cache, i).path),
                                                 "reason", cli_json(cache_skipped(cache, i).reason)));
    json_t *object = json_pack(
        "{s:i, s:o, s:s, s:I, s:i, s:i, s:I, s:o, s:o, s:o, s:o, s:i, s:o, s:i, s:o, s:s, s:f, s:o}",
        "version", INFO_VERSION, "cache", cli_json(cache->path), "program", cache->catalog->program, "bytes",
        (json_int_t)file_size(cache->path), "items", (int)cache->images, "copies",
        (int)(cache->total - cache->images), "features", (json_int_t)feature_spec_features(spec), "recipe",
        feature_spec_to_json(spec), "classes", classes, "skipped", skipped, "shard",
        shard.count ? json_pack("[i, i]", (int)shard.index, (int)shard.count) : json_null(), "unlabelled",
        (int)count_decided(cache).unlabelled, "decisions", decisions_json(cache), "groups",
        (int)count_groups(cache), "passed_over", cli_json(cache->catalog->passed), "store",
        cache_store_name(cache->catalog->store), "bytes_an_image", stored.bytes, "zeros",
        stored.zeros >= 0 ? json_real(stored.zeros) : json_null());
    char *text = json_dumps(object, JSON_INDENT(2));
    puts(text);
    free(text);
    json_decref(object);
}

Status extract_info(const Options *options, GError **error)
{
    g_autoptr(Cache) cache = cache_open(options->arguments[0], error);
    if (!cache)
        return STATUS_FAILED;
    if (options->json)
        print_json(cache);
    else
        print_text(cache);
    return STATUS_DONE;
}
