/* batches: see batches.h. Three slots circulate between two queues: one batch is being trained on, the
 * next is known, the one after is being fetched. */
#include "train/data/batches.h"

#include "train/data/averages.h"

enum { SLOTS = 3 };

typedef struct {
    Batch batch;
    guint32 *indices;
    float *buffer; /* (size, D); its pages take no memory where rows lie elsewhere */
    const float **rows;
    int *labels;
    float *weights;
    GError *error; /* the error of fetching it */
    gboolean last; /* nothing in it: the end of the epoch */
} Slot;

struct Batches {
    guint size, most; /* images of a batch */
    Slot slots[SLOTS];
    GAsyncQueue *empty, *full; /* of Slot* */

    const BatchSource *source; /* this and the rest: of the epoch */
    const guint32 *order;
    const double *class_weights;
    guint first;
    int epoch;
    GThread *thread; /* NULL: none has begun */
    gint stop;
    Slot *current, *next;
};

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
    int n = (int)MIN(b->size, b->source->part->count - begin);
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
    guint count = parts_of(b->source->part->count, b->size);
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

Batches *batches_new(Arena *arena, int size, guint images, gsize features)
{
    Batches *b = g_new0(Batches, 1);
    *b = (Batches){.size = (guint)size, .most = MIN((guint)size, images)};
    b->empty = g_async_queue_new();
    b->full = g_async_queue_new();
    for (int i = 0; i < SLOTS; i++)
        b->slots[i] = (Slot){.indices = arena_new(arena, guint32, b->most),
                             .buffer = arena_floats(arena, b->most * features),
                             .rows = arena_new(arena, const float *, b->most),
                             .labels = arena_new(arena, int, b->most),
                             .weights = arena_floats(arena, b->most)};
    return b;
}

static void end_epoch(Batches *b)
{
    if (!b->thread)
        return;
    g_atomic_int_set(&b->stop, TRUE);
    g_async_queue_push(b->empty, &b->slots[0]);
    g_thread_join(g_steal_pointer(&b->thread));
    b->stop = FALSE;
    while (g_async_queue_try_pop(b->empty) || g_async_queue_try_pop(b->full))
        ;
    for (int i = 0; i < SLOTS; i++)
        g_clear_error(&b->slots[i].error);
}

void batches_begin(Batches *b, const BatchSource *source, const guint32 *order, guint first, int epoch,
                   const double *class_weights)
{
    end_epoch(b);
    g_assert(b->most >= MIN(b->size, source->part->count));
    b->source = source;
    b->order = order;
    b->class_weights = class_weights;
    b->first = first;
    b->epoch = epoch;
    for (int i = 0; i < SLOTS; i++)
        g_async_queue_push(b->empty, &b->slots[i]);
    b->thread = g_thread_new("batches", fetch_all, b);
    b->current = NULL;
    b->next = g_async_queue_pop(b->full);
}

void batches_free(Batches *b)
{
    if (!b)
        return;
    end_epoch(b);
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
