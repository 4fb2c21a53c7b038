/* base: see base.h. The leading layers, whose activations are large and kernels small, run image by image;
 * from the first layer on that wants batches, all images go through a layer together. */
#include "common/vgg16/base.h"

#include "common/arithmetic/conv.h"
#include "common/arithmetic/pooling.h"
#include "common/core/floats.h"

/* A convolution, or a pooling that is not fused with one. */
typedef struct {
    ConvShape shape; /* of its input; a pooling has C = K */
    int conv;        /* index among the convolutions, or -1 */
    gsize floats;    /* of its output, per image */
} Step;

struct Base {
    int side, batch;
    int steps, single; /* the first `single` steps run image by image */
    ThreadPool *thread_pool;
    Step step[VGG16_LAYERS];
    ConvPlan *plan[VGG16_LAYERS];
    float *alternate[2]; /* activations of one image, alternating */
    float *joint[2];     /* the same for the batch */
    float *scratch;
};

typedef struct {
    gsize alternate, joint, scratch; /* floats each */
} Sizes;

/* Fills the steps from the input to the cut; returns their number. Without tiles (NULL, or all 0) they follow from
 * shapes. */
static int steps_to(int cut, int side, const int *tiles, Step *steps)
{
    int n = 0;
    for (int layer = 0; layer <= cut; layer++) {
        const Vgg16Layer *l = &vgg16_layers[layer];
        gsize out = (gsize)(side / l->shrink);
        int in = (int)out * (l->conv < 0 ? 2 : 1);
        ConvShape shape = {in, in, l->inputs, l->outputs, TRUE, FALSE, 3, 1, 0, FALSE};
        if (tiles && l->conv >= 0)
            shape.tile = tiles[l->conv];
        if (l->conv < 0 && !conv_wants_batch(&steps[n - 1].shape) && steps[n - 1].shape.tile != 1) {
            steps[n - 1].shape.pool = TRUE;
            steps[n - 1].floats /= 4;
        } else {
            steps[n++] = (Step){shape, l->conv, out * out * (gsize)l->outputs};
        }
    }
    return n;
}

static int single_steps(const Step *steps, int n)
{
    int single = 0;
    while (single < n && !conv_wants_batch(&steps[single].shape))
        single++;
    return single;
}

static Sizes sizes_of(const Step *steps, int n, int single, int batch, guint threads)
{
    Sizes sizes = {0};
    for (int s = 0; s < n; s++) {
        gsize floats = steps[s].floats;
        if (s < single - 1)
            sizes.alternate = MAX(sizes.alternate, floats);
        else if (s < n - 1)
            sizes.joint = MAX(sizes.joint, floats * (gsize)batch);
        if (steps[s].conv >= 0) {
            gsize scratch = conv_scratch_floats(&steps[s].shape, threads);
            sizes.scratch = MAX(sizes.scratch, scratch);
        }
    }
    return sizes;
}

/* FALSE if the convolution is after the cut. */
static gboolean find_shape(int cut, int side, int conv, ConvShape *shape)
{
    Step steps[VGG16_LAYERS];
    int n = steps_to(cut, side, NULL, steps), s = 0;
    while (s < n && steps[s].conv != conv)
        s++;
    if (s < n)
        *shape = steps[s].shape;
    return s < n;
}

int base_tile(int cut, int side, int conv, int limit)
{
    ConvShape shape;
    return find_shape(cut, side, conv, &shape) ? conv_tile(&shape, limit) : 0;
}

gboolean base_has_tile(int cut, int side, int conv, int tile)
{
    ConvShape shape;
    if (!find_shape(cut, side, conv, &shape))
        return tile == 0;
    shape.tile = tile;
    return tile >= 1 && conv_tile(&shape, CONV_LARGEST_TILE) == tile;
}

Base *base_new(const Weights *weights, const int *tiles, int cut, int side, int batch,
               ThreadPool *thread_pool)
{
    Base *base = g_new0(Base, 1);
    base->side = side;
    base->batch = batch;
    base->thread_pool = thread_pool;
    base->steps = steps_to(cut, side, tiles, base->step);
    base->single = single_steps(base->step, base->steps);
    Sizes sizes = sizes_of(base->step, base->steps, base->single, batch, thread_pool_threads(thread_pool));
    for (int s = 0; s < base->steps; s++) {
        int conv = base->step[s].conv;
        if (conv < 0)
            continue;
        base->plan[s] = conv_plan_new(&base->step[s].shape, thread_pool);
        conv_plan_set_weights(base->plan[s], weights->kernel[conv], weights->bias[conv]);
    }
    for (int i = 0; i < 2; i++) {
        base->alternate[i] = floats_new(sizes.alternate);
        base->joint[i] = floats_new(sizes.joint);
    }
    base->scratch = floats_new(sizes.scratch);
    return base;
}

void base_free(Base *base)
{
    if (!base)
        return;
    for (int s = 0; s < base->steps; s++)
        conv_plan_free(base->plan[s]);
    for (int i = 0; i < 2; i++) {
        floats_free(base->alternate[i]);
        floats_free(base->joint[i]);
    }
    floats_free(base->scratch);
    g_free(base);
}

/* Runs steps first … last-1 for n images; activations alternate between the two buffers, the last ones go to out. */
static void run_steps(Base *base, int first, int last, const float *x, int n, float *const buffers[2],
                      float *out)
{
    for (int s = first; s < last; s++) {
        const ConvShape *shape = &base->step[s].shape;
        float *y = s == last - 1 ? out : buffers[(s - first) & 1];
        if (base->plan[s])
            conv_plan_run(base->plan[s], x, n, y, base->scratch);
        else
            max_pooling_forward(base->thread_pool, y, x, n,
                                (int[]){shape->height, shape->width, shape->outputs}, 2);
        x = y;
    }
}

void base_run(Base *base, const float *images, int n, float *features)
{
    g_return_if_fail(n >= 0 && n <= base->batch);
    gsize image = (gsize)base->side * base->side * 3;
    float *together = base->single == base->steps
                          ? features
                          : base->joint[1]; /* the first activations of the whole batch */
    for (int i = 0; i < n; i++)
        run_steps(base, 0, base->single, images + i * image, 1, base->alternate,
                  together + i * base->step[base->single - 1].floats);
    run_steps(base, base->single, base->steps, together, n, base->joint, features);
}

gsize base_memory(const int *tiles, int cut, int side, int batch, guint threads)
{
    Step steps[VGG16_LAYERS];
    int n = steps_to(cut, side, tiles, steps);
    Sizes sizes = sizes_of(steps, n, single_steps(steps, n), batch, threads);
    gsize bytes = sizeof(Base) + (2 * sizes.alternate + 2 * sizes.joint + sizes.scratch) * sizeof(float);
    for (int s = 0; s < n; s++)
        bytes += steps[s].conv >= 0 ? conv_plan_memory(&steps[s].shape) : 0;
    return bytes;
}
