/* output_plan: checks before any work whether the files named on a command line may be written. output_file.h writes
 * them. */
#pragma once
#include <glib.h>

typedef enum {
    PLAN_INPUT,          /* a file that is read */
    PLAN_IMAGES,         /* a folder of images that are read, CLASS/NAME below it */
    PLAN_OUTPUT,         /* a file that is written; its folder exists */
    PLAN_OUTPUT_BENEATH, /* one in a folder that is created if missing */
} PlanUse;

typedef struct {
    PlanUse use;
    const char *name; /* for messages: "--json", "MODEL"; valid until the check */
    char *path;
    gboolean (*is_image)(const char *path); /* of PLAN_IMAGES: whether a file with this name is read */
} PlannedFile;

typedef GArray OutputPlan; /* PlannedFile */

OutputPlan *output_plan_new(void);
void output_plan_free(OutputPlan *plan);

/* Does nothing if path is NULL. A missing file, such as "random" for weights, is not an input. */
void output_plan_add(OutputPlan *plan, PlanUse use, const char *name, const char *path);

void output_plan_add_images(OutputPlan *plan, const char *name, const char *folder,
                            gboolean (*is_image)(const char *path));

/* name in folder; does nothing if folder is NULL. */
void output_plan_add_beneath(OutputPlan *plan, const char *option, const char *folder, const char *name);

/* FALSE and error if an output is an input (by device and inode, links followed), an image below a folder of images,
 * a file in a cache, another output or a folder, or if its folder cannot be written. */
gboolean output_plan_check(const OutputPlan *plan, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputPlan, output_plan_free)
