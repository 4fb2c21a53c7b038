/* output_plan: checks before any work whether the files named on a command line may be written. output_file.h writes
 * them. */
#pragma once
#include <glib.h>

/* What a program does with a file. */
typedef enum {
    PLAN_NONE,
    PLAN_INPUT,          /* it is read */
    PLAN_IMAGES,         /* a folder of images that are read, CLASS/NAME below it */
    PLAN_OUTPUT,         /* it is written; its folder exists. Those before are read, from here on written */
    PLAN_FIGURE,         /* likewise, as a picture */
    PLAN_OUTPUT_BENEATH, /* files are written in this folder, which is created if missing */
} PlanUse;

typedef GPtrArray OutputPlan;

OutputPlan *output_plan_new(void);

/* name: for messages, "--json", "MODEL". beneath: the names of the files in the folder, "a.npy|b.csv". Does nothing if
 * path is NULL. A missing file, such as "random" for weights, is not an input. */
void output_plan_add(OutputPlan *plan, PlanUse use, const char *name, const char *path, const char *beneath);

/* FALSE and error if an output is an input (by device and inode, links followed), an image below a folder of images,
 * a file in a cache, another output or a folder, or if its folder cannot be written. */
gboolean output_plan_check(const OutputPlan *plan, GError **error);

/* Which of the endings of figures a file's name has, in any case; -1 and error for another. */
#define FIGURE_ENDINGS "png|svg|pdf"
int output_plan_figure(const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputPlan, g_ptr_array_unref)
