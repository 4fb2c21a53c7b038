/* scaled_source: see scaled_source.h. */
#include "train/data/scaled_source.h"

#include "common/core/floats.h"
#include "train/data/averages.h"

enum { RING = 3 }; /* rows outlive the next two fetches (batches.h) */

static gboolean fetch(gpointer user, int epoch, const guint32 *indices, int n, const float **rows,
                      GError **error)
{
    ScaledSource *scaled = user;
    gsize features = scaled->scaling->features;
    float *out = scaled->ring + scaled->turn++ % RING * (gsize)scaled->batch * features;
    if (!scaled->inner.fetch(scaled->inner.user, epoch, indices, n, rows, error))
        return FALSE;
    for (int i = 0; i < n; i++, out += features) {
        scaling_apply(scaled->scaling, rows[i], out);
        averages_count(out, scaled->places, features / scaled->places, scaled->averages);
        rows[i] = out;
    }
    return TRUE;
}

BatchSource scaled_source_new(ScaledSource *scaled, const BatchSource *inner, const Scaling *scaling,
                              gsize places, double averages, int batch)
{
    *scaled = (ScaledSource){
        .inner = *inner, .scaling = scaling, .places = places, .averages = averages, .batch = batch};
    scaled->ring = floats_new(RING * (gsize)batch * scaling->features);
    return (BatchSource){inner->count, inner->labels, fetch, scaled};
}

MemoryNeed scaled_source_memory(const FeatureSpec *spec, int batch)
{
    return (MemoryNeed){.memory = RING * (gsize)batch * feature_spec_features(spec) * sizeof(float)};
}

void scaled_source_clear(ScaledSource *scaled)
{
    g_clear_pointer(&scaled->ring, floats_free);
}
