/* fence: restricts the system calls of this process. */
#pragma once
#include <glib.h>

/* Permanently allows only the system calls for computing, memory, and reading and writing open files. FALSE and errno
 * if the kernel has no seccomp. */
gboolean fence(void);
