/* image_samples: see image_samples.h. */
#include "train/data/image_samples.h"

#include "common/core/error.h"
#include "common/core/floats.h"
#include "common/core/interrupt.h"
#include "train/data/spill.h"

#include <string.h>

struct ImageSamples {
    ImageSamplesOptions options;
    guint count;
    guint32 *items; /* (count) indices into images */
    int *labels;    /* (count) */
    float *kept;    /* (count, D); NULL with augmentation */
    guint8 *done;   /* (count) whether the row is in `kept` */
    float *ring;    /* (RING, batch, D): rows of the latest fetches, with augmentation */
    guint turn;     /* of the ring */
    ImageSamplesWork work;
};

enum { RING = 3 }; /* rows outlive the next two fetches (batches.h) */

static gsize kept_bytes(const ImageSamples *samples)
{
    return samples->count * samples->options.features * sizeof(float);
}

ImageSamples *image_samples_new(const ImageSamplesOptions *options, const guint32 *items, guint count,
                                GError **error)
{
    g_autoptr(ImageSamples) samples = g_new0(ImageSamples, 1);
    samples->options = *options;
    samples->count = count;
    samples->items = g_memdup2(items, count * sizeof *items);
    samples->labels = g_new(int, count);
    for (guint i = 0; i < count; i++)
        samples->labels[i] = options->images->labels[items[i]];
    if (options->augmentation) {
        samples->ring = floats_new(RING * options->batch * options->features);
        return g_steal_pointer(&samples);
    }
    samples->done = g_new0(guint8, count);
    samples->kept = spill_new(options->beside, kept_bytes(samples), error);
    return samples->kept ? g_steal_pointer(&samples) : NULL;
}

MemoryNeed image_samples_memory(const FeatureSpec *spec, guint count, int batch)
{
    gsize row = feature_spec_features(spec) * sizeof(float);
    return batch ? (MemoryNeed){.memory = RING * (gsize)batch * row} : (MemoryNeed){.files = count * row};
}

void image_samples_free(ImageSamples *samples)
{
    if (!samples)
        return;
    spill_free(samples->kept, kept_bytes(samples));
    floats_free(samples->ring);
    g_free(samples->done);
    g_free(samples->labels);
    g_free(samples->items);
    g_free(samples);
}

/* What one run of the pipeline computes. */
typedef struct {
    const ImageSamples *samples;
    const guint32 *indices; /* (n) of samples */
    float **rows;           /* (n) where their vectors go */
    guint n, done;
    guint copy; /* of each image; 0 for the image itself */
} Job;

static guint32 image_of(const Job *job, guint index)
{
    return job->samples->items[job->indices[index]];
}

static Produced produce(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user)
{
    const Job *job = user;
    const DecodedImages *images = job->samples->options.images;
    memcpy(rgb, decoded_images_pixels(images, image_of(job, index)), (gsize)images->side * images->side * 3);
    return PRODUCED;
}

void image_samples_prepare(guint index, const guint8 *rgb, float *tensor, gpointer user)
{
    const Job *job = user;
    const ImageSamplesOptions *options = &job->samples->options;
    const DecodedImages *images = options->images;
    if (!job->copy) {
        image_normalize(rgb, images->side, options->normalization, tensor);
        return;
    }
    Augmentation drawn = augment_draw(options->augmentation, options->seed,
                                      images->keys[image_of(job, index)], job->copy, images->side);
    augment_tensor(rgb, images->side, &drawn, options->normalization, tensor);
}

static gboolean consume(guint index, const float *features, const guint8 *note, const char *reason,
                        gpointer user, GError **error)
{
    Job *job = user;
    memcpy(job->rows[index], features, job->samples->options.features * sizeof(float));
    job->done++;
    return TRUE;
}

/* work: of the samples. */
static gboolean run(Job *job, ImageSamplesWork *work, GError **error)
{
    gint64 began = g_get_monotonic_time();
    if (!pipeline_run(job->samples->options.pipeline, job->n, produce, consume, job, NULL, error))
        return FALSE;
    work->computed += job->done;
    work->seconds += (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
    return job->done == job->n || error_set(error, "interrupted");
}

/* Fetches rows of `kept`, computing those that are not there yet. */
static gboolean fetch_kept(ImageSamples *samples, const guint32 *indices, int n, const float **rows,
                           GError **error)
{
    g_autofree guint32 *missing = g_new(guint32, n);
    g_autofree float **to = g_new(float *, n);
    Job job = {.samples = samples, .indices = missing, .rows = to};
    for (int i = 0; i < n; i++) {
        float *row = samples->kept + indices[i] * samples->options.features;
        rows[i] = row;
        if (samples->done[indices[i]])
            continue;
        missing[job.n] = indices[i];
        to[job.n++] = row;
    }
    if (job.n && !run(&job, &samples->work, error))
        return FALSE;
    for (guint i = 0; i < job.n; i++)
        samples->done[missing[i]] = TRUE;
    return TRUE;
}

static gboolean fetch_augmented(ImageSamples *samples, guint epoch, const guint32 *indices, int n,
                                const float **rows, GError **error)
{
    const ImageSamplesOptions *options = &samples->options;
    g_autofree float **to = g_new(float *, n);
    Job job = {.samples = samples, .indices = indices, .rows = to, .n = (guint)n, .copy = epoch};
    float *place = samples->ring + samples->turn++ % RING * options->batch * options->features;
    for (int i = 0; i < n; i++)
        rows[i] = to[i] = place + i * options->features;
    return run(&job, &samples->work, error);
}

static gboolean fetch(gpointer user, int epoch, const guint32 *indices, int n, const float **rows,
                      GError **error)
{
    ImageSamples *samples = user;
    samples->work.fetched += (guint64)n;
    return samples->kept ? fetch_kept(samples, indices, n, rows, error)
                         : fetch_augmented(samples, (guint)epoch, indices, n, rows, error);
}

ImageSamplesWork image_samples_work(const ImageSamples *samples)
{
    return samples->work;
}

BatchSource image_samples_source(ImageSamples *samples)
{
    return (BatchSource){samples->count, samples->labels, fetch, samples};
}
