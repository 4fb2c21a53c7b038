/* blas: see blas.h. */
#include "common/arithmetic/blas.h"

#include "common/arithmetic/isa.h"
#include "common/core/memory.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define CORE    "OPENBLAS_CORETYPE"
#define THREADS "OPENBLAS_NUM_THREADS"

enum { BUFFER = 130 << 20 }; /* bytes: up to 128 MB, depending on the processor, and a little more */

/* OpenBLAS's name of the core for this processor ("SkylakeX", "Haswell", "Zen"); NULL: leave the choice to OpenBLAS,
 * as on processors without AVX2 or other than x86-64. */
static const char *best_core(void)
{
#ifdef __x86_64__
    __builtin_cpu_init(); /* this may run before the constructor that calls it */
    if (isa_available(ISA_AVX512) && __builtin_cpu_supports("avx512cd"))
        return "SkylakeX";
    if (isa_available(ISA_AVX2))
        return __builtin_cpu_is("amd") ? "Zen" : "Haswell";
#endif
    return NULL;
}

/* The value of the entry "NAME=VALUE", or NULL. */
static const char *value_of(char **environment, const char *name)
{
    gsize length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

/* If execve fails, the program continues with OpenBLAS's own choice: slower, not wrong. */
static void start_again(char **arguments, char **environment, const char *core)
{
    static char one_thread[] = THREADS "=1";
    char core_type[32];
    gsize n = 0, kept = 0;
    while (environment[n])
        n++;
    char **changed = malloc((n + 3) * sizeof *changed);
    if (!changed)
        return;
    for (gsize i = 0; i < n; i++)
        if (strncmp(environment[i], THREADS "=", sizeof THREADS) != 0)
            changed[kept++] = environment[i];
    changed[kept++] = one_thread;
    if (core && !value_of(environment, CORE)) {
        snprintf(core_type, sizeof core_type, CORE "=%s", core);
        changed[kept++] = core_type;
    }
    changed[kept] = NULL;
    execve((const char *)getauxval(AT_EXECFN), arguments, changed);
    free(changed);
}

/* Runs after the libraries are loaded and before any of their constructors, so before OpenBLAS reads its variables or
 * starts threads. Setting variables in this process has no effect, as libc's environment is not initialised yet. */
static void before_libraries(int n_arguments, char **arguments, char **environment)
{
    const char *core = best_core(), *threads = value_of(environment, THREADS);
    if ((core && !value_of(environment, CORE)) || !threads || strcmp(threads, "1") != 0)
        start_again(arguments, environment, core);
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **,
                                                                              char **) = before_libraries;

/* Functions of libopenblas, NULL if it does not export them: they acquire and release a thread's work buffer, which
 * stays mapped afterwards. */
extern void *blas_memory_alloc(int place) __attribute__((weak));
extern void blas_memory_free(void *buffer) __attribute__((weak));

void blas_startup(guint threads)
{
    static guint ready;
    openblas_set_num_threads(1);
    if (threads <= ready || !blas_memory_alloc || !blas_memory_free)
        return;
    g_autofree void **buffers = g_new(void *, threads);
    for (guint i = 0; i < threads; i++) {
        if (i >= ready)
            memory_need(BUFFER, "OpenBLAS, each thread");
        buffers[i] = blas_memory_alloc(0);
    }
    for (guint i = 0; i < threads; i++)
        blas_memory_free(buffers[i]);
    ready = threads;
}

MemoryNeed blas_memory(guint threads)
{
    enum { WRITTEN = 2 << 20 }; /* bytes of a thread's buffer that products of a layer's size touch */
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

char *blas_describe(void)
{
    g_autofree char *processor = processor_name();
    g_auto(GStrv) words = g_strsplit(openblas_get_config(), " ", 3); /* "OpenBLAS 0.3.21 NO_LAPACKE …" */
    const char *core = openblas_get_corename(), *best = best_core();
    g_autofree char *better = best && g_ascii_strcasecmp(core, best) != 0
                                  ? g_strdup_printf("; this processor could run %s", best)
                                  : g_strdup("");
    return g_strdup_printf("Processor: %s\nInstruction set: %s\nBLAS: OpenBLAS %s, core %s%s, %d thread%s\n",
                           processor, isa_name(isa_current()), words[0] && words[1] ? words[1] : "", core,
                           better, openblas_get_num_threads(), openblas_get_num_threads() == 1 ? "" : "s");
}
