/* allocation: malloc and related functions for the whole process, including libraries.
 *
 * Few libraries check the result of a small allocation. Without memory, some crash, and GLib recurses endlessly or
 * deadlocks on its own lock, all without a message. So a failed allocation of up to SMALL bytes ends the program here
 * (fatal.h); a larger one returns NULL to the caller, who may have a better message.
 *
 * These functions take precedence over libc's, which they call; free is one of them, so that an allocator that the
 * user preloads (jemalloc, tcmalloc) is not used at all, rather than given memory that it did not allocate.
 * Sanitizers have their own allocators. */
#include "common/core/fatal.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__GLIBC__) && !defined(SANITIZED) && !defined(__SANITIZE_ADDRESS__) &&                           \
    !defined(__SANITIZE_THREAD__)

enum { SMALL = 1 << 20 };

/* Of glibc. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);
void *memalign(size_t alignment, size_t size);

static void *checked(void *memory, size_t size)
{
    if (!memory && size && size <= SMALL) /* realloc to no bytes frees */
        fatal_no_memory(size);
    return memory;
}

void *malloc(size_t size)
{
    return checked(__libc_malloc(size), size);
}

void *calloc(size_t n, size_t size)
{
    size_t total;
    void *memory = __libc_calloc(n, size);
    return memory || __builtin_mul_overflow(n, size, &total) ? memory : checked(NULL, total);
}

void *realloc(void *memory, size_t size)
{
    return checked(__libc_realloc(memory, size), size);
}

void *memalign(size_t alignment, size_t size)
{
    return checked(__libc_memalign(alignment, size), size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

void free(void *memory)
{
    __libc_free(memory);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *taken = memalign(alignment, size);
    if (!taken)
        return ENOMEM;
    *memory = taken;
    return 0;
}

#endif
