/* liblinear: see liblinear.h. */
#include "train/linear/liblinear.h"

#include <linear.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const LinearSolver linear_solvers[] = {
    {L2R_LR, "L2R_LR", "lr", "L2-regularised logistic regression, primal", 0.01, TRUE, TRUE, FALSE, TRUE},
    {L2R_L2LOSS_SVC_DUAL, "L2R_L2LOSS_SVC_DUAL", "svc-dual",
     "L2-regularised L2-loss support vector classification, dual", 0.1, TRUE, FALSE, FALSE, FALSE},
    {L2R_L2LOSS_SVC, "L2R_L2LOSS_SVC", "svc", "the same, primal", 0.01, TRUE, TRUE, FALSE, FALSE},
    {L2R_L1LOSS_SVC_DUAL, "L2R_L1LOSS_SVC_DUAL", "hinge-dual",
     "L2-regularised L1-loss support vector classification, dual", 0.1, TRUE, FALSE, FALSE, FALSE},
    {MCSVM_CS, "MCSVM_CS", "crammer-singer",
     "multi-class support vector classification by Crammer and Singer", 0.1, TRUE, FALSE, TRUE, FALSE},
    {L1R_L2LOSS_SVC, "L1R_L2LOSS_SVC", "l1-svc", "L1-regularised L2-loss support vector classification", 0.01,
     FALSE, FALSE, FALSE, FALSE},
    {L1R_LR, "L1R_LR", "l1-lr", "L1-regularised logistic regression", 0.01, FALSE, FALSE, FALSE, TRUE},
    {L2R_LR_DUAL, "L2R_LR_DUAL", "lr-dual", "L2-regularised logistic regression, dual", 0.1, TRUE, FALSE,
     FALSE, TRUE},
    {0},
};

const LinearSolver *linear_solver_find(const char *text)
{
    for (const LinearSolver *s = linear_solvers; s->name; s++) {
        g_autofree char *number = g_strdup_printf("%d", s->type);
        if (g_ascii_strcasecmp(text, s->name) == 0 || g_ascii_strcasecmp(text, s->alias) == 0 ||
            strcmp(text, number) == 0)
            return s;
    }
    return NULL;
}

char *linear_solver_list(void)
{
    GString *list = g_string_new(NULL);
    for (const LinearSolver *s = linear_solvers; s->name; s++)
        g_string_append_printf(list, "%s%d %s (%s)", list->len ? ", " : "", s->type, s->name, s->alias);
    return g_string_free(list, FALSE);
}

struct LinearRows {
    guint count, width;
    struct feature_node *nodes, *end;
    struct feature_node **rows; /* each ends with index -1 */
};

gsize linear_rows_bytes(gsize nonzeros, guint rows)
{
    return (nonzeros + rows) * sizeof(struct feature_node) + rows * sizeof(struct feature_node *);
}

LinearRows *linear_rows_new(guint count, guint width, gsize nonzeros)
{
    g_autoptr(LinearRows) rows = g_new0(LinearRows, 1);
    rows->width = width;
    rows->nodes = rows->end = g_try_new(struct feature_node, nonzeros + count);
    rows->rows = g_new(struct feature_node *, count);
    return rows->nodes ? g_steal_pointer(&rows) : NULL;
}

void linear_rows_free(LinearRows *rows)
{
    if (!rows)
        return;
    g_free(rows->rows);
    g_free(rows->nodes);
    g_free(rows);
}

void linear_rows_add(LinearRows *rows, const double *values, guint count)
{
    rows->rows[rows->count++] = rows->end;
    for (guint j = 0; j < count; j++)
        if (values[j] != 0)
            *rows->end++ = (struct feature_node){(int)j + 1, values[j]};
    *rows->end++ = (struct feature_node){-1, 0};
}

guint linear_rows_width(const LinearRows *rows)
{
    return rows->width;
}

double linear_rows_square(const LinearRows *rows, guint row)
{
    double sum = 0;
    for (const struct feature_node *x = rows->rows[row]; x->index != -1; x++)
        sum += x->value * x->value;
    return sum;
}

double linear_decision(const LinearRows *rows, guint row, const double *w)
{
    double sum = 0;
    for (const struct feature_node *x = rows->rows[row]; x->index != -1; x++)
        sum += w[x->index - 1] * x->value;
    return sum;
}

static LinearFit current; /* what the print hook has learnt about the current fit */

/* The solvers report how they went only by printing: "optimization finished, #iter = 12" at the end of
 * coordinate descent, "iter 3 act …" at each of TRON's steps, "WARNING: reaching max number of
 * iterations". */
static void listen(const char *text)
{
    int iterations;
    const char *finished = strstr(text, "#iter = ");
    if ((finished && sscanf(finished, "#iter = %d", &iterations) == 1) ||
        sscanf(text, "iter %d", &iterations) == 1)
        current.iterations = iterations;
    if (strstr(text, "reaching max number of"))
        current.not_converged = TRUE;
}

/* labels: (n) integers; costs: by label, n_labels of them. */
static struct model *run(const LinearRows *rows, const LinearProblem *problem, double *labels, int n_labels,
                         int *label, double *cost, double *start)
{
    g_autofree struct feature_node **x = g_new(struct feature_node *, problem->n);
    for (guint i = 0; i < problem->n; i++)
        x[i] = rows->rows[problem->index[i]];
    struct problem data = {.l = (int)problem->n, .n = (int)rows->width, .y = labels, .x = x, .bias = -1};
    struct parameter parameter = {.solver_type = problem->solver->type,
                                  .eps = problem->tolerance,
                                  .C = 1,
                                  .nr_weight = n_labels,
                                  .weight_label = label,
                                  .weight = cost,
                                  .p = 0.1,
                                  .init_sol = start};
    current = (LinearFit){0, FALSE};
    set_print_string_function(listen);
    srand(problem->seed);
    return train(&data, &parameter);
}

LinearFit linear_fit_binary(const LinearRows *rows, const LinearProblem *problem, const gboolean *positive,
                            double positive_cost, double negative_cost, gboolean start, double *w)
{
    g_autofree double *y = g_new(double, problem->n);
    for (guint i = 0; i < problem->n; i++)
        y[i] = positive[i] ? 1 : -1;
    int label[] = {1, -1};
    double cost[] = {positive_cost, negative_cost};
    struct model *model = run(rows, problem, y, 2, label, cost, start && problem->solver->warm ? w : NULL);
    /* liblinear puts +1 first whatever the order of the rows. */
    g_assert(model->nr_class == 2 && model->label[0] == 1);
    memcpy(w, model->w, rows->width * sizeof *w);
    free_and_destroy_model(&model);
    return current;
}

LinearFit linear_fit_multiclass(const LinearRows *rows, const LinearProblem *problem, const int *labels,
                                guint classes, const double *costs, double *w)
{
    g_autofree double *y = g_new(double, problem->n), *weight = g_memdup2(costs, classes * sizeof *costs);
    g_autofree int *label = g_new(int, classes);
    for (guint i = 0; i < problem->n; i++)
        y[i] = labels[i];
    for (guint k = 0; k < classes; k++)
        label[k] = (int)k;
    struct model *model = run(rows, problem, y, (int)classes, label, weight, NULL);
    memset(w, 0, (gsize)classes * rows->width * sizeof *w);
    for (int k = 0; k < model->nr_class; k++)
        for (guint j = 0; j < rows->width; j++)
            w[(gsize)model->label[k] * rows->width + j] = model->w[(gsize)j * model->nr_class + k];
    free_and_destroy_model(&model);
    return current;
}
