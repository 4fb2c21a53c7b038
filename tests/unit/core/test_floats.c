/* An arena: what is measured is what is handed out, in zeroed, aligned arrays that do not overlap. */
#include "common/core/floats.h"

#include <string.h>

static const gsize counts[] = {1, 16, 0, 1000, 17, 1 << 20};

static void ask(Arena *arena, float *arrays[G_N_ELEMENTS(counts)])
{
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++)
        arrays[i] = arena_floats(arena, counts[i]);
}

static void measures_and_hands_out(void)
{
    g_auto(Arena) arena = {0};
    float *arrays[G_N_ELEMENTS(counts)];
    ask(&arena, arrays);
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++)
        g_assert_null(arrays[i]);
    gsize floats = 16 + 16 + 0 + 1008 + 32 + (1 << 20); /* whole lines of 64 bytes */
    g_assert_cmpuint(arena_bytes(&arena), ==, floats * sizeof(float));
    g_assert_true(arena_try_take(&arena));
    ask(&arena, arrays);
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_assert_cmpuint((gsize)arrays[i] % 64, ==, 0);
        for (gsize j = 0; j < counts[i]; j++)
            g_assert_cmpfloat(arrays[i][j], ==, 0);
        memset(arrays[i], 0xff, counts[i] * sizeof(float));
    }
    g_assert_cmpuint(arena.taken, ==, floats);
}

/* Shared arrays: as long as the longest asked for, one for each number, apart from all others. */
static void shares_the_longest(void)
{
    g_auto(Arena) arena = {0};
    float *own = NULL, *first = NULL, *again = NULL, *second = NULL;
    for (int taking = 0; taking < 2; taking++) {
        first = arena_shared(&arena, ARENA_SCRATCH, 100);
        own = arena_floats(&arena, 16);
        again = arena_shared(&arena, ARENA_SCRATCH, 40);
        second = arena_shared(&arena, ARENA_SHARED - 1, 1);
        g_assert_cmpuint(arena_bytes(&arena), ==, (112 + 16 + 16) * sizeof(float));
        if (!taking)
            arena_take(&arena);
    }
    g_assert_true(first == again);
    memset(first, 0xff, 112 * sizeof(float));
    for (int i = 0; i < 16; i++)
        g_assert_true(own[i] == 0 && second[i] == 0);
    g_assert_cmpuint(arena.taken, ==, arena.floats);
}

/* In the memory of one that is done with where that is long enough, else in memory of its own. */
static void follows_another(void)
{
    const gsize lengths[] = {1000, 800, 1200}; /* of the first, one that fits into it, one that does not */
    g_auto(Arena) done = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++) {
        Arena arena = {0};
        const float *before = done.block;
        arena_shared(&arena, ARENA_SCRATCH, 160);
        arena_floats(&arena, lengths[i]);
        arena_take_from(&arena, &done);
        g_assert_null(done.block);
        float *shared = arena_shared(&arena, ARENA_SCRATCH, 160), *own = arena_floats(&arena, lengths[i]);
        g_assert_true(own == shared + 160 && (i != 1 || shared == before));
        for (gsize j = 0; i != 1 && j < lengths[i]; j++)
            g_assert_cmpfloat(own[j], ==, 0);
        memset(own, 0xff, lengths[i] * sizeof(float));
        done = arena;
    }
}

static void refuses_what_no_machine_has(void)
{
    g_auto(Arena) arena = {0};
    arena_floats(&arena, (gsize)1 << 58);
    g_assert_false(arena_try_take(&arena));
    g_assert_cmpuint(arena_bytes(&arena), ==, ((gsize)1 << 58) * sizeof(float));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arena/measures, then hands out", measures_and_hands_out);
    g_test_add_func("/arena/shares the longest of arrays of one number", shares_the_longest);
    g_test_add_func("/arena/follows another in its memory", follows_another);
    g_test_add_func("/arena/refuses what no machine has", refuses_what_no_machine_has);
    return g_test_run();
}
