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

static void tells_what_is_allocated_beside(void)
{
    g_auto(Arena) arena = {0};
    arena_floats(&arena, 16);
    arena.beside += 1000;
    g_assert_cmpuint(arena_bytes(&arena), ==, 1064);
}

static void refuses_what_no_machine_has(void)
{
    g_auto(Arena) arena = {0};
    arena_floats(&arena, (gsize)1 << 58);
    g_assert_false(arena_try_take(&arena));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arena/measures, then hands out", measures_and_hands_out);
    g_test_add_func("/arena/tells what is allocated beside it", tells_what_is_allocated_beside);
    g_test_add_func("/arena/refuses what no machine has", refuses_what_no_machine_has);
    return g_test_run();
}
