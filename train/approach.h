/* approach: the ways to train, and what each supports. */
#pragma once
#include <glib.h>

typedef enum { APPROACH_STANDALONE, APPROACH_BOOTSTRAP, APPROACH_FINETUNE, APPROACH_SCRATCH } Approach;
#define APPROACH_CHOICES "standalone|bootstrap|finetune|scratch"

typedef enum { HEAD_DENSE, HEAD_LINEAR } Head;
#define HEAD_CHOICES "dense|linear"

typedef struct {
    gboolean cache;       /* trains on the features of a CACHE */
    gboolean copies;      /* trains on --augmented-cache */
    gboolean images;      /* trains on --images */
    gboolean base;        /* images go through VGG16's base */
    gboolean base_learns; /* the last layers of the base learn */
    gboolean linear;      /* --head linear is possible */
    int side;             /* pixels of an image's side, where it takes images; 0 */
} ApproachTraits;

/* Of each approach, by its enum. */
extern const ApproachTraits approach_traits[];
