/* base: see base.h. The leading layers, whose activations are large and kernels small, run image by image;
 * from the first layer on that wants batches, all images go through a layer together. */
#include "common/base/base.h"

#include "common/base/conv.h"

typedef struct {
    ConvShape shape;
    const Vgg16Layer
        *out; /* the layer whose output the step leaves: the convolution, or the pooling fused into it */
    int conv;
} Step;

struct Base {
    int cut, side, batch;
    int steps, single; /* the first `single` steps run image by image */
    Step step[VGG16_CONVS];
    ConvPlan *plan[VGG16_CONVS];
    float *alternate[2]; /* activations of the steps of one image, in turn */
    float *joint[2];     /* of the batch */
    void *scratch;
};

typedef struct {
    gsize alternate, joint, scratch; /* bytes each */
} Sizes;

/* Fills the steps from the input to the cut. */
static int steps_to(int cut, int side, Step *steps)
{
    int n = 0;
    for (int layer = 0; layer <= cut; layer++) {
        const Vgg16Layer *l = &vgg16_layers[layer];
        if (l->conv < 0)
            continue;
        gboolean pool = layer < cut && vgg16_layers[layer + 1].conv < 0;
        steps[n++] = (Step){{side / l->shrink, side / l->shrink, l->inputs, l->outputs, TRUE, pool},
                            &vgg16_layers[layer + pool],
                            l->conv};
    }
    return n;
}

static gsize step_bytes(const Step *step, int side)
{
    gsize pixels = (gsize)(side / step->out->shrink);
    return pixels * pixels * (gsize)step->out->outputs * sizeof(float);
}

static Sizes sizes_of(const Step *steps, int n, int single, int side, int batch, guint threads)
{
    Sizes sizes = {0};
    for (int s = 0; s < n; s++) {
        gsize bytes = step_bytes(&steps[s], side);
        if (s < single - 1)
            sizes.alternate = MAX(sizes.alternate, bytes);
        else if (s < n - 1)
            sizes.joint = MAX(sizes.joint, bytes * (gsize)batch);
        sizes.scratch = MAX(sizes.scratch, conv_scratch_size(&steps[s].shape, threads));
    }
    return sizes;
}

static int single_steps(const Step *steps, int n)
{
    int single = 0;
    while (single < n && !conv_wants_batch(&steps[single].shape))
        single++;
    return single;
}

Base *base_new(const Weights *weights, int cut, int side, int batch, Crew *crew)
{
    Base *base = g_new0(Base, 1);
    base->cut = cut;
    base->side = side;
    base->batch = batch;
    base->steps = steps_to(cut, side, base->step);
    base->single = single_steps(base->step, base->steps);
    Sizes sizes = sizes_of(base->step, base->steps, base->single, side, batch, crew_threads(crew));
    for (int s = 0; s < base->steps; s++) {
        int conv = base->step[s].conv;
        base->plan[s] = conv_plan_new(&base->step[s].shape, crew);
        conv_plan_set_weights(base->plan[s], weights->kernel[conv], weights->bias[conv]);
    }
    for (int i = 0; i < 2; i++) {
        base->alternate[i] = conv_memory_new(sizes.alternate);
        base->joint[i] = conv_memory_new(sizes.joint);
    }
    base->scratch = conv_memory_new(sizes.scratch);
    return base;
}

void base_free(Base *base)
{
    if (!base)
        return;
    for (int s = 0; s < base->steps; s++)
        conv_plan_free(base->plan[s]);
    for (int i = 0; i < 2; i++) {
        conv_memory_free(base->alternate[i]);
        conv_memory_free(base->joint[i]);
    }
    conv_memory_free(base->scratch);
    g_free(base);
}

/* One image through the first steps; the last of them writes to out. */
static void run_single(Base *base, const float *x, float *out)
{
    for (int s = 0; s < base->single; s++) {
        float *y = s == base->single - 1 ? out : base->alternate[s & 1];
        conv_plan_run(base->plan[s], x, 1, y, base->scratch);
        x = y;
    }
}

void base_run(Base *base, const float *images, int n, float *features)
{
    g_return_if_fail(n >= 0 && n <= base->batch);
    gsize image = (gsize)base->side * base->side * 3;
    const float *x = images;
    if (base->single > 0) {
        float *y = base->single == base->steps ? features : base->joint[1];
        gsize floats = step_bytes(&base->step[base->single - 1], base->side) / sizeof(float);
        for (int i = 0; i < n; i++)
            run_single(base, images + i * image, y + i * floats);
        x = y;
    }
    for (int s = base->single; s < base->steps; s++) {
        float *y = s == base->steps - 1 ? features : base->joint[(s - base->single) & 1];
        conv_plan_run(base->plan[s], x, n, y, base->scratch);
        x = y;
    }
}

void base_shape(int cut, int side, int shape[3])
{
    shape[0] = shape[1] = side / vgg16_layers[cut].shrink;
    shape[2] = vgg16_layers[cut].outputs;
}

gsize base_memory(int cut, int side, int batch, guint threads)
{
    Step steps[VGG16_CONVS];
    int n = steps_to(cut, side, steps);
    Sizes sizes = sizes_of(steps, n, single_steps(steps, n), side, batch, threads);
    gsize bytes = sizeof(Base) + 2 * sizes.alternate + 2 * sizes.joint + sizes.scratch;
    for (int s = 0; s < n; s++)
        bytes += conv_plan_memory(&steps[s].shape);
    return bytes;
}
