/* solver: liblinear's solvers of linear heads, and what each can do. Fan, Chang, Hsieh, Wang & Lin, "LIBLINEAR: A library
 * for large linear classification", JMLR 9 (2008). */
#pragma once
#include <glib.h>

typedef enum {
    LOSS_HINGE,         /* max(0, 1 - margin) */
    LOSS_SQUARED_HINGE, /* its square */
    LOSS_LOGISTIC,      /* log(1 + exp(-margin)): 1 / (1 + exp(-decision value)) is a probability */
} Loss;

typedef struct Solver {
    const char *name;  /* liblinear's, "L2R_L2LOSS_SVC_DUAL" */
    const char *alias; /* short, "svc-dual" */
    double tolerance;  /* liblinear's default -e */
    Loss loss;
    gboolean
        rotation; /* penalty ||w||²: the same solution in every orthonormal basis, so gram_factor.h applies */
    gboolean dual;
    gboolean multiclass; /* all classes in one problem (Crammer & Singer); else one versus rest */
} Solver;

enum { SOLVERS = 8 };
extern const Solver solvers[SOLVERS]; /* by liblinear's number, its -s */
guint solver_number(const Solver *solver);

/* By number, name in any case, or alias; NULL if there is none. */
const Solver *solver_find(const char *text);
/* All of them, for a message: "0 L2R_LR (lr), …". Caller frees. */
char *solver_list(void);

/* Whether its optimum is also that of a dual that descent.h solves: penalty ||w||², one versus rest. */
gboolean solver_descends(const Solver *solver);
