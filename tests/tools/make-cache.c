/* make-cache FEATURES.npy LABELS.csv CACHE [STORE [RECIPE.json]]: a cache of given vectors, without running VGG16.
 *
 * FEATURES.npy: (N, D) float32, C order. D = 512 s² makes features of block5_pool (images of side 32 s, random:0
 * weights), D = 3 s² the layer "input" (images of side s, no base); preset vips, normalisation caffe, with the tiles
 * of the shapes; or the feature specification is RECIPE.json. LABELS.csv: N lines "path,class", no header. */
#include "common/cache/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void stop(const char *what, GError *error)
{
    fprintf(stderr, "make-cache: %s%s%s\n", what, error ? ": " : "", error ? error->message : "");
    exit(1);
}

/* Sets the matrix's size; returns its first float within bytes. */
static const float *parse_npy(const char *bytes, gsize size, guint *rows, guint *columns)
{
    guint16 header;
    if (size < 10 || memcmp(bytes, "\x93NUMPY\x01", 7) != 0)
        stop("FEATURES is not an .npy file of version 1", NULL);
    memcpy(&header, bytes + 8, 2);
    g_autofree char *text = g_strndup(bytes + 10, MIN(header, size - 10));
    const char *place = strstr(text, "'shape': (");
    if (!strstr(text, "'descr': '<f4'") || !strstr(text, "'fortran_order': False") || !place ||
        sscanf(place, "'shape': (%u, %u)", rows, columns) != 2)
        stop("FEATURES is not a float32 matrix in C order", NULL);
    if (10 + (gsize)header + (gsize)*rows * *columns * sizeof(float) != size)
        stop("FEATURES is cut off", NULL);
    return (const float *)(bytes + 10 + header);
}

static FeatureSpec *feature_spec_for(guint features)
{
    guint of_base = 1, of_input = 1;
    while (512 * of_base * of_base < features)
        of_base++;
    while (3 * of_input * of_input < features)
        of_input++;
    gboolean base = 512 * of_base * of_base == features;
    if (!base && 3 * of_input * of_input != features)
        stop("the vectors' length is neither 512 s^2 nor 3 s^2", NULL);
    int side = (int)(base ? of_base : of_input);
    FeatureSpec spec = {.weights_hash =
                            base ? "0000000000000000000000000000000000000000000000000000000000000000" : "",
                        .weights_source = base ? "random:0" : "",
                        .preset = PRESET_VIPS,
                        .normalization = NORMALIZE_CAFFE,
                        .side = base ? 32 * side : side,
                        .layer = base ? "block5_pool" : "input",
                        .shape = {side, side, base ? 512 : 3}};
    return feature_spec_copy(&spec);
}

static FeatureSpec *read_feature_spec(const char *path)
{
    GError *error = NULL;
    json_auto_t *object = json_load_file(path, 0, NULL);
    FeatureSpec *spec = object ? feature_spec_from_json(object, &error) : NULL;
    if (!spec)
        stop("cannot read the feature specification", error);
    return spec;
}

static void put_line(CacheWriter *writer, char *line, const float *features, gsize count)
{
    char *comma = strrchr(line, ',');
    guint8 hash[CACHE_HASH];
    gsize length = sizeof hash;
    if (!comma)
        stop("a line of LABELS has no comma", NULL);
    *comma = 0;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, (const guchar *)features, (gssize)(count * sizeof(float)));
    g_checksum_get_digest(sum, hash, &length);
    cache_writer_put(writer, line, &(CacheLabel){.class_name = comma + 1}, hash, features);
}

int main(int argc, char **argv)
{
    g_autofree char *bytes = NULL, *text = NULL;
    gsize size;
    GError *error = NULL;
    CacheStore store = CACHE_SPARSE;
    if (argc < 4 || argc > 6 || (argc > 4 && !cache_store_parse(argv[4], &store)))
        stop("usage: make-cache FEATURES.npy LABELS.csv CACHE [sparse|float16|float32 [RECIPE.json]]", NULL);
    if (!g_file_get_contents(argv[1], &bytes, &size, &error) ||
        !g_file_get_contents(argv[2], &text, NULL, &error))
        stop("cannot read", error);
    guint rows, count;
    const float *features = parse_npy(bytes, size, &rows, &count);
    g_autoptr(FeatureSpec) spec = argc > 5 ? read_feature_spec(argv[5]) : feature_spec_for(count);
    if (feature_spec_features(spec) != count)
        stop("the vectors' length differs from the feature specification's", NULL);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    if (g_strv_length(lines) != rows)
        stop("FEATURES and LABELS do not agree", NULL);
    CacheForm form = {.store = &store};
    g_autoptr(CacheWriter) writer = cache_writer_open(argv[3], spec, &form, &error);
    for (guint i = 0; writer && i < rows; i++) {
        put_line(writer, lines[i], features + (gsize)i * count, count);
        if (cache_writer_pending(writer) >= 256 && !cache_writer_commit(writer, &error))
            stop("cannot commit", error);
    }
    if (!writer || !cache_writer_commit(writer, &error))
        stop("cannot write the cache", error);
    return 0;
}
