/* blas: OpenBLAS with the kernels that suit the processor, and no threads of its own.
 *
 * OpenBLAS picks its kernels ("core") and starts its threads when it is loaded, from OPENBLAS_CORETYPE and
 * OPENBLAS_NUM_THREADS, and takes a processor newer than itself for one with SSE3 alone, at a fifth of the speed. A
 * program that links blas.c therefore starts itself again (execve, before any library is initialised) where these
 * variables are not set: the core by what the processor can do, unless the user's OPENBLAS_CORETYPE says
 * otherwise; one thread always, as the thread pool (thread_pool.h) calls it from its own. */
#pragma once
#include "common/core/memory.h"

/* Before the first product: holds OpenBLAS to one thread where it was loaded in another way (its OpenMP
 * build), and lets it take the buffers of this many threads that will call it at once. Where there is no room for them
 * the program ends in a sentence (fatal.h): OpenBLAS itself would try again for ever. */
void blas_startup(guint threads);

/* Of the buffers that blas_startup maps for so many threads. */
MemoryNeed blas_memory(guint threads);

/* Lines for --version: processor, instruction set, OpenBLAS with its core and who chose it. Caller frees. */
char *blas_describe(void);
