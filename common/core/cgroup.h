/* cgroup: the control groups whose limits apply to this process: its own and all those above it. */
#pragma once
#include <glib.h>

/* folder: of one control group, with the files of version 2 or of version 1's controller. */
typedef void (*CgroupVisit)(const char *folder, gboolean version_2, gpointer user);

/* Visits the groups named by the text of /proc/self/cgroup, below the folder where they are mounted: of version 2, and of
 * version 1's controller ("memory", "cpu"). In a container the text may have the host's names: then some folders, but not
 * the topmost, are missing. mounted and text NULL: of this process. */
void cgroup_visit(const char *mounted, const char *text, const char *controller, CgroupVisit visit,
                  gpointer user);
