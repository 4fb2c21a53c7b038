/* output_plan: whether the files that a command line names may be written, decided before any work is done. How they
 * are written then: output_file.h. */
#pragma once
#include <glib.h>

typedef enum {
    PLAN_INPUT,          /* a file that is read */
    PLAN_IMAGES,         /* a folder of images that are read, CLASS/NAME below it */
    PLAN_OUTPUT,         /* a file that is written; its folder exists */
    PLAN_OUTPUT_BENEATH, /* one in a folder that is made where it is missing */
} PlanUse;

typedef struct {
    PlanUse use;
    const char *name; /* what the user calls it: "--json", "MODEL"; outlives the check */
    char *path;
    gboolean (*is_image)(const char *path); /* of PLAN_IMAGES: whether a file with this name is read */
} PlannedFile;

typedef GArray OutputPlan; /* PlannedFile */

OutputPlan *output_plan_new(void);
void output_plan_free(OutputPlan *plan);

/* Nothing where path is NULL. What is not there, as "random" for weights, is no input. */
void output_plan_add(OutputPlan *plan, PlanUse use, const char *name, const char *path);

void output_plan_add_images(OutputPlan *plan, const char *name, const char *folder,
                            gboolean (*is_image)(const char *path));

/* name in folder; nothing where folder is NULL. */
void output_plan_add_beneath(OutputPlan *plan, const char *option, const char *folder, const char *name);

/* FALSE and a sentence where an output is an input (by device and inode, links followed), an image below a folder of
 * images, a file in a cache, another output or a folder, or where its folder cannot be written. Where all may be
 * written, what killed writers of them left is removed. */
gboolean output_plan_check(const OutputPlan *plan, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputPlan, output_plan_free)
