/* floats: see floats.h. calloc hands out large blocks as untouched zero pages; the address it gave is kept in
 * the word before the aligned one. */
#include "common/core/floats.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static float *try_new(gsize count)
{
    if (count > (G_MAXSIZE / 2) / sizeof(float))
        return NULL;
    gsize bytes = count * sizeof(float),
          align = bytes >= FLOATS_ALIGNMENT ? FLOATS_ALIGNMENT : FLOATS_LINE * sizeof(float);
    char *block = calloc(1, bytes + align + sizeof(void *));
    if (!block)
        return NULL;
    uintptr_t address = ((uintptr_t)block + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1);
    ((void **)address)[-1] = block;
#ifdef MADV_HUGEPAGE
    if (align == FLOATS_ALIGNMENT)
        madvise((void *)address, bytes, MADV_HUGEPAGE);
#endif
    return (float *)address;
}

float *floats_new(gsize count)
{
    float *floats = try_new(count);
    if (!floats)
        g_error("out of memory: %" G_GSIZE_FORMAT " floats", count);
    return floats;
}

void floats_free(float *floats)
{
    if (floats)
        free(((void **)floats)[-1]);
}

static int by_value(const void *a, const void *b)
{
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void floats_sort(float *values, gsize n)
{
    qsort(values, n, sizeof *values, by_value);
}

static int by_number(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void doubles_sort(double *values, gsize n)
{
    qsort(values, n, sizeof *values, by_number);
}

gsize floats_finite(const float *values, gsize n)
{
    gsize i = 0;
    while (i < n && isfinite(values[i]))
        i++;
    return i;
}

/* ---- Arenas ---- */

/* Floats of the shared arrays before this one, which come first in the block. */
static gsize shared_before(const Arena *arena, guint number)
{
    gsize floats = 0;
    for (guint i = 0; i < number; i++)
        floats += arena->shared[i];
    return floats;
}

float *arena_floats(Arena *arena, gsize count)
{
    gsize at = arena->taken;
    arena->taken += floats_whole_lines(count);
    g_assert(!arena->block || arena->taken <= arena->floats);
    return arena->block ? arena->block + at : NULL;
}

float *arena_shared(Arena *arena, guint number, gsize count)
{
    g_assert(number < ARENA_SHARED && (!arena->block || count <= arena->shared[number]));
    if (!arena->block)
        arena->shared[number] = MAX(arena->shared[number], floats_whole_lines(count));
    return arena->block ? arena->block + shared_before(arena, number) : NULL;
}

gboolean arena_try_take(Arena *arena)
{
    gsize shared = shared_before(arena, ARENA_SHARED);
    g_assert(!arena->block);
    arena->floats = shared + arena->taken;
    arena->block = try_new(arena->floats);
    if (arena->block)
        arena->taken = shared;
    return arena->block != NULL;
}

void arena_take(Arena *arena)
{
    if (!arena_try_take(arena))
        g_error("out of memory: %" G_GSIZE_FORMAT " floats", arena->floats);
}

void arena_take_from(Arena *arena, Arena *done)
{
    gsize shared = shared_before(arena, ARENA_SHARED);
    if (done->block && done->floats >= shared + arena->taken) {
        arena->floats = done->floats;
        arena->taken = shared;
        arena->block = g_steal_pointer(&done->block);
    }
    arena_clear(done);
    if (!arena->block)
        arena_take(arena);
}

gsize arena_bytes(const Arena *arena)
{
    return (arena->block ? arena->floats : shared_before(arena, ARENA_SHARED) + arena->taken) * sizeof(float);
}

void arena_clear(Arena *arena)
{
    floats_free(arena->block);
    *arena = (Arena){0};
}
