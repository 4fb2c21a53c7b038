/* announce: see announce.h. */
#include "train/data/announce.h"

#include "common/core/memory.h"
#include "common/core/plural.h"
#include "common/model/novelty.h"

static char *checkpoint_size(const TrainOptions *o, gsize bytes)
{
    Optimizer optimizer = optimizer_default(o->optimizer);
    optimizer.momentum = o->momentum;
    g_autofree char *size = memory_text((1 + optimizer_slots(&optimizer)) * bytes);
    return g_strdup_printf(", %s.checkpoint %s until it is done", o->model, size);
}

void train_announce(const TrainOptions *o, guint images, guint validation, gsize parameters, const int *shape)
{
    gsize bytes = parameters * sizeof(float);
    g_autofree char *more =
        validation ? g_strdup_printf(", %u more for validation", validation) : g_strdup("");
    g_autofree char *size = memory_text(bytes + (shape ? novelty_bytes(shape, images) : 0));
    g_autofree char *checkpoint =
        o->head == HEAD_DENSE && o->checkpoint ? checkpoint_size(o, bytes) : g_strdup("");
    cli_remark("training on %u %s%s; %s will take %s%s", images, plural(images, "image", "images"), more,
               o->model, size, checkpoint);
}
