/* caches: see caches.h. */
#include "common/arithmetic/caches.h"

#include <unistd.h>

/* From sysfs ("48K", "2048K"), of the first data or unified cache of the level; needed on some processors other than
 * x86-64, where glibc reports nothing. */
static gsize kernel_bytes(int level)
{
    for (int i = 0;; i++) {
        g_autofree char *folder = g_strdup_printf("/sys/devices/system/cpu/cpu0/cache/index%d", i);
        g_autofree char *level_file = g_build_filename(folder, "level", NULL), *level_text = NULL;
        g_autofree char *type_file = g_build_filename(folder, "type", NULL), *type = NULL;
        g_autofree char *size_file = g_build_filename(folder, "size", NULL), *size = NULL;
        if (!g_file_get_contents(level_file, &level_text, NULL, NULL) ||
            !g_file_get_contents(type_file, &type, NULL, NULL) ||
            !g_file_get_contents(size_file, &size, NULL, NULL))
            return 0;
        if (g_ascii_strtoll(level_text, NULL, 10) == level && type[0] != 'I')
            return (gsize)g_ascii_strtoull(size, NULL, 10) << 10;
    }
}

static gsize bytes_of[CACHE_LEVELS];

static gpointer find_bytes(gpointer unused)
{
    const int names[CACHE_LEVELS] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
    for (int i = 0; i < CACHE_LEVELS; i++) {
        long told = sysconf(names[i]);
        bytes_of[i] = told > 0 ? (gsize)told : kernel_bytes(i + 1);
    }
    return NULL;
}

gsize cache_bytes(int level)
{
    static GOnce found = G_ONCE_INIT;
    g_return_val_if_fail(level >= 1 && level <= CACHE_LEVELS, 0);
    g_once(&found, find_bytes, NULL);
    return bytes_of[level - 1];
}

void cache_force(int level, gsize bytes)
{
    cache_bytes(level); /* detects all sizes, so that they do not replace this one later */
    bytes_of[level - 1] = bytes;
}
