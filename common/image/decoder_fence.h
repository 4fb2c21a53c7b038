/* decoder_fence: restricts what the calling process may still do. */
#pragma once
#include <glib.h>

/* For good: only the system calls that computing, memory and the reading and writing of open files need. FALSE where the
 * kernel has no seccomp, errno saying why. */
gboolean decoder_fence(void);
