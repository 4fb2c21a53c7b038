/* memory: how much memory the process may still take. */
#pragma once
#include <glib.h>

/* The minimum of what the machine has available (MemAvailable), what the limits of the process's cgroup and of those
 * above it leave (v2 and v1, their page cache counted as free) and what RLIMIT_AS leaves, in bytes; G_MAXSIZE if
 * unknown. */
gsize memory_available(void);

/* What the limits of the cgroup that /proc/self/cgroup's text names leave, below the folder where cgroups are mounted;
 * NULL: of this process's. */
gsize memory_cgroup_left(const char *mounted, const char *text);

/* Bytes of address space that the process has mapped; 0 if unknown. */
gsize memory_address_space(void);

/* What a run takes in addition to what the process already holds, in bytes. */
typedef struct {
    gsize memory;  /* that is written to */
    gsize files;   /* pages of mapped files: counted as used, but the kernel reclaims them when needed */
    gsize address; /* reserved and hardly used: matters where the address space has a limit (ulimit -v) */
} MemoryNeed;

void memory_add(MemoryNeed *sum, MemoryNeed more);

/* Of n threads: their stacks. */
MemoryNeed memory_of_threads(guint n);

/* Whether there is enough for a run with this need. */
gboolean memory_suffices(MemoryNeed need);

/* The process's peak, such as "1.90 GB", and what is available for it. Caller frees. */
char *memory_needed_text(MemoryNeed need);
char *memory_there_text(void);

/* The sentence for one that memory_suffices denies, or that could not be taken all the same: "WHAT needs 1.90 GB of memory,
 * but only 0.82 GB is available; REMEDY". */
gboolean memory_refuse(MemoryNeed need, const char *what, const char *remedy, GError **error);

/* Where the address space has a limit, libc keeps from reserving 64 MB of it for each thread, and from keeping what was
 * freed. Before any thread starts. FALSE and error with a stack so small that libraries, Pango's among them, overflow it. */
gboolean memory_startup(GError **error);

/* "1.90 GB" or "7.3 MB". Caller frees. */
char *memory_text(gsize bytes);

/* Whether so much can be mapped now: to be asked before a library, WHAT, that crashes or tries for ever where it gets
 * none. */
gboolean memory_maps(gsize bytes, const char *what, GError **error);

/* Ends the program in the same sentence (fatal.h) where it cannot. */
void memory_need(gsize bytes, const char *what);
