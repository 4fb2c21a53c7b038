/* output_plan: see output_plan.h. */
#include "common/cli/output_plan.h"

#include "common/core/error.h"
#include "common/core/output_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void clear(gpointer file)
{
    g_free(((PlannedFile *)file)->path);
}

OutputPlan *output_plan_new(void)
{
    GArray *plan = g_array_new(FALSE, FALSE, sizeof(PlannedFile));
    g_array_set_clear_func(plan, clear);
    return plan;
}

void output_plan_free(OutputPlan *plan)
{
    g_array_unref(plan);
}

void output_plan_add_images(OutputPlan *plan, const char *name, const char *folder,
                            gboolean (*is_image)(const char *path))
{
    PlannedFile file = {PLAN_IMAGES, name, g_strdup(folder), is_image};
    if (folder)
        g_array_append_val(plan, file);
}

void output_plan_add(OutputPlan *plan, PlanUse use, const char *name, const char *path)
{
    PlannedFile file = {use, name, g_strdup(path), NULL};
    if (path)
        g_array_append_val(plan, file);
}

void output_plan_add_beneath(OutputPlan *plan, const char *option, const char *folder, const char *name)
{
    g_autofree char *path = folder ? g_build_filename(folder, name, NULL) : NULL;
    output_plan_add(plan, PLAN_OUTPUT_BENEATH, option, path);
}

/* ---- Conflicts of an output ---- */

/* An output and what is known about it. */
typedef struct {
    const PlannedFile *file;
    char *regular, *folder; /* the target of links, and its folder; NULL: not a regular file */
    gboolean exists;
    struct stat there; /* if it exists */
} Output;

static void output_clear(Output *output)
{
    g_free(output->regular);
    free(output->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Output, output_clear)

static gboolean look_at(Output *output, const PlannedFile *file, GError **error)
{
    OutputTarget target;
    output->file = file;
    if (!output_target_find(file->path, &target))
        return error_set(error, "%s: %s cannot be written there: %s", file->path, file->name,
                         g_strerror(errno));
    output->exists = target.descriptor >= 0 ? fstat(target.descriptor, &output->there) == 0
                                            : stat(file->path, &output->there) == 0;
    if (!target.regular)
        return TRUE;
    g_autofree char *folder = g_path_get_dirname(target.regular);
    output->regular = target.regular;
    output->folder = realpath(folder, NULL);
    if ((output->folder || file->use == PLAN_OUTPUT) && access(folder, W_OK | X_OK) != 0)
        return error_set(error, "%s: cannot create: %s", file->path, g_strerror(errno));
    return TRUE;
}

static gboolean same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* In the folder of a cache, or in a folder below it that may be still to be made. */
static gboolean in_cache(const Output *output)
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

/* TRUE for an image in a class's folder, or deeper, below a folder of images. */
static gboolean among_images(const Output *output, const PlannedFile *images)
{
    char *root = realpath(images->path, NULL);
    gsize length = root ? strlen(root) : 0;
    gboolean among = root && output->exists && output->folder && strlen(output->folder) > length &&
                     strncmp(output->folder, root, length) == 0 &&
                     (output->folder[length] == '/' || length == 1) && images->is_image(output->regular);
    free(root);
    return among;
}

static gboolean spares_input(const Output *output, const PlannedFile *input, GError **error)
{
    const PlannedFile *file = output->file;
    struct stat there;
    if (input->use == PLAN_IMAGES && among_images(output, input))
        return error_set(error, "%s: %s would overwrite an image that is read; name another file", file->path,
                         file->name);
    if (input->use == PLAN_INPUT && output->exists && stat(input->path, &there) == 0 &&
        S_ISREG(there.st_mode) && same_file(&there, &output->there))
        return error_set(error, "%s: %s would overwrite %s, which is read; name another file", file->path,
                         file->name, input->name);
    return TRUE;
}

static gboolean both_written(const Output *a, const Output *b)
{
    if (a->exists && b->exists)
        return same_file(&a->there, &b->there) && !S_ISCHR(a->there.st_mode);
    if (!a->regular || !b->regular || a->exists || b->exists)
        return FALSE;
    g_autofree char *name = g_path_get_basename(a->regular), *other = g_path_get_basename(b->regular);
    return g_str_equal(name, other) &&
           (a->folder && b->folder ? g_str_equal(a->folder, b->folder) : g_str_equal(a->regular, b->regular));
}

static gboolean spares_other(const Output *output, const Output *other, GError **error)
{
    return !both_written(output, other) ||
           error_set(error, "%s: both %s and %s would be written there; name two files", output->file->path,
                     other->file->name, output->file->name);
}

/* "evaluate --json F … > F" */
static gboolean spares_stdout(const Output *output, GError **error)
{
    struct stat standard;
    return !output->regular || !output->exists || fstat(STDOUT_FILENO, &standard) != 0 ||
           !same_file(&standard, &output->there) ||
           error_set(error, "%s: both standard output and %s would be written there; name two files",
                     output->file->path, output->file->name);
}

static gboolean check_output(const OutputPlan *plan, guint index, GError **error)
{
    g_auto(Output) output = {0};
    if (!look_at(&output, &g_array_index(plan, PlannedFile, index), error) || !spares_stdout(&output, error))
        return FALSE;
    if (in_cache(&output))
        return error_set(error, "%s: %s would be a file inside a cache; name a file elsewhere",
                         output.file->path, output.file->name);
    for (guint i = 0; i < plan->len; i++) {
        const PlannedFile *file = &g_array_index(plan, PlannedFile, i);
        g_auto(Output) other = {0};
        gboolean spared = TRUE;
        if (file->use == PLAN_INPUT || file->use == PLAN_IMAGES)
            spared = spares_input(&output, file, error);
        else if (i < index)
            spared = look_at(&other, file, error) && spares_other(&output, &other, error);
        if (!spared)
            return FALSE;
    }
    return TRUE;
}

static gboolean is_output(const OutputPlan *plan, guint index)
{
    PlanUse use = g_array_index(plan, PlannedFile, index).use;
    return use == PLAN_OUTPUT || use == PLAN_OUTPUT_BENEATH;
}

gboolean output_plan_check(const OutputPlan *plan, GError **error)
{
    for (guint i = 0; i < plan->len; i++)
        if (is_output(plan, i) && !check_output(plan, i, error))
            return FALSE;
    return TRUE;
}
