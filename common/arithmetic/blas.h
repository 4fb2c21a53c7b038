/* blas: OpenBLAS with kernels for this processor and a single thread.
 *
 * OpenBLAS selects its kernels ("core") and starts its threads when it is loaded, by OPENBLAS_CORETYPE and
 * OPENBLAS_NUM_THREADS, and treats a processor newer than itself as one with SSE3 only, at a fifth of the speed. A
 * program that links blas.c therefore executes itself again (execve, before any library is initialised) with these
 * variables set: the core by the processor's instruction sets, unless the user has set OPENBLAS_CORETYPE; one thread
 * always, as OpenBLAS is called from the threads of thread_pool.h. */
#pragma once
#include "common/core/memory.h"

/* To be called before the first product: limits OpenBLAS to one thread (its OpenMP build ignores the variable), and
 * allocates its buffers for this many concurrent callers. Without memory for them it ends the program (fatal.h):
 * OpenBLAS itself would retry for ever. */
void blas_startup(guint threads);

/* Memory of the buffers that blas_startup maps for this many threads. */
MemoryNeed blas_memory(guint threads);

/* Lines for --version: processor, instruction set, OpenBLAS with its core and how that was chosen. Caller frees. */
char *blas_describe(void);
