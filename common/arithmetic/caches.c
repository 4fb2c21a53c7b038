/* caches: see caches.h. */
#include "common/arithmetic/caches.h"

#include <unistd.h>

/* From sysfs ("2048K"), which glibc does not read on some processors other than x86-64. */
static gsize kernel_bytes(void)
{
    for (int i = 0;; i++) {
        g_autofree char *folder = g_strdup_printf("/sys/devices/system/cpu/cpu0/cache/index%d", i);
        g_autofree char *level_file = g_build_filename(folder, "level", NULL), *level = NULL;
        g_autofree char *size_file = g_build_filename(folder, "size", NULL), *size = NULL;
        if (!g_file_get_contents(level_file, &level, NULL, NULL) ||
            !g_file_get_contents(size_file, &size, NULL, NULL))
            return 0;
        if (g_ascii_strtoll(level, NULL, 10) == 2)
            return (gsize)g_ascii_strtoull(size, NULL, 10) << 10;
    }
}

static gsize bytes;

static gpointer find_bytes(gpointer unused)
{
    long told = sysconf(_SC_LEVEL2_CACHE_SIZE);
    bytes = told > 0 ? (gsize)told : kernel_bytes();
    return NULL;
}

gsize cache_bytes(void)
{
    static GOnce found = G_ONCE_INIT;
    g_once(&found, find_bytes, NULL);
    return bytes;
}

void cache_force(gsize forced)
{
    cache_bytes(); /* detects it, so that it does not replace this later */
    bytes = forced;
}
