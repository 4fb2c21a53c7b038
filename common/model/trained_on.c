/* trained_on: see trained_on.h. */
#include "common/model/trained_on.h"

#include "common/cli/cli.h"

#include <string.h>

static guint64 number_of(const guint8 *hash)
{
    guint64 number;
    memcpy(&number, hash, sizeof number);
    return GUINT64_FROM_LE(number);
}

TrainedOn *trained_on_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(guint64));
}

void trained_on_add(TrainedOn *trained_on, const guint8 *hash)
{
    guint64 number = number_of(hash);
    g_array_append_val(trained_on, number);
}

void trained_on_add_all(TrainedOn *trained_on, const TrainedOn *other)
{
    if (other)
        g_array_append_vals(trained_on, other->data, other->len);
}

static gint by_number(gconstpointer a, gconstpointer b)
{
    guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;
    return (x > y) - (x < y);
}

TrainedOn *trained_on_finish(TrainedOn *trained_on)
{
    guint64 *numbers = (guint64 *)(void *)trained_on->data;
    guint kept = 0;
    g_array_sort(trained_on, by_number);
    for (guint i = 0; i < trained_on->len; i++)
        if (!kept || numbers[i] != numbers[kept - 1])
            numbers[kept++] = numbers[i];
    g_array_set_size(trained_on, kept);
    if (kept <= TRAINED_ON_MAX)
        return trained_on;
    cli_remark(
        "the model does not record the %u images it was trained on, as there are more than %d; evaluate "
        "--trained-on finds test images among them",
        kept, TRAINED_ON_MAX);
    g_array_unref(trained_on);
    return NULL;
}

gboolean trained_on_has(const TrainedOn *trained_on, const guint8 *hash)
{
    guint64 number = number_of(hash);
    return g_array_binary_search((GArray *)trained_on, &number, by_number, NULL);
}
