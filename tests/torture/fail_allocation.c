/* fail_allocation: preloaded, makes the N-th allocation of a program and of the processes it starts fail.
 *
 *     FAIL_ALLOCATION='N MODE MIN REPORT' LD_PRELOAD=build/tools/fail_allocation.so COMMAND…
 *
 *     N        from 1; 0 fails none
 *     MODE     once, or on: that one and all that follow
 *     MIN      allocations of fewer bytes are neither counted nor failed
 *     REPORT   an existing file that gets two 64-bit numbers: the allocations seen, and whether the N-th was among them
 *
 * Allocations are counted from the start of the process image, except those of the dynamic loader. The programs define a
 * malloc that calls glibc's by its internal names (common/core/allocation.c), so these names are intercepted. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef void *(*Take)(size_t, size_t); /* the second argument is unused by some, which is harmless */

static struct {
    unsigned long wanted, min_size;
    int on;
    struct {
        unsigned long seen, hit;
    } * report; /* shared by all processes */
} plan;

static void start(void)
{
    char mode[8], path[4096];
    const char *text = getenv("FAIL_ALLOCATION");
    if (!text || sscanf(text, "%lu %7s %lu %4095s", &plan.wanted, mode, &plan.min_size, path) != 4)
        return;
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *memory = ftruncate(file, sizeof *plan.report) == 0
                       ? mmap(NULL, sizeof *plan.report, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                       : MAP_FAILED;
    close(file);
    plan.on = strcmp(mode, "on") == 0;
    if (memory != MAP_FAILED) {
        plan.report = memory;
        plan.report->seen = 0; /* by the image that started this one */
    }
}

static int fails(size_t size)
{
    static int started;
    if (!__atomic_exchange_n(&started, 1, __ATOMIC_SEQ_CST))
        start();
    if (!plan.report || size < plan.min_size)
        return 0;
    unsigned long number = __atomic_add_fetch(&plan.report->seen, 1, __ATOMIC_SEQ_CST);
    if (!plan.wanted || number < plan.wanted || (number > plan.wanted && !plan.on) ||
        (plan.report->hit && !plan.on))
        return 0;
    plan.report->hit = 1;
    errno = ENOMEM;
    return 1;
}

static void *take(Take *own, const char *name, size_t a, size_t b, size_t size)
{
    if (!*own)
        *own = (Take)dlsym(RTLD_NEXT, name);
    return fails(size) ? NULL : (*own)(a, b);
}

#define PUT_BETWEEN(name, size)                                                                              \
    void *name(size_t a, size_t b);                                                                          \
    void *name(size_t a, size_t b)                                                                           \
    {                                                                                                        \
        static Take own;                                                                                     \
        return take(&own, #name, a, b, size);                                                                \
    }
PUT_BETWEEN(__libc_malloc, a)
PUT_BETWEEN(__libc_calloc, a *b)
PUT_BETWEEN(__libc_realloc, b)
PUT_BETWEEN(__libc_memalign, b)
