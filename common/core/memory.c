/* memory: see memory.h. */
#include "common/core/memory.h"

#include "common/core/cgroup.h"
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

/* The files of a version of cgroups: limit, use, and the line of reclaimable page cache in memory.stat. */
typedef struct {
    const char *limit, *use, *cache_key;
} CgroupFiles;

static void take_cgroup(const char *folder, gboolean version_2, gpointer user)
{
    static const CgroupFiles version_1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                          "total_inactive_file "},
                             version_2_files = {"memory.max", "memory.current", "inactive_file "};
    const CgroupFiles *files = version_2 ? &version_2_files : &version_1;
    gsize *least = user;
    g_autofree char *limit_path = g_build_filename(folder, files->limit, NULL);
    g_autofree char *use_path = g_build_filename(folder, files->use, NULL);
    g_autofree char *stat_path = g_build_filename(folder, "memory.stat", NULL);
    guint64 limit, use, cache = 0;
    if (!read_number(limit_path, "", &limit) || !read_number(use_path, "", &use))
        return;
    read_number(stat_path, files->cache_key, &cache);
    use -= MIN(use, cache);
    *least = MIN(*least, limit - MIN(limit, use));
}

gsize memory_cgroup_left(const char *mounted, const char *text)
{
    gsize least = G_MAXSIZE;
    cgroup_visit(mounted, text, "memory", take_cgroup, &least);
    return least;
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

gsize memory_address_space(void)
{
    return held_now(STATM_SIZE);
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
    return limit == G_MAXSIZE ? limit : limit - MIN(limit, memory_address_space());
}

static gsize memory_left(void)
{
    return MIN(machine_available(), memory_cgroup_left(NULL, NULL));
}

gsize memory_available(void)
{
    return MIN(memory_left(), address_space_left());
}

gboolean memory_startup(GError **error)
{
    enum { LARGE = 128 << 10 }; /* bytes: mapped by itself, and given back when it is freed */
    const rlim_t stack = 1 << 20;
    struct rlimit limit;
    if (address_limit() != G_MAXSIZE) {
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_MMAP_THRESHOLD, LARGE);
    }
    return getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= stack ||
           error_set(error, "needs a stack of 1 MiB, but only %u KiB is allowed: try ulimit -s 1024",
                     (guint)(limit.rlim_cur >> 10));
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
    return (MemoryNeed){.memory = (gsize)n * TOUCHED,
                        .address = n * (stack + (gsize)sysconf(_SC_PAGESIZE))}; /* and its guard */
}

static gsize address_of(MemoryNeed need)
{
    enum { SMALL = 4 << 20 }; /* bytes of what is too small to be told, rounded up by malloc */
    return need.memory + need.files + need.address + SMALL;
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
    g_autofree char *address = memory_text(memory_address_space() + address_of(need));
    g_autofree char *allowed = memory_text(address_limit());
    if (need.memory > memory_left())
        return error_set(error, "%s needs %s of memory, but only %s is available; %s", what, needed, there,
                         remedy);
    if (memory_suffices(need))
        return error_set(error, "%s needs %s of memory, which the system does not give; %s", what, needed,
                         remedy);
    return error_set(error,
                     "%s needs %s of memory in %s of address space, but only %s is allowed (ulimit -v); %s",
                     what, needed, address, allowed, remedy);
}

gboolean memory_maps(gsize bytes, const char *what, GError **error)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return error_set(error,
                         "out of memory: %s takes %" G_GSIZE_FORMAT
                         " MB, which are not available; try fewer --threads",
                         what, bytes >> 20);
    munmap(memory, bytes);
    return TRUE;
}

void memory_need(gsize bytes, const char *what)
{
    g_autoptr(GError) error = NULL;
    if (!memory_maps(bytes, what, &error))
        g_error("%s", error->message);
}

char *memory_text(gsize bytes)
{
    return bytes < 100000000    ? g_strdup_printf("%.1f MB", (double)bytes / 1e6)
           : bytes < 1000000000 ? g_strdup_printf("%.0f MB", (double)bytes / 1e6)
                                : g_strdup_printf("%.2f GB", (double)bytes / 1e9);
}
