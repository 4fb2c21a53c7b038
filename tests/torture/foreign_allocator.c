/* foreign_allocator: an allocator to be preloaded, as users preload jemalloc or tcmalloc, that notices what they do not.
 *
 *     LD_PRELOAD=build/tools/foreign_allocator.so COMMAND…
 *
 * A mark lies before each of its blocks. If it is given a block without one, which came from another allocator, or was
 * freed before, it says so on stderr and ends the program by SIGABRT. C++'s operators call these functions. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK UINT64_C(0x6b636f6c62206e77)

/* Right before the caller's block. As large as the header that libc has there, which is what is read if the block is libc's.
 * At start, in libc's block, stands the size asked for. */
typedef struct {
    char *start; /* libc's block */
    uint64_t mark;
} Header;

extern void *__libc_malloc(size_t size);
extern void __libc_free(void *block);

static Header *header_of(void *block)
{
    return (Header *)((char *)block - sizeof(Header));
}

static void check(void *block, const char *call)
{
    char line[128];
    if (header_of(block)->mark == (MARK ^ (uintptr_t)block))
        return;
    int n =
        snprintf(line, sizeof line, "foreign_allocator: %s was given a block of another allocator\n", call);
    if (write(STDERR_FILENO, line, (size_t)n) == n)
        abort();
    _exit(EXIT_FAILURE);
}

static size_t size_of(void *block)
{
    size_t size;
    memcpy(&size, header_of(block)->start, sizeof size);
    return size;
}

/* alignment: a power of two. */
static void *take(size_t alignment, size_t size)
{
    size_t total, before = sizeof size + sizeof(Header);
    char *start = __builtin_add_overflow(size, before + alignment, &total) ? NULL : __libc_malloc(total);
    if (!start) {
        errno = ENOMEM;
        return NULL;
    }
    char *block = start + before + (-(uintptr_t)(start + before) & (alignment - 1));
    memcpy(start, &size, sizeof size);
    *header_of(block) = (Header){start, MARK ^ (uintptr_t)block};
    return block;
}

static void give_back(void *block)
{
    header_of(block)->mark = 0; /* a second time is seen, too */
    __libc_free(header_of(block)->start);
}

void *malloc(size_t size)
{
    return take(_Alignof(max_align_t), size);
}

void *calloc(size_t n, size_t size)
{
    size_t total;
    void *block = __builtin_mul_overflow(n, size, &total) ? NULL : take(_Alignof(max_align_t), total);
    return block ? memset(block, 0, total) : NULL;
}

void free(void *block)
{
    if (!block)
        return;
    check(block, "free");
    give_back(block);
}

void *realloc(void *block, size_t size)
{
    if (!block)
        return malloc(size);
    check(block, "realloc");
    void *moved = size ? malloc(size) : NULL;
    if (moved)
        memcpy(moved, block, size < size_of(block) ? size : size_of(block));
    if (moved || !size)
        give_back(block);
    return moved;
}

void *reallocarray(void *block, size_t n, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(n, size, &total) ? NULL : realloc(block, total);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    return take(alignment < _Alignof(max_align_t) ? _Alignof(max_align_t) : alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *taken = memalign(alignment, size);
    if (taken)
        *block = taken;
    return taken ? 0 : ENOMEM;
}

void *valloc(size_t size)
{
    return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

size_t malloc_usable_size(void *block);
size_t malloc_usable_size(void *block)
{
    if (!block)
        return 0;
    check(block, "malloc_usable_size");
    return size_of(block);
}
