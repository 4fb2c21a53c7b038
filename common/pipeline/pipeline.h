/* pipeline: runs images through decoding and the base, and delivers the vectors in order.
 *
 *   produce (several threads) --bounded queue--> base, in batches --bounded queue--> consume (one thread, in order)
 *
 * The consumer of extract writes to the cache, that of evaluate predicts, that of bootstrapping trains. Memory does
 * not depend on the number of inputs. */
#pragma once
#include "common/cli/progress.h"
#include "common/core/memory.h"
#include "common/dataset/contents.h"
#include "common/vgg16/base.h"
#include "common/vgg16/feature_spec.h"

typedef enum {
    PRODUCED, /* rgb is filled; *reason may be a remark on it */
    REJECTED, /* cannot be used; *reason says why (malloc'd by GLib, taken over) */
    BROKEN,   /* the machine failed, not the input: the run ends with *reason, a sentence */
} Produced;

/* Fills rgb (side, side, 3) for input `index`; called from several threads at once, each index once. note:
 * SHA256_SIZE bytes that travel with the input to its consumer, such as its content hash; zero at first. */
typedef Produced (*PipelineProduce)(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user);

/* A PipelineProduce for user data that begin with a PipelineImages: image `index` of contents, its note the SHA-256 of
 * its content. */
typedef struct {
    Contents *contents;
    const FeatureSpec *spec;
} PipelineImages;
Produced pipeline_produce(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user);

/* From the pixels of input `index` to what the base takes, (side, side, 3): image_normalize, with
 * augmentation before it, say. Called like PipelineProduce. */
typedef void (*PipelinePrepare)(guint index, const guint8 *rgb, float *tensor, gpointer user);

/* Called in increasing order of index, from one thread. features (D) is borrowed for the call and NULL for a
 * rejected input; reason is what PipelineProduce gave. FALSE with error ends the run. */
typedef gboolean (*PipelineConsume)(guint index, const float *features, const guint8 *note,
                                    const char *reason, gpointer user, GError **error);

/* Called in the same thread when a batch has been consumed: the moment to make its results last. */
typedef gboolean (*PipelineBatchDone)(gpointer user, GError **error);

typedef struct {
    const Weights *weights;       /* borrowed as spec; NULL for layer "input", the normalised images */
    const FeatureSpec *spec;      /* borrowed until pipeline_free */
    int batch;                    /* images the base takes at once */
    guint threads;                /* for decoding and for the base */
    PipelinePrepare prepare;      /* NULL: image_normalize as the specification says */
    PipelineBatchDone batch_done; /* or NULL */
} PipelineOptions;

typedef struct Pipeline Pipeline;
/* NULL and error if there is not enough memory. */
Pipeline *pipeline_new(const PipelineOptions *options, GError **error);
void pipeline_free(Pipeline *pipeline);

/* Runs inputs 0 … inputs-1. Ends early, cleanly, when interrupted() becomes true: what was consumed stays
 * consumed; FALSE only with error. A BROKEN input ends the run so too, once all before it are consumed and their
 * batch is done. May be called again (an epoch each). progress: NULL, or ticked for each
 * input done. */
struct Progress;
gboolean pipeline_run(Pipeline *pipeline, guint inputs, PipelineProduce produce, PipelineConsume consume,
                      gpointer user, struct Progress *progress, GError **error);

/* What a pipeline with these options takes, its threads, its decoders' processes and, unless they are there, the base's weights
 * included, which are not looked at. */
MemoryNeed pipeline_memory(const PipelineOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pipeline, pipeline_free)
