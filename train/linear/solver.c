/* solver: see solver.h. */
#include "train/linear/solver.h"

const Solver solvers[SOLVERS] = {
    {"L2R_LR", "lr", 0.01, LOSS_LOGISTIC, .rotation = TRUE},
    {"L2R_L2LOSS_SVC_DUAL", "svc-dual", 0.1, LOSS_SQUARED_HINGE, .rotation = TRUE, .dual = TRUE},
    {"L2R_L2LOSS_SVC", "svc", 0.01, LOSS_SQUARED_HINGE, .rotation = TRUE},
    {"L2R_L1LOSS_SVC_DUAL", "hinge-dual", 0.1, LOSS_HINGE, .rotation = TRUE, .dual = TRUE},
    {"MCSVM_CS", "crammer-singer", 0.1, LOSS_HINGE, .rotation = TRUE, .dual = TRUE, .multiclass = TRUE},
    {"L1R_L2LOSS_SVC", "l1-svc", 0.01, LOSS_SQUARED_HINGE, .rotation = FALSE},
    {"L1R_LR", "l1-lr", 0.01, LOSS_LOGISTIC, .rotation = FALSE},
    {"L2R_LR_DUAL", "lr-dual", 0.1, LOSS_LOGISTIC, .rotation = TRUE, .dual = TRUE},
};

guint solver_number(const Solver *solver)
{
    return (guint)(solver - solvers);
}

const Solver *solver_find(const char *text)
{
    for (const Solver *s = solvers; s < solvers + SOLVERS; s++) {
        g_autofree char *number = g_strdup_printf("%u", solver_number(s));
        if (g_ascii_strcasecmp(text, s->name) == 0 || g_ascii_strcasecmp(text, s->alias) == 0 ||
            g_str_equal(text, number))
            return s;
    }
    return NULL;
}

char *solver_list(void)
{
    GString *list = g_string_new(NULL);
    for (const Solver *s = solvers; s < solvers + SOLVERS; s++)
        g_string_append_printf(list, "%s%u %s (%s)", list->len ? ", " : "", solver_number(s), s->name,
                               s->alias);
    return g_string_free(list, FALSE);
}

gboolean solver_descends(const Solver *solver)
{
    return solver->rotation && !solver->multiclass;
}
