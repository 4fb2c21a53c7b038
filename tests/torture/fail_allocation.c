/* fail_allocation: preloaded, makes the N-th allocation of a program and of the processes it starts fail.
 *
 *     FAIL_ALLOCATION='N MODE MIN MAX REPORT' LD_PRELOAD=build/tools/fail_allocation.so COMMAND…
 *
 *     N        from 1; 0 fails none
 *     MODE     once, or on: that one and all that follow
 *     MIN MAX  allocations of fewer or more bytes are neither counted nor failed
 *     REPORT   an existing file that gets two 64-bit numbers: the allocations seen, and whether the N-th was among them
 *
 * Allocations are counted from main() of each process image on: libraries' constructors run before. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    unsigned long seen, hit;
} Report;

static struct {
    unsigned long wanted, min_size, max_size;
    int on;
    Report *report; /* shared by all processes */
} plan;

static void start(void)
{
    char mode[8], path[4096];
    const char *text = getenv("FAIL_ALLOCATION");
    if (!text ||
        sscanf(text, "%lu %7s %lu %lu %4095s", &plan.wanted, mode, &plan.min_size, &plan.max_size, path) != 5)
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
    if (!plan.report || size < plan.min_size || size > plan.max_size)
        return 0;
    unsigned long number = __atomic_add_fetch(&plan.report->seen, 1, __ATOMIC_SEQ_CST);
    if (!plan.wanted || number < plan.wanted || (number > plan.wanted && !plan.on) ||
        (plan.report->hit && !plan.on))
        return 0;
    plan.report->hit = 1;
    errno = ENOMEM;
    return 1;
}

typedef int Main(int argc, char **argv, char **environment);
typedef int Start(Main *own, int argc, char **argv, void (*begin)(void), void (*end)(void),
                  void (*loader)(void), void *stack);
static Main *program;

static int start_and_run(int argc, char **argv, char **environment)
{
    start();
    return program(argc, argv, environment);
}

Start __libc_start_main;
int __libc_start_main(Main *own, int argc, char **argv, void (*begin)(void), void (*end)(void),
                      void (*loader)(void), void *stack)
{
    void *libcs = dlsym(RTLD_NEXT, "__libc_start_main");
    program = own;
    return ((Start *)libcs)(start_and_run, argc, argv, begin, end, loader, stack);
}

/* A child in a sandbox unmaps what it shares; but its allocations are counted, too. */
int munmap(void *memory, size_t size)
{
    return memory == plan.report ? 0 : (int)syscall(SYS_munmap, memory, size);
}

/* Takes the place of a function of libc's, which has another name for its own. */
#define PUT_BETWEEN(name, own, parameters, arguments, size)                                                  \
    extern void *own parameters;                                                                             \
    void *name parameters;                                                                                   \
    void *name parameters                                                                                    \
    {                                                                                                        \
        return fails(size) ? NULL : own arguments;                                                           \
    }
PUT_BETWEEN(malloc, __libc_malloc, (size_t size), (size), size)
PUT_BETWEEN(calloc, __libc_calloc, (size_t n, size_t size), (n, size), n *size)
PUT_BETWEEN(realloc, __libc_realloc, (void *memory, size_t size), (memory, size), size)
PUT_BETWEEN(memalign, __libc_memalign, (size_t alignment, size_t size), (alignment, size), size)
PUT_BETWEEN(aligned_alloc, __libc_memalign, (size_t alignment, size_t size), (alignment, size), size)
