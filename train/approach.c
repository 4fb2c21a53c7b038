/* approach: the table of what each way to train supports. */
#include "train/approach.h"

#include "common/vgg16/vgg16.h"
#include "train/dense/layers.h"

const ApproachTraits approach_traits[] = {
    [APPROACH_STANDALONE] = {.cache = TRUE, .linear = TRUE},
    [APPROACH_BOOTSTRAP] = {.copies = TRUE, .images = TRUE, .base = TRUE, .side = VGG16_SIDE},
    [APPROACH_FINETUNE] = {.cache = TRUE,
                           .copies = TRUE,
                           .images = TRUE,
                           .base = TRUE,
                           .base_learns = TRUE,
                           .side = VGG16_SIDE},
    [APPROACH_SCRATCH] = {.images = TRUE, .side = SCRATCH_SIDE},
};
