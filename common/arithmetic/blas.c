/* blas: see blas.h. */
#include "common/arithmetic/blas.h"

#include "common/arithmetic/isa.h"
#include "common/core/error.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define CORE    "OPENBLAS_CORETYPE"
#define THREADS "OPENBLAS_NUM_THREADS"

/* Bytes of address space, a little more than they take: a thread's buffer (up to 128 MB, depending on the processor),
 * and what loading takes (39 MB in 0.3.21, 170 MB in 0.3.29). */
enum { BUFFER = 130 << 20, LOADING = 180 << 20 };

/* OpenBLAS's name of the core for this processor ("SkylakeX", "Haswell", "Zen"); NULL: leave the choice to OpenBLAS,
 * as on processors without AVX2 or other than x86-64. */
static const char *best_core(void)
{
#ifdef __x86_64__
    __builtin_cpu_init(); /* another constructor that calls it may run later */
    if (isa_available(ISA_AVX512) && __builtin_cpu_supports("avx512cd"))
        return "SkylakeX";
    if (isa_available(ISA_AVX2))
        return __builtin_cpu_is("amd") ? "Zen" : "Haswell";
#endif
    return NULL;
}

/* setenv is safe here, as no thread has started; where it fails, OpenBLAS's own choice is slower, not wrong. */
__attribute__((constructor)) static void choose(void)
{
    const char *core = best_core();
    if (core)
        setenv(CORE, core, FALSE);
    setenv(THREADS, "1", TRUE);
}

void *library_open(const char *library, const LibraryFunction *functions, guint n, GError **error)
{
    void *handle = dlopen(library, RTLD_NOW);
    for (guint i = 0; handle && i < n; i++)
        if (!(*functions[i].place = dlsym(handle, functions[i].name)))
            handle = NULL;
    if (!handle)
        error_set(error, "%s; install this library again", dlerror());
    return handle;
}

static Blas functions;
static struct {
    GMutex lock;
    gint done;
    /* They acquire and release a thread's work buffer, which stays mapped afterwards; NULL where not exported. */
    void *(*acquire)(int place);
    void (*release)(void *buffer);
} loaded;

static gboolean find_functions(GError **error)
{
#define FIND(name) LIBRARY_FUNCTION(functions, name),
    const LibraryFunction all[] = {BLAS_FUNCTIONS(FIND)};
    void *library = library_open("libopenblas.so.0", all, G_N_ELEMENTS(all), error);
    if (!library)
        return FALSE;
    *(gpointer *)&loaded.acquire = dlsym(library, "blas_memory_alloc");
    *(gpointer *)&loaded.release = dlsym(library, "blas_memory_free");
    functions.openblas_set_num_threads(1); /* its OpenMP build ignores the variable */
    return TRUE;
}

static gboolean load(GError **error)
{
    if (g_atomic_int_get(&loaded.done))
        return TRUE;
    g_mutex_lock(&loaded.lock);
    gboolean done = loaded.done || (memory_maps(LOADING, "OpenBLAS", error) && find_functions(error));
    g_atomic_int_set(&loaded.done, done);
    g_mutex_unlock(&loaded.lock);
    return done;
}

const Blas *blas(void)
{
    g_autoptr(GError) error = NULL;
    if (!load(&error))
        g_error("%s", error->message);
    return &functions;
}

void blas_startup(guint threads)
{
    static guint ready;
    blas();
    if (threads <= ready || !loaded.acquire || !loaded.release)
        return;
    g_autofree void **buffers = g_new(void *, threads);
    for (guint i = 0; i < threads; i++) {
        if (i >= ready)
            memory_need(BUFFER, "OpenBLAS, each thread");
        buffers[i] = loaded.acquire(0);
    }
    for (guint i = 0; i < threads; i++)
        loaded.release(buffers[i]);
    ready = threads;
}

MemoryNeed blas_memory(guint threads)
{
    enum { WRITTEN = 2 << 20 }; /* bytes of a thread's buffer that products of a layer's size touch */
    blas();
    return (MemoryNeed){.memory = (gsize)threads * WRITTEN, .address = (gsize)threads * BUFFER};
}

/* "Intel(R) Xeon(R) Platinum 8592+", or "of unknown model". Caller frees. */
static char *processor_name(void)
{
    g_autofree char *text = NULL;
    const char *line =
        g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL) ? strstr(text, "model name") : NULL;
    const char *name = line ? strchr(line, ':') : NULL;
    return name ? g_strstrip(g_strndup(name + 1, strcspn(name + 1, "\n"))) : g_strdup("of unknown model");
}

static char *describe_library(void)
{
    g_autoptr(GError) error = NULL;
    if (!load(&error))
        return g_strdup(error->message);
    g_auto(GStrv) words =
        g_strsplit(functions.openblas_get_config(), " ", 3); /* "OpenBLAS 0.3.21 NO_LAPACKE …" */
    const char *core = functions.openblas_get_corename(), *best = best_core();
    int threads = functions.openblas_get_num_threads();
    g_autofree char *better = best && g_ascii_strcasecmp(core, best) != 0
                                  ? g_strdup_printf("; this processor could run %s", best)
                                  : g_strdup("");
    return g_strdup_printf("OpenBLAS %s, core %s%s, %d thread%s", words[0] && words[1] ? words[1] : "", core,
                           better, threads, threads == 1 ? "" : "s");
}

char *blas_describe(void)
{
    g_autofree char *processor = processor_name(), *library = describe_library();
    return g_strdup_printf("Processor: %s\nInstruction set: %s\nBLAS: %s\n", processor,
                           isa_name(isa_current()), library);
}
