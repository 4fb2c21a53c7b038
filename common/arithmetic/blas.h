/* blas: OpenBLAS with kernels for this processor and a single thread, loaded when it is first needed.
 *
 * OpenBLAS selects its kernels ("core") and starts its threads when it is loaded, by OPENBLAS_CORETYPE and
 * OPENBLAS_NUM_THREADS, and treats a processor newer than itself as one with SSE3 only, at a fifth of the speed. Before
 * libc's main() these variables are therefore set: the core by the processor's instruction sets, unless the user has
 * set it; one thread always, as OpenBLAS is called from the threads of thread_pool.h. Where it cannot map its memory
 * OpenBLAS tries for ever, in 0.3.29 while it is loaded: programs are not linked with it, those that need no product
 * never load it, and the others try its memory first. */
#pragma once
#include "common/core/memory.h"

#include <cblas.h>

/* LAPACK's eigenvalues and eigenvectors of a symmetric matrix: in OpenBLAS, but not declared in its headers. */
void dsyevr_(const char *job, const char *range, const char *uplo, const int *n, double *a, const int *lda,
             const double *vl, const double *vu, const int *il, const int *iu, const double *abstol, int *m,
             double *w, double *z, const int *ldz, int *isuppz, double *work, const int *lwork, int *iwork,
             const int *liwork, int *info);

/* Each function that is called of OpenBLAS. */
#define BLAS_FUNCTIONS(X)                                                                                    \
    X(cblas_sgemm)                                                                                           \
    X(cblas_sdot)                                                                                            \
    X(cblas_dgemm)                                                                                           \
    X(cblas_dsyrk)                                                                                           \
    X(cblas_dtrsm)                                                                                           \
    X(cblas_ddot)                                                                                            \
    X(cblas_daxpy)                                                                                           \
    X(dsyevr_)                                                                                               \
    X(openblas_set_num_threads)                                                                              \
    X(openblas_get_num_threads)                                                                              \
    X(openblas_get_config)                                                                                   \
    X(openblas_get_corename)

#define BLAS_MEMBER(name) __typeof__(name) *name;
typedef struct {
    BLAS_FUNCTIONS(BLAS_MEMBER)
} Blas;

/* blas()->cblas_sgemm(…). The first call loads OpenBLAS, and ends the program (fatal.h) where that is impossible. */
const Blas *blas(void);

/* To be called before the first product: loads OpenBLAS, and allocates its buffers for this many concurrent callers.
 * Without memory for them it ends the program (fatal.h): OpenBLAS itself would retry for ever. */
void blas_startup(guint threads);

/* Memory of the buffers that blas_startup maps for this many threads; loads OpenBLAS, so that what that takes is seen. */
MemoryNeed blas_memory(guint threads);

/* Lines for --version: processor, instruction set, OpenBLAS with its core and how that was chosen, or why it cannot be
 * loaded. Caller frees. */
char *blas_describe(void);

/* ---- Libraries that are opened when they are first needed, as they are linked with a BLAS, instead of linked ---- */

typedef struct {
    const char *name;
    gpointer *place; /* where its address goes */
} LibraryFunction;

/* An entry for a function that the structure has a member of the same name for. */
/* clang-format off */
#define LIBRARY_FUNCTION(structure, function) {#function, (gpointer *)&(structure).function}
/* clang-format on */

/* Opens the library of this name ("libopenblas.so.0"), for the life of the process, and finds these n functions.
 * Returns its handle for dlsym, or NULL. */
void *library_open(const char *library, const LibraryFunction *functions, guint n, GError **error);
