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

/* What is counted of all items. */
typedef struct {
    guint *of_class;                   /* images of each label */
    GHashTable *groups;                /* set of names */
    guint decided[LABELS_EXCLUDE + 1]; /* images, by what a review decided */
    guint unlabelled;
    double bytes; /* that features take, on average */
    double zeros; /* share of features that are zero; -1 if there are no items */
} Facts;

static void facts_clear(Facts *facts)
{
    g_free(facts->of_class);
    g_clear_pointer(&facts->groups, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Facts, facts_clear)

static gboolean is_reviewed(const CacheItem *item)
{
    return item->given.before && !item->copy;
}

static Facts count(const Cache *cache)
{
    guint n = cache->all, nonzeros;
    double all_nonzeros = 0, features = (double)feature_spec_features(cache->spec);
    Facts facts = {.of_class = g_new0(guint, cache->classes->len + 1),
                   .groups = g_hash_table_new(g_str_hash, g_str_equal)};
    for (guint i = 0; i < n; i++) {
        const CacheItem *item = cache_item(cache, i);
        facts.bytes += (double)cache_stored(cache, i, &nonzeros);
        all_nonzeros += nonzeros;
        if (i < cache->images)
            facts.of_class[item->label]++;
        if (item->given.group)
            g_hash_table_add(facts.groups, (gpointer)item->given.group);
        if (is_reviewed(item))
            facts.decided[cache_label_action(&item->given)]++;
        facts.unlabelled += item->label < 0 && !item->given.excluded;
    }
    facts.bytes /= MAX(n, 1);
    facts.zeros = n ? 1 - all_nonzeros / (n * features) : -1;
    return facts;
}

static void print_stored(const Cache *cache, const Facts *facts)
{
    double full = (double)feature_spec_features(cache->spec) * sizeof(float);
    printf("Store    %s, %.0f bytes per image (%.3f of float32)", cache_store_name(cache->catalog->store),
           facts->bytes, facts->bytes / full);
    if (facts->zeros >= 0)
        printf(", %.1f %% of the features are zero", 100 * facts->zeros);
    putchar('\n');
}

/* The convolutions one after the other that have the same tile in one word, and what rounding does to the features. */
static void print_tiles(const FeatureSpec *spec)
{
    int m[VGG16_CONVS];
    feature_spec_tiles(spec, m);
    for (int layer = 0; layer < VGG16_LAYERS; layer++) {
        const char *name = vgg16_layers[layer].name;
        int conv = vgg16_layers[layer].conv;
        if (conv < 0 || !m[conv])
            continue;
        gboolean first = conv == 0 || m[conv - 1] != m[conv];
        if (first)
            printf("%s%s", conv ? ", " : "Tiles    ", name);
        if (conv + 1 == VGG16_CONVS || m[conv + 1] != m[conv])
            printf("%s%s %s", first ? "" : " to ", first ? "" : name, conv_tile_name(m[conv]));
    }
    if (spec->tiles.error > 0)
        printf("\nRounding %.1e of the features, measured with these weights against double precision\n",
               spec->tiles.error);
    else
        puts("\nRounding not measured: made before tiles were chosen by the weights");
}

/* How an image became a vector. */
static void print_feature_spec(const Cache *cache, const Facts *facts)
{
    const FeatureSpec *spec = cache->spec;
    g_autofree char *layer = feature_spec_output(spec);
    printf("Vector   %s, %dx%dx%d = %" G_GSIZE_FORMAT " float32\n", layer, spec->shape[0], spec->shape[1],
           spec->shape[2], feature_spec_features(spec));
    print_stored(cache, facts);
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

static void print_text(const Cache *cache, const Facts *facts)
{
    g_autofree char *size = g_format_size_full(file_size(cache->path), G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *path = cli_printable(cache->path), *program = cli_printable(cache->catalog->program);
    printf("Cache    %s, %s, made by %s\n", path, size, program);
    printf("Items    %u of %u classes, %u skipped\n", cache->images, cache->classes->len,
           cache->skipped->len);
    CacheShard shard = cache->catalog->shard;
    if (shard.count)
        printf("Shard    %u/%u\n", shard.index, shard.count);
    if (facts->unlabelled)
        printf("Unlabelled %u, which training leaves out\n", facts->unlabelled);
    guint kept = facts->decided[LABELS_KEEP], relabelled = facts->decided[LABELS_RELABEL],
          excluded = facts->decided[LABELS_EXCLUDE];
    if (kept + relabelled + excluded)
        printf("Review   %u kept, %u relabelled, %u excluded, which training leaves out\n", kept, relabelled,
               excluded);
    if (g_hash_table_size(facts->groups))
        printf("Groups   %u\n", g_hash_table_size(facts->groups));
    if (*cache->catalog->passed) {
        g_autofree char *passed = cli_printable(cache->catalog->passed);
        printf("Passed   over: %s\n", passed);
    }
    if (cache->total > cache->images)
        printf("Copies   %u, augmented\n", cache->total - cache->images);
    print_feature_spec(cache, facts);
    printf("\n%8s  class\n", "items");
    for (guint label = 0; label < cache->classes->len; label++) {
        g_autofree char *name = cli_printable(cache_class(cache, (int)label));
        printf("%8u  %s\n", facts->of_class[label], name);
    }
    for (guint i = 0; i < cache->skipped->len; i++) {
        CacheSkipped skipped = cache_skipped(cache, i);
        g_autofree char *name = cli_printable(skipped.path), *reason = cli_printable(skipped.reason);
        printf("%sskipped %s: %s\n", i ? "" : "\n", name, reason);
    }
}

static void print_json(const Cache *cache, const Facts *facts)
{
    const FeatureSpec *spec = cache->spec;
    json_t *classes = json_array(), *skipped = json_array();
    CacheShard shard = cache->catalog->shard;
    for (guint label = 0; label < cache->classes->len; label++)
        json_array_append_new(classes,
                              json_pack("{s:o, s:i}", "name", cli_json(cache_class(cache, (int)label)),
                                        "items", (int)facts->of_class[label]));
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
        (int)facts->unlabelled, "decisions", decisions_json(cache), "groups",
        (int)g_hash_table_size(facts->groups), "passed_over", cli_json(cache->catalog->passed), "store",
        cache_store_name(cache->catalog->store), "bytes_an_image", facts->bytes, "zeros",
        facts->zeros >= 0 ? json_real(facts->zeros) : json_null());
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
    g_auto(Facts) facts = count(cache);
    (options->json ? print_json : print_text)(cache, &facts);
    return STATUS_DONE;
}
