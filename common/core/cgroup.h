/* cgroup: the control groups whose limits hold for this process: its own and all above it. */
#pragma once
#include <glib.h>

/* folder: of one control group; its files are those of version 2 or those of version 1's controller. */
typedef void (*CgroupVisit)(const char *folder, gboolean version_2, gpointer user);

/* Visits the groups that /proc/self/cgroup's text names, below the folder where they are mounted: of version 2, and of
 * version 1's controller ("memory", "cpu"). In a container the text may have names of the host: then some folders, but
 * not the uppermost, are not there. */
void cgroup_visit(const char *mounted, const char *text, const char *controller, CgroupVisit visit,
                  gpointer user);

/* The same of this process. */
void cgroup_visit_own(const char *controller, CgroupVisit visit, gpointer user);
