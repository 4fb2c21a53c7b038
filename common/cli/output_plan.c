/* output_plan: see output_plan.h. */
#include "common/cli/output_plan.h"

#include "common/cli/choice.h"
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/output_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    PlanUse use;
    char *name, *path;
    /* Of an output: */
    char *regular, *folder; /* the target of links, and its folder; NULL: not a regular file */
    gboolean exists;
    struct stat there; /* if it exists */
} PlannedFile;

static void planned_file_free(gpointer data)
{
    PlannedFile *file = data;
    g_free(file->name);
    g_free(file->path);
    g_free(file->regular);
    free(file->folder);
    g_free(file);
}

OutputPlan *output_plan_new(void)
{
    return g_ptr_array_new_with_free_func(planned_file_free);
}

static void add(OutputPlan *plan, PlanUse use, const char *name, char *path)
{
    PlannedFile *file = g_new0(PlannedFile, 1);
    *file = (PlannedFile){.use = use, .name = g_strdup(name), .path = path};
    g_ptr_array_add(plan, file);
}

void output_plan_add(OutputPlan *plan, PlanUse use, const char *name, const char *path, const char *beneath)
{
    g_auto(GStrv) files = g_strsplit(beneath ? beneath : "", "|", -1);
    for (guint i = 0; path && files[i]; i++)
        add(plan, use, name, g_build_filename(path, files[i], NULL));
    if (path && !beneath)
        add(plan, use, name, g_strdup(path));
}

/* ---- Conflicts of an output ---- */

static gboolean look_at(PlannedFile *output, GError **error)
{
    OutputTarget target;
    if (!output_target_find(output->path, &target))
        return error_set(error, "%s: %s cannot be written there: %s", output->path, output->name,
                         g_strerror(errno));
    output->exists = target.descriptor >= 0 ? fstat(target.descriptor, &output->there) == 0
                                            : stat(output->path, &output->there) == 0;
    if (!target.regular)
        return TRUE;
    g_autofree char *folder = g_path_get_dirname(target.regular);
    output->regular = target.regular;
    output->folder = realpath(folder, NULL);
    if ((output->folder || output->use != PLAN_OUTPUT_BENEATH) && access(folder, W_OK | X_OK) != 0)
        return error_set(error, "%s: cannot create: %s", output->path, g_strerror(errno));
    return TRUE;
}

static gboolean same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* In the folder of a cache, or in a folder below it that may be still to be made. */
static gboolean in_cache(const PlannedFile *output)
{
    g_autofree char *at = output->folder    ? g_strdup(output->folder)
                          : output->regular ? g_path_get_dirname(output->regular)
                                            : NULL;
    while (at) {
        g_autofree char *data = g_build_filename(at, "data.mdb", NULL), *above = g_path_get_dirname(at);
        if (access(data, F_OK) == 0)
            return TRUE;
        gboolean top = g_str_equal(above, at);
        g_free(at);
        at = top ? NULL : g_steal_pointer(&above);
    }
    return FALSE;
}

/* TRUE for what exists in a class's folder, or deeper, below a folder of images. */
static gboolean below_images(const PlannedFile *output, const PlannedFile *images)
{
    char *root = realpath(images->path, NULL);
    gsize length = root ? strlen(root) : 0;
    gboolean below = root && output->exists && output->folder && strlen(output->folder) > length &&
                     strncmp(output->folder, root, length) == 0 &&
                     (output->folder[length] == '/' || length == 1);
    free(root);
    return below;
}

static gboolean both_written(const PlannedFile *a, const PlannedFile *b)
{
    if (a->exists && b->exists)
        return same_file(&a->there, &b->there) && !S_ISCHR(a->there.st_mode);
    if (!a->regular || !b->regular || a->exists || b->exists)
        return FALSE;
    g_autofree char *name = g_path_get_basename(a->regular), *other = g_path_get_basename(b->regular);
    return g_str_equal(name, other) &&
           (a->folder && b->folder ? g_str_equal(a->folder, b->folder) : g_str_equal(a->regular, b->regular));
}

/* other: an input, or an output that was looked at before. */
static gboolean spares(const PlannedFile *output, const PlannedFile *other, GError **error)
{
    struct stat there;
    if (other->use == PLAN_IMAGES)
        return !below_images(output, other) || !input_image_ending(output->regular) ||
               error_set(error, "%s: %s would overwrite an image that is read; name another file",
                         output->path, output->name);
    if (other->use == PLAN_INPUT)
        return !output->exists || stat(other->path, &there) != 0 || !S_ISREG(there.st_mode) ||
               !same_file(&there, &output->there) ||
               error_set(error, "%s: %s would overwrite %s, which is read; name another file", output->path,
                         output->name, other->name);
    return !both_written(output, other) ||
           error_set(error, "%s: both %s and %s would be written there; name two files", output->path,
                     other->name, output->name);
}

/* "evaluate --json F … > F" */
static gboolean spares_stdout(const PlannedFile *output, GError **error)
{
    struct stat standard;
    return !output->regular || !output->exists || fstat(STDOUT_FILENO, &standard) != 0 ||
           !same_file(&standard, &output->there) ||
           error_set(error, "%s: both standard output and %s would be written there; name two files",
                     output->path, output->name);
}

gboolean output_plan_check(const OutputPlan *plan, GError **error)
{
    for (guint i = 0; i < plan->len; i++) {
        PlannedFile *output = plan->pdata[i];
        if (output->use < PLAN_OUTPUT)
            continue;
        if (!look_at(output, error) || !spares_stdout(output, error))
            return FALSE;
        if (in_cache(output))
            return error_set(error, "%s: %s would be a file inside a cache; name a file elsewhere",
                             output->path, output->name);
        for (guint j = 0; j < plan->len; j++) {
            const PlannedFile *other = plan->pdata[j];
            if ((other->use < PLAN_OUTPUT || j < i) && !spares(output, other, error))
                return FALSE;
        }
    }
    return TRUE;
}

int output_plan_figure(const char *path, GError **error)
{
    const char *dot = strrchr(path, '.');
    g_autofree char *ending = g_ascii_strdown(dot ? dot + 1 : "", -1);
    int found = choice_find(FIGURE_ENDINGS, ending);
    if (found < 0)
        error_set(error, "%s: a figure's file name must end in .png, .svg or .pdf", path);
    return found;
}
