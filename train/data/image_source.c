/* image_source: see image_source.h. */
#include "train/data/image_source.h"

#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "train/data/spill.h"

#include <string.h>

struct ImageSource {
    ImageSourceOptions options;
    const SplitPart *part; /* of the images */
    float *kept;           /* (count, D); NULL with augmentation */
    guint8 *done;          /* (count) whether the row is in `kept` */
    ImageSourceWork work;
};

static gsize kept_bytes(const ImageSource *source)
{
    return source->part->count * source->options.features * sizeof(float);
}

ImageSource *image_source_new(const ImageSourceOptions *options, const SplitPart *part, GError **error)
{
    g_autoptr(ImageSource) source = g_new0(ImageSource, 1);
    source->options = *options;
    source->part = part;
    if (options->augmentation)
        return g_steal_pointer(&source);
    source->done = g_new0(guint8, part->count);
    source->kept = spill_new(options->beside, kept_bytes(source), error);
    return source->kept ? g_steal_pointer(&source) : NULL;
}

void image_source_free(ImageSource *source)
{
    if (!source)
        return;
    spill_free(source->kept, kept_bytes(source));
    g_free(source->done);
    g_free(source);
}

/* What one run of the pipeline computes. */
typedef struct {
    const ImageSource *source;
    const guint32 *indices; /* (n) of the source's images */
    float **rows;           /* (n) where their vectors go */
    guint n, done;
    guint copy; /* of each image; 0 for the image itself */
} Job;

static guint32 image_of(const Job *job, guint index)
{
    return job->source->part->items[job->indices[index]];
}

static Produced produce(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user)
{
    const Job *job = user;
    const DecodedImages *images = job->source->options.images;
    memcpy(rgb, decoded_images_pixels(images, image_of(job, index)), (gsize)images->side * images->side * 3);
    return PRODUCED;
}

void image_source_prepare(guint index, const guint8 *rgb, float *tensor, gpointer user)
{
    const Job *job = user;
    const ImageSourceOptions *options = &job->source->options;
    const DecodedImages *images = options->images;
    if (!job->copy) {
        image_normalize(rgb, images->side, options->normalization, tensor);
        return;
    }
    const char *key = ((const DatasetItem *)images->dataset->items->pdata[image_of(job, index)])->key;
    Augmentation drawn = augment_draw(options->augmentation, options->seed, key, job->copy, images->side);
    augment_tensor(rgb, images->side, &drawn, options->normalization, tensor);
}

static gboolean consume(guint index, const float *features, const guint8 *note, const char *reason,
                        gpointer user, GError **error)
{
    Job *job = user;
    memcpy(job->rows[index], features, job->source->options.features * sizeof(float));
    job->done++;
    return TRUE;
}

/* work: of the source. */
static gboolean run(Job *job, ImageSourceWork *work, GError **error)
{
    gint64 began = g_get_monotonic_time();
    if (!pipeline_run(job->source->options.pipeline, job->n, produce, consume, job, NULL, error))
        return FALSE;
    work->computed += job->done;
    work->seconds += (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
    return job->done == job->n || error_set(error, "interrupted");
}

/* Rows of `kept`, of which those that are missing are computed, or into the buffer. */
static gboolean fetch(gpointer user, int epoch, const guint32 *indices, int n, float *buffer,
                      const float **rows, GError **error)
{
    ImageSource *source = user;
    gsize features = source->options.features;
    g_autofree guint32 *missing = g_new(guint32, n);
    g_autofree float **to = g_new(float *, n);
    Job job = {.source = source, .indices = missing, .rows = to, .copy = source->kept ? 0 : (guint)epoch};
    for (int i = 0; i < n; i++) {
        float *row = source->kept ? source->kept + indices[i] * features : buffer + (gsize)i * features;
        rows[i] = row;
        if (source->kept && source->done[indices[i]])
            continue;
        missing[job.n] = indices[i];
        to[job.n++] = row;
    }
    source->work.fetched += (guint64)n;
    if (job.n && !run(&job, &source->work, error))
        return FALSE;
    for (guint i = 0; source->kept && i < job.n; i++)
        source->done[missing[i]] = TRUE;
    return TRUE;
}

ImageSourceWork image_source_work(const ImageSource *source)
{
    return source->work;
}

BatchSource image_source_batches(ImageSource *source)
{
    return (BatchSource){
        .part = source->part, .fetch = fetch, .user = source, .features = source->options.features};
}
