/* arena: see arena.h. */
#include "common/core/arena.h"

#include "common/core/floats.h"

enum { LINE = 64 / sizeof(float) };

float *arena_floats(Arena *arena, gsize count)
{
    gsize whole = (count + LINE - 1) / LINE * LINE, at = arena->taken;
    if (!arena->block) {
        arena->floats += whole;
        return NULL;
    }
    g_assert(whole <= arena->floats - at);
    arena->taken += whole;
    return arena->block + at;
}

gboolean arena_try_take(Arena *arena)
{
    g_assert(!arena->block);
    arena->block = floats_try_new(arena->floats);
    return arena->block != NULL;
}

void arena_take(Arena *arena)
{
    if (!arena_try_take(arena))
        g_error("out of memory: %" G_GSIZE_FORMAT " floats", arena->floats);
}

gsize arena_bytes(const Arena *arena)
{
    return arena->floats * sizeof(float) + arena->beside;
}

void arena_clear(Arena *arena)
{
    floats_free(arena->block);
    *arena = (Arena){0};
}
