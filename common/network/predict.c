/* predict: inference and gradients with respect to the input, a block of images at a time; see network.h. */
#include "common/core/floats.h"
#include "common/network/executor.h"
#include "common/network/scores.h"

#include <string.h>

enum { BLOCK = 64 }; /* images at a time */

MemoryNeed network_predict_memory(const Network *network, guint threads, int n)
{
    g_auto(Arena) arena = {0};
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    executor_free(executor_new(&arena, network, EXECUTOR_PREDICT, MIN(n, BLOCK), thread_pool));
    return (MemoryNeed){.memory = arena_bytes(&arena), .address = FLOATS_ALIGNMENT};
}

void network_predict(const Network *network, ThreadPool *thread_pool, const float *const *x, int n,
                     float *out)
{
    g_auto(Arena) arena = {0};
    g_autoptr(Executor) executor = arena_build(
        &arena, executor_free, executor_new(&arena, network, EXECUTOR_PREDICT, MIN(n, BLOCK), thread_pool));
    int outputs = network_outputs(network);
    for (int done = 0; done < n; done += BLOCK) {
        int block = MIN(BLOCK, n - done);
        float *to = executor_forward(executor, x + done, block, NULL, out + (gsize)done * outputs);
        if (network_ends_in_softmax(network))
            scores_rows(scores_softmax, to, (guint)block, (guint)outputs, to);
    }
}

void network_gradients(const Network *network, ThreadPool *thread_pool, const float *const *x, int n,
                       const int *outputs, float *logits, float *gradients)
{
    g_auto(Arena) arena = {0};
    g_autoptr(Executor) executor = arena_build(
        &arena, executor_free, executor_new(&arena, network, EXECUTOR_GRADIENT, MIN(n, BLOCK), thread_pool));
    gsize inputs = network_inputs(network), classes = (gsize)network_outputs(network);
    for (int done = 0; done < n; done += BLOCK) {
        int block = MIN(BLOCK, n - done);
        float *dy = executor->gradients[0];
        memcpy(logits + done * classes, executor_forward(executor, x + done, block, NULL, NULL),
               block * classes * sizeof(float));
        memset(dy, 0, block * classes * sizeof(float));
        for (int i = 0; i < block; i++)
            dy[i * classes + (gsize)outputs[done + i]] = 1;
        memcpy(gradients + done * inputs, executor_backward(executor, block, NULL, NULL, NULL),
               block * inputs * sizeof(float));
    }
}
