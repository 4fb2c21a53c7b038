/* weights: finding and loading what a specification names, and what all weights have in common; see weights.h. */
#include "common/vgg16/weights.h"

#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/rng.h"
#include "common/core/sha256.h"
#include "common/vgg16/weights_formats.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HEAD = 4096, FEW = 4 }; /* bytes looked at to tell a file's kind; names shown of a list */

static int last_layer(int cut)
{
    return MAX(VGG16_LAYERS - 1, cut);
}

MemoryNeed weights_memory(int cut)
{
    g_autoptr(Network) network = vgg16_network(last_layer(cut), VGG16_SIDE);
    return (MemoryNeed){.memory = network_parameters(network) * sizeof(float), .address = FLOATS_ALIGNMENT};
}

void weights_free(Weights *weights)
{
    if (!weights)
        return;
    network_free(weights->network);
    g_free(weights->source);
    g_free(weights);
}

Layer *weights_layer(const Weights *weights, int index)
{
    return network_find(weights->network, vgg16_layers[index].name);
}

static void compute_hash(const Weights *weights, int last, char hash[65])
{
    guint8 digest[SHA256_SIZE];
    Sha256 *sum = sha256_new();
    for (int i = 0; i <= last; i++) {
        const Layer *layer = weights_layer(weights, i);
        if (!layer->kernel)
            continue;
        sha256_update(sum, layer->kernel, layer->kernel_count * sizeof(float));
        sha256_update(sum, layer->bias, layer->bias_count * sizeof(float));
    }
    sha256_finish(sum, digest);
    for (int i = 0; i < SHA256_SIZE; i++)
        g_snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}

const char *weights_hash(const Weights *weights, int cut)
{
    return weights->hashes[last_layer(cut) + 1 - VGG16_LAYERS];
}

gboolean weights_check_finite(const char *path, const char *tensor, const float *values, gsize n,
                              GError **error)
{
    gsize i = floats_finite(values, n);
    return i == n || error_set(error, "%s: its tensor %s contains %f: the file is damaged", path, tensor,
                               (double)values[i]);
}

char *weights_abbreviate(const char *const *names, guint n)
{
    GString *text = g_string_new(n ? NULL : "none");
    for (guint i = 0; i < MIN(n, FEW); i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "", names[i]);
    if (n > FEW)
        g_string_append_printf(text, ", … (%u in all)", n);
    return g_string_free(text, FALSE);
}

/* ---- seeded ---- */

static void draw(Weights *weights, guint64 seed)
{
    for (int i = 0; i <= weights->last; i++) {
        Layer *layer = weights_layer(weights, i);
        guint64 stream = 2 * (guint64)vgg16_layers[i].conv;
        if (!layer->kernel)
            continue;
        Rng kernel = rng_new(seed, stream), bias = rng_new(seed, stream + 1);
        double std = sqrt(2.0 / (double)(layer->kernel_count / layer->bias_count)) /
                     (i == 0 ? WEIGHTS_PIXEL_SCALE : 1);
        for (gsize p = 0; p < layer->kernel_count; p++)
            layer->kernel[p] = (float)(std * rng_normal(&kernel));
        for (gsize k = 0; k < layer->bias_count; k++)
            layer->bias[k] = (float)(0.02 * rng_uniform(&bias));
    }
}

static gboolean load_seeded(Weights *weights, const char *from, GError **error)
{
    guint64 seed = 0;
    if (from[strlen("random")] &&
        !g_ascii_string_to_unsigned(from + strlen("random:"), 10, 0, G_MAXUINT64, &seed, NULL))
        return error_set(error,
                         "%s: what follows 'random:' must be a whole number from 0 to %" G_GUINT64_FORMAT,
                         from, G_MAXUINT64);
    draw(weights, seed);
    weights->seeded = TRUE;
    weights->normalization = NORMALIZE_CAFFE;
    weights->source = g_strdup_printf("random:%" G_GUINT64_FORMAT, seed);
    return TRUE;
}

/* ---- files ---- */

#define CONVERT                                                                                              \
    "convert it with: python3 -c \"import torch, safetensors.torch as s; "                                   \
    "s.save_file(torch.load('vgg16.pth', "                                                                   \
    "map_location='cpu'), 'vgg16.safetensors')\""

/* Files given by mistake, recognised by their first bytes. */
static const struct {
    const char *bytes;
    gsize size;
    const char *what;
} mistakes[] = {
#define BEGINS(bytes) bytes, sizeof bytes - 1
    {BEGINS("PK\3\4"), "is a zip archive, but not Keras's .keras; if it is PyTorch's .pth (a pickle, which "
                       "is not supported), " CONVERT},
    {BEGINS("\x80\2"),
     "is a pickle, as saved by older versions of PyTorch, which is not supported; " CONVERT},
    {BEGINS("version https://git-lfs"),
     "is a Git LFS pointer, not the file itself: fetch it with: git lfs pull"},
    {BEGINS("<!"), "is a web page, not a weights file: the download failed"},
    {BEGINS("<html"), "is a web page, not a weights file: the download failed"},
    {BEGINS("\x1f\x8b"), "is compressed with gzip: decompress it first"},
    {BEGINS("\xff\xd8\xff"), "is a JPEG image"},
    {BEGINS("\x89PNG"), "is a PNG image"},
#undef BEGINS
};

static gboolean refuse_unknown(const char *path, const char *head, gsize size, GError **error)
{
    const char *what = size == 0 ? "is empty" : "is not a weights file";
    for (guint i = 0; i < G_N_ELEMENTS(mistakes); i++)
        if (size >= mistakes[i].size && memcmp(head, mistakes[i].bytes, mistakes[i].size) == 0)
            what = mistakes[i].what;
    return error_set(error, "%s: %s; expected VGG16's weights as Keras HDF5 (.h5) or safetensors", path,
                     what);
}

/* HDF5's signature may stand behind a user block of 512, 1024, … bytes. */
static gboolean is_hdf5(const char *head, gsize size)
{
    for (gsize at = 0; at + 8 <= size; at = at ? 2 * at : 512)
        if (memcmp(head + at, "\x89HDF\r\n\x1a\n", 8) == 0)
            return TRUE;
    return FALSE;
}

/* Keras 3 writes metadata.json first. */
static gboolean is_keras_zip(const char *head, gsize size)
{
    static const char name[] = "metadata.json";
    enum { NAME = 30 }; /* of the first member, behind the header */
    return size >= NAME + sizeof name && memcmp(head, "PK\3\4", 4) == 0 &&
           memcmp(head + NAME, name, sizeof name - 1) == 0;
}

static gboolean load_file(Weights *weights, const char *path, GError **error)
{
    char head[HEAD];
    FILE *stream = input_file_stream(path, error);
    if (!stream)
        return FALSE;
    gsize size = fread(head, 1, sizeof head, stream);
    fclose(stream);
    weights->source = g_path_get_basename(path);
    if (is_hdf5(head, size) || is_keras_zip(head, size))
        return weights_read_keras(path, weights, error);
    if (size > 8 && head[8] == '{')
        return weights_read_torchvision(path, weights, error);
    return refuse_unknown(path, head, size, error);
}

gboolean weights_are_seeded(const char *from)
{
    return g_str_equal(from, "random") || g_str_has_prefix(from, "random:");
}

Weights *weights_load(const char *from, int cut, GError **error)
{
    g_autoptr(Weights) weights = g_new0(Weights, 1);
    weights->last = last_layer(cut);
    weights->network = vgg16_network(weights->last, VGG16_SIDE);
    if (!network_allocate(weights->network, error)) {
        g_prefix_error(error, "%s: ", from);
        return NULL;
    }
    if (!(weights_are_seeded(from) ? load_seeded(weights, from, error) : load_file(weights, from, error)))
        return NULL;
    for (int last = VGG16_LAYERS - 1; last <= weights->last; last++)
        compute_hash(weights, last, weights->hashes[last + 1 - VGG16_LAYERS]);
    return g_steal_pointer(&weights);
}

/* ---- those that are found ---- */

char *weights_find(void)
{
    char *here = g_build_filename("weights", WEIGHTS_PUBLISHED, NULL);
    if (g_file_test(here, G_FILE_TEST_IS_REGULAR))
        return here;
    g_free(here);
    char *by_keras = g_build_filename(g_get_home_dir(), ".keras", "models", WEIGHTS_PUBLISHED, NULL);
    if (g_file_test(by_keras, G_FILE_TEST_IS_REGULAR))
        return by_keras;
    g_free(by_keras);
    return NULL;
}

Weights *weights_open(const char *from, int cut, GError **error)
{
    g_autofree char *path = from ? g_strdup(from) : weights_find();
    if (!from && vgg16_is_dense(cut)) /* those that are found have no top */
        return error_null(error,
                          "%s needs weights with the top: give such a file with --weights, " WEIGHTS_FULL,
                          vgg16_layers[cut].name);
    if (!path)
        return error_null(error,
                          "no weights found: give a file with --weights, download one with `make weights`, "
                          "or use --weights random for untrained stand-in weights");
    Weights *weights = weights_load(path, cut, error);
    if (weights && weights->seeded)
        cli_warn("the weights are the seeded stand-in %s: nothing was learnt from images", weights->source);
    return weights;
}
