/* conv_gradient: the gradients of a convolution, see conv.h. */
#include "common/arithmetic/conv_plan.h"

enum { BIAS_GROUPS = 16 }; /* groups of images, whose sums are added up in order */

typedef struct {
    const ConvPlan *plan;
    int n;
    guint groups;
    float *dy;
    const float *y;
    double *sums; /* (groups, K) */
} BiasGradient;

/* Sums within a row in float, over rows in double. */
static void bias_group(guint group, guint worker, gpointer data)
{
    const BiasGradient *b = data;
    const ConvShape *shape = &b->plan->shape;
    gsize outputs = shape->outputs, height = b->plan->height, width = b->plan->width;
    gsize begin = part_start((guint)b->n, b->groups, group) * height,
          end = part_start((guint)b->n, b->groups, group + 1) * height;
    double *sums = b->sums + group * outputs;
    g_autofree float *row_sums = g_new(float, outputs);
    for (gsize row = begin; row < end; row++) {
        for (gsize k = 0; k < outputs; k++)
            row_sums[k] = 0;
        for (gsize pixel = row * width; pixel < (row + 1) * width; pixel++) {
            float *dy = b->dy + pixel * outputs;
            const float *y = b->y + pixel * outputs;
            for (gsize k = 0; shape->relu && k < outputs; k++)
                dy[k] = y[k] > 0 ? dy[k] : 0;
            for (gsize k = 0; k < outputs; k++)
                row_sums[k] += dy[k];
        }
        for (gsize k = 0; k < outputs; k++)
            sums[k] += row_sums[k];
    }
}

void conv_plan_bias_gradient(ConvPlan *plan, float *dbias, float *dy, const float *y, int n)
{
    gsize outputs = plan->shape.outputs;
    guint groups = (guint)MIN(n, BIAS_GROUPS);
    g_autofree double *sums = g_new0(double, groups *outputs);
    BiasGradient gradient = {plan, n, groups, dy, y, sums};
    thread_pool_run(plan->thread_pool, groups, bias_group, &gradient);
    for (gsize k = 0; k < outputs; k++) {
        double sum = 0;
        for (guint group = 0; group < groups; group++)
            sum += sums[group * outputs + k];
        dbias[k] = (float)sum;
    }
}

void conv_plan_kernel_gradient(ConvPlan *plan, float *dkernel, const float *x, const float *dy, int n)
{
    plan->method->gradient(plan, dkernel, x, dy, n);
}

void conv_plan_input_gradient(ConvPlan *plan, float *dx, const float *dy, int n)
{
    conv_plan_set_weights(plan->backward, plan->kernel, NULL);
    conv_plan_run(plan->backward, dy, n, dx);
}
