/* memory: see memory.h. */
#include "common/core/memory.h"

#include "common/core/error.h"

#include <malloc.h>
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

/* Of the cgroup at path below mounted and of those above it. */
static gsize cgroups_left(const char *mounted, char *path, const char *limit_name, const char *use_name,
                          const char *cache_key)
{
    gsize least = G_MAXSIZE;
    for (;;) {
        g_autofree char *folder = g_build_filename(mounted, path, NULL);
        least = MIN(least, cgroup_left(folder, limit_name, use_name, cache_key));
        char *slash = strrchr(path, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

gsize memory_cgroup_left(const char *mounted, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gsize least = G_MAXSIZE;
    for (char **line = lines; *line; line++) { /* NUMBER:CONTROLLERS:PATH */
        g_auto(GStrv) fields = g_strsplit(*line, ":", 3);
        if (g_strv_length(fields) < 3)
            continue;
        g_auto(GStrv) controllers = g_strsplit(fields[1], ",", -1);
        g_autofree char *of_version_1 = g_build_filename(mounted, "memory", NULL);
        gsize left = G_MAXSIZE;
        if (!*fields[1])
            left = cgroups_left(mounted, fields[2], "memory.max", "memory.current", "inactive_file ");
        else if (g_strv_contains((const char *const *)controllers, "memory"))
            left = cgroups_left(of_version_1, fields[2], "memory.limit_in_bytes", "memory.usage_in_bytes",
                                "total_inactive_file ");
        least = MIN(least, left);
    }
    return least;
}

static gsize cgroup_available(void)
{
    g_autofree char *text = NULL;
    return g_file_get_contents("/proc/self/cgroup", &text, NULL, NULL)
               ? memory_cgroup_left("/sys/fs/cgroup", text)
               : G_MAXSIZE;
}

/* Columns of /proc/self/statm. */
typedef enum { STATM_SIZE, STATM_RESIDENT } StatmColumn;

static gsize held_now(StatmColumn column)
{
    g_autofree char *text = NULL;
    guint64 pages[2] = {0};
    if (g_file_get_contents("/proc/self/statm", &text, NULL, NULL) &&
        sscanf(text, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, &pages[0], &pages[1]) < 2)
        return 0;
    return pages[column] * (gsize)sysconf(_SC_PAGESIZE);
}

/* G_MAXSIZE: none. */
static gsize address_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ? G_MAXSIZE : limit.rlim_cur;
}

static gsize address_space_left(void)
{
    gsize limit = address_limit();
    return limit == G_MAXSIZE ? limit : limit - MIN(limit, held_now(STATM_SIZE));
}

static gsize memory_left(void)
{
    return MIN(machine_available(), cgroup_available());
}

gsize memory_available(void)
{
    return MIN(memory_left(), address_space_left());
}

void memory_startup(void)
{
    if (address_limit() != G_MAXSIZE)
        mallopt(M_ARENA_MAX, 1);
}

void memory_add(MemoryNeed *sum, MemoryNeed more)
{
    sum->memory += more.memory;
    sum->files += more.files;
    sum->address += more.address;
}

MemoryNeed memory_of_threads(guint n)
{
    enum { TOUCHED = 64 << 10 }; /* of a stack */
    struct rlimit limit;
    gsize stack = getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ? (gsize)8 << 20
                                                                                          : limit.rlim_cur;
    return (MemoryNeed){.memory = (gsize)n * TOUCHED, .address = n * stack};
}

static gsize address_of(MemoryNeed need)
{
    return need.memory + need.files + need.address;
}

gboolean memory_suffices(MemoryNeed need)
{
    return need.memory <= memory_left() && address_of(need) <= address_space_left();
}

char *memory_needed_text(MemoryNeed need)
{
    return memory_text(held_now(STATM_RESIDENT) + need.memory + need.files);
}

char *memory_there_text(void)
{
    gsize left = memory_left();
    return left == G_MAXSIZE ? g_strdup("an unknown amount") : memory_text(held_now(STATM_RESIDENT) + left);
}

gboolean memory_refuse(MemoryNeed need, const char *what, const char *remedy, GError **error)
{
    g_autofree char *needed = memory_needed_text(need), *there = memory_there_text();
    g_autofree char *address = memory_text(held_now(STATM_SIZE) + address_of(need));
    g_autofree char *allowed = memory_text(address_limit());
    if (need.memory > memory_left())
        return error_set(error, "%s needs %s of memory, but only %s is available; %s", what, needed, there,
                         remedy);
    return error_set(error,
                     "%s needs %s of memory in %s of address space, but only %s is allowed (ulimit -v); %s",
                     what, needed, address, allowed, remedy);
}

void memory_need(gsize bytes, const char *what)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        g_error("out of memory: %s takes %" G_GSIZE_FORMAT
                " MB, which are not available; try fewer --threads",
                what, bytes >> 20);
    munmap(memory, bytes);
}

char *memory_text(gsize bytes)
{
    return bytes < 100000000    ? g_strdup_printf("%.1f MB", (double)bytes / 1e6)
           : bytes < 1000000000 ? g_strdup_printf("%.0f MB", (double)bytes / 1e6)
                                : g_strdup_printf("%.2f GB", (double)bytes / 1e9);
}
