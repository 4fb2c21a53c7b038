/* batches: see batches.h. Three slots circulate between two queues: one batch is being trained on, the
 * next is known, the one after is being fetched. */
#include "train/data/batches.h"

#include "common/core/floats.h"
#include "train/data/averages.h"

enum { SLOTS = 3 };

typedef struct {
    Batch batch;
    guint32 *indices;
    float *buffer; /* (size, D); NULL: rows lie elsewhere */
    const float **rows;
    int *labels;
    float *weights;
    GError *error; /* the error of fetching it */
    gboolean last; /* nothing in it: the end of the epoch */
} Slot;

struct Batches {
    const BatchSource *source;
    const guint32 *order;
    int size, epoch;
    guint first;
    const double *class_weights;
    Slot slots[SLOTS];
    Arena arena;               /* of their arrays */
    GAsyncQueue *empty, *full; /* of Slot* */
    GThread *thread;
    gint stop;
    Slot *current, *next;
};

MemoryNeed batches_memory(gsize features, guint images, int size)
{
    return (MemoryNeed){.memory = SLOTS * MIN((gsize)size, images) * features * sizeof(float)};
}

static void scale(const BatchSource *source, Slot *slot, int n)
{
    float *out = slot->buffer;
    for (int i = 0; i < n; i++, out += source->features) {
        scaling_apply(source->scaling, slot->rows[i], out);
        averages_count(out, source->places, source->features / source->places, source->averages);
        slot->rows[i] = out;
    }
}

static void fill(Batches *b, Slot *slot, guint number)
{
    guint begin = number * b->size;
    int n = (int)MIN((guint)b->size, b->source->part->count - begin);
    for (int i = 0; i < n; i++) {
        slot->indices[i] = b->order ? b->order[begin + i] : begin + i;
        slot->labels[i] = b->source->part->labels[slot->indices[i]];
        slot->weights[i] = b->class_weights ? (float)b->class_weights[slot->labels[i]] : 1;
    }
    slot->batch = (Batch){slot->rows, slot->labels, slot->weights, n,
                          ((guint64)b->epoch << 44) | ((guint64)number << 24)};
    if (b->source->fetch(b->source->user, b->epoch, slot->indices, n, slot->buffer, slot->rows,
                         &slot->error) &&
        b->source->scaling)
        scale(b->source, slot, n);
}

static gpointer fetch_all(gpointer data)
{
    Batches *b = data;
    guint count = parts_of(b->source->part->count, (gsize)b->size);
    for (guint number = b->first;; number++) {
        Slot *slot = g_async_queue_pop(b->empty);
        if (g_atomic_int_get(&b->stop))
            return NULL;
        slot->last = number >= count;
        if (!slot->last)
            fill(b, slot, number);
        gboolean end = slot->last || slot->error;
        g_async_queue_push(b->full, slot);
        if (end)
            return NULL;
    }
}

static void take_slots(Batches *b)
{
    const BatchSource *source = b->source;
    gsize most = MIN((gsize)b->size, source->part->count);
    for (int i = 0; i < SLOTS; i++) {
        Slot *slot = &b->slots[i];
        slot->indices = arena_new(&b->arena, guint32, most);
        slot->rows = arena_new(&b->arena, const float *, most);
        slot->labels = arena_new(&b->arena, int, most);
        slot->weights = arena_floats(&b->arena, most);
        if (!source->in_place || source->scaling)
            slot->buffer = arena_floats(&b->arena, most * source->features);
    }
}

Batches *batches_new(const BatchSource *source, const guint32 *order, int size, guint first, int epoch,
                     const double *class_weights)
{
    Batches *b = g_new0(Batches, 1);
    *b = (Batches){.source = source, .order = order, .size = size, .epoch = epoch, .first = first};
    b->class_weights = class_weights;
    b->empty = g_async_queue_new();
    b->full = g_async_queue_new();
    take_slots(b);
    arena_take(&b->arena);
    take_slots(b);
    for (int i = 0; i < SLOTS; i++)
        g_async_queue_push(b->empty, &b->slots[i]);
    b->thread = g_thread_new("batches", fetch_all, b);
    b->next = g_async_queue_pop(b->full);
    return b;
}

void batches_free(Batches *b)
{
    if (!b)
        return;
    g_atomic_int_set(&b->stop, 1);
    g_async_queue_push(b->empty, &b->slots[0]);
    g_thread_join(b->thread);
    for (int i = 0; i < SLOTS; i++)
        g_clear_error(&b->slots[i].error);
    arena_clear(&b->arena);
    g_async_queue_unref(b->empty);
    g_async_queue_unref(b->full);
    g_free(b);
}

gboolean batches_next(Batches *b, const Batch **batch, const Batch **next, GError **error)
{
    if (b->current)
        g_async_queue_push(b->empty, b->current);
    b->current = b->next;
    *batch = *next = NULL;
    if (b->current->error) {
        g_propagate_error(error, g_steal_pointer(&b->current->error));
        return FALSE;
    }
    if (b->current->last)
        return FALSE;
    b->next = g_async_queue_pop(b->full);
    *batch = &b->current->batch;
    *next = b->next->last || b->next->error ? NULL : &b->next->batch;
    return TRUE;
}
