/* liblinear: liblinear's solvers on plain arrays; the only module that includes linear.h, whose names have no prefix.
 *
 * liblinear draws from rand() and prints through a global hook, so it is not thread-safe: call it in a separate
 * process (process_pool.h) or while the program has a single thread. Fan, Chang, Hsieh, Wang & Lin, "LIBLINEAR: A
 * library for large linear classification", JMLR 9 (2008). */
#pragma once
#include "train/linear/training_set.h"

typedef struct {
    int type;          /* liblinear's -s */
    const char *name;  /* liblinear's, "L2R_L2LOSS_SVC_DUAL" */
    const char *alias; /* short, "svc-dual" */
    const char *meaning;
    double tolerance; /* liblinear's default -e */
    /* penalty ||w||²: the same solution in every orthonormal basis, so gram_factor.h applies */
    gboolean rotation;
    gboolean warm;       /* can start from a given w */
    gboolean multiclass; /* all classes in one problem (Crammer & Singer); else one versus rest */
    gboolean logistic;   /* 1 / (1 + exp(-decision value)) is a probability */
} LinearSolver;

/* Ends with an entry whose name is NULL. */
extern const LinearSolver linear_solvers[];

/* By number, name in any case, or alias; NULL if there is none. */
const LinearSolver *linear_solver_find(const char *text);
/* All of them, for a message or --help: "0 L2R_LR (lr), …". Caller frees. */
char *linear_solver_list(void);

/* Vectors in liblinear's format: 16 bytes per non-zero feature. */
typedef struct LinearRows LinearRows;

gsize linear_rows_bytes(gsize nonzeros, guint rows);
LinearRows *linear_rows_new(guint rows, guint width, gsize nonzeros); /* NULL if memory is short */
void linear_rows_free(LinearRows *rows);
/* Appends a row from count <= width values; the rest are zero. */
void linear_rows_add(LinearRows *rows, const double *values, guint count);
guint linear_rows_width(const LinearRows *rows);

typedef struct {
    const LinearSolver *solver;
    double tolerance;
    guint seed;         /* of the order in which a dual solver visits the rows */
    const guint *index; /* (n) rows to train on */
    guint n;
} LinearProblem;

typedef struct {
    int iterations;         /* of the solver's outer loop; 0 if it does not report any */
    gboolean not_converged; /* stopped by the iteration limit, not by the tolerance */
} LinearFit;

/* One class versus the rest. positive: (n) of the rows in index; costs of an error on either side. w:
 * (width), decision value w·x > 0 for positive; if start is TRUE and the solver can start warm, w holds
 * the starting point. Both sides must be present. */
LinearFit linear_fit_binary(const LinearRows *rows, const LinearProblem *problem, const gboolean *positive,
                            double positive_cost, double negative_cost, gboolean start, double *w);

/* Crammer & Singer's. labels: (n) of the rows in index, 0 … classes-1; costs: (classes). w: (classes,
 * width); zero for an absent class. */
LinearFit linear_fit_multiclass(const LinearRows *rows, const LinearProblem *problem, const int *labels,
                                guint classes, const double *costs, double *w);

/* ||x||² */
double linear_rows_square(const LinearRows *rows, guint row);

/* w·x */
double linear_decision(const LinearRows *rows, guint row, const double *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinearRows, linear_rows_free)
