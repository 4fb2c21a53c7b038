/* SHA-256. */
#include "common/core/sha256.h"

#include <string.h>

/* FIPS 180-4's examples, at once and in pieces. */
static void sha256_gives_the_standards_digests(void)
{
    static const char *const texts[] = {"", "abc",
                                        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"};
    static const guint8 starts[][4] = {
        {0xe3, 0xb0, 0xc4, 0x42}, {0xba, 0x78, 0x16, 0xbf}, {0x24, 0x8d, 0x6a, 0x61}};
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        guint8 whole[SHA256_SIZE], pieces[SHA256_SIZE];
        sha256(texts[i], strlen(texts[i]), whole);
        Sha256 *sum = sha256_new();
        for (const char *c = texts[i]; *c; c++)
            sha256_update(sum, c, 1);
        sha256_finish(sum, pieces);
        g_assert_cmpmem(whole, 4, starts[i], 4);
        g_assert_cmpmem(whole, SHA256_SIZE, pieces, SHA256_SIZE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sha256/gives the standard\'s digests", sha256_gives_the_standards_digests);
    return g_test_run();
}
