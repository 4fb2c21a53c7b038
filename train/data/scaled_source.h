/* scaled_source: a source that scales another one's rows when they are fetched, and then counts their averages. */
#pragma once
#include "common/core/memory.h"
#include "common/model/scaling.h"
#include "common/vgg16/feature_spec.h"
#include "train/data/batches.h"

typedef struct {
    BatchSource inner;
    const Scaling *scaling; /* fitted; borrowed */
    gsize places;           /* averages.h: P and W; W = 1: as they are */
    double averages;
    int batch;   /* the largest batch */
    float *ring; /* (3, batch, D): rows of the latest fetches */
    guint turn;  /* of the ring */
} ScaledSource;

/* inner's rows, scaled. The returned source borrows from `scaled`: clear that after the source's last use. */
BatchSource scaled_source_new(ScaledSource *scaled, const BatchSource *inner, const Scaling *scaling,
                              gsize places, double averages, int batch);
MemoryNeed scaled_source_memory(const FeatureSpec *spec, int batch);
void scaled_source_clear(ScaledSource *scaled); /* does nothing if *scaled is zero */
