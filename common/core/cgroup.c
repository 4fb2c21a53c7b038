/* cgroup: see cgroup.h. */
#include "common/core/cgroup.h"

#include <string.h>

/* The group at path, which is cut off on the way, and those above it. */
static void visit_upwards(const char *mounted, char *path, gboolean version_2, CgroupVisit visit,
                          gpointer user)
{
    for (;;) {
        g_autofree char *folder = g_build_filename(mounted, path, NULL);
        visit(folder, version_2, user);
        char *slash = strrchr(path, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

void cgroup_visit(const char *mounted, const char *text, const char *controller, CgroupVisit visit,
                  gpointer user)
{
    g_autofree char *own = NULL;
    if (!mounted && g_file_get_contents("/proc/self/cgroup", &own, NULL, NULL))
        mounted = "/sys/fs/cgroup", text = own;
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++) { /* NUMBER:CONTROLLERS:PATH */
        g_auto(GStrv) fields = g_strsplit(*line, ":", 3);
        if (g_strv_length(fields) < 3)
            continue;
        g_auto(GStrv) controllers = g_strsplit(fields[1], ",", -1);
        g_autofree char *of_version_1 = g_build_filename(mounted, controller, NULL);
        if (!*fields[1])
            visit_upwards(mounted, fields[2], TRUE, visit, user);
        else if (g_strv_contains((const char *const *)controllers, controller))
            visit_upwards(of_version_1, fields[2], FALSE, visit, user);
    }
}
