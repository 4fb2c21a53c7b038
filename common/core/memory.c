/* memory: see memory.h. */
#include "common/core/memory.h"

#include "common/core/error.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* The number after `key` at the start of a line of a file; FALSE where there is none ("max" included). */
static gboolean read_number(const char *path, const char *key, guint64 *number)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (g_str_has_prefix(line, key))
            return sscanf(line + strlen(key), "%" G_GUINT64_FORMAT, number) == 1;
    return FALSE;
}

static gsize machine_available(void)
{
    guint64 kilobytes;
    return read_number("/proc/meminfo", "MemAvailable:", &kilobytes) ? kilobytes * 1024 : G_MAXSIZE;
}

/* folder: of the process's own cgroup; names: limit, use and reclaimable page cache in memory.stat. */
static gsize cgroup_left(const char *folder, const char *limit_name, const char *use_name,
                         const char *cache_key)
{
    g_autofree char *limit_path = g_build_filename(folder, limit_name, NULL);
    g_autofree char *use_path = g_build_filename(folder, use_name, NULL);
    g_autofree char *stat_path = g_build_filename(folder, "memory.stat", NULL);
    guint64 limit, use, cache = 0;
    if (!read_number(limit_path, "", &limit) || !read_number(use_path, "", &use))
        return G_MAXSIZE;
    read_number(stat_path, cache_key, &cache);
    use -= MIN(use, cache);
    return limit - MIN(limit, use);
}

static gsize cgroup_available(void)
{
    /* Inside a container the process's own cgroup is the root of what is mounted. */
    gsize v2 = cgroup_left("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file ");
    gsize v1 = cgroup_left("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                           "total_inactive_file ");
    return MIN(v1, v2);
}

static gsize address_space_left(void)
{
    struct rlimit limit;
    guint64 pages = 0;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return G_MAXSIZE;
    read_number("/proc/self/statm", "", &pages);
    gsize used = pages * (gsize)sysconf(_SC_PAGESIZE);
    return limit.rlim_cur - MIN(limit.rlim_cur, used);
}

gsize memory_available(void)
{
    return MIN(MIN(machine_available(), cgroup_available()), address_space_left());
}

void memory_need(gsize bytes, const char *what)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        g_error("out of memory: %s takes %" G_GSIZE_FORMAT " MB, which are not there; try fewer --threads",
                what, bytes >> 20);
    munmap(memory, bytes);
}

char *memory_text(gsize bytes)
{
    return bytes < 100000000 ? g_strdup_printf("%.1f MB", (double)bytes / 1e6)
                             : g_strdup_printf("%.2f GB", (double)bytes / 1e9);
}

gboolean memory_check(gsize needed, const char *what, const char *remedy, GError **error)
{
    gsize available = memory_available();
    g_autofree char *wanted = memory_text(needed), *there = memory_text(available);
    return needed <= available || error_set(error, "%s needs %s of memory, but only %s are available; %s",
                                            what, wanted, there, remedy);
}
