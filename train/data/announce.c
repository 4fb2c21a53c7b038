/* announce: see announce.h. */
#include "train/data/announce.h"

#include "common/cli/cli.h"
#include "common/core/memory.h"
#include "common/core/plural.h"
#include "common/model/novelty.h"

void train_announce(const char *model, guint images, guint validation, const int *shape, gsize parameters,
                    gsize checkpoint)
{
    g_autofree char *more = g_strdup_printf(", %u more for validation", validation);
    g_autofree char *size = memory_text(parameters + (shape ? novelty_bytes(shape, images) : 0));
    g_autofree char *saved = memory_text(checkpoint);
    g_autofree char *besides = g_strdup_printf(", %s.checkpoint %s until it is done", model, saved);
    cli_remark("training on %u %s%s; %s will take %s%s", images, plural(images, "image", "images"),
               validation ? more : "", model, size, checkpoint ? besides : "");
}
