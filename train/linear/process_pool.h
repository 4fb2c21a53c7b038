/* process_pool: processes that share numbered tasks, for code that cannot share a process (liblinear).
 *
 * A worker is a fork of the caller: it sees everything the caller had in memory, copied on write, and
 * leaves its results in subprocess_memory (common/core/subprocess.h). It must not touch LMDB, nor threads of the
 * caller's (a ThreadPool must not be alive), nor any file. Which worker gets which task is not determined: results must
 * not depend on it. */
#pragma once
#include "common/cli/progress.h"

typedef void (*ProcessTask)(guint task, gpointer data);

/* Runs task(0 … tasks-1) in so many processes, each task once, and returns when all are done. progress is
 * ticked once a task. FALSE and error when a worker died (out of memory, a crash) or an interrupt asked to
 * stop; none is left running then. */
gboolean process_pool_run(guint workers, guint tasks, ProcessTask task, gpointer data, Progress *progress,
                          GError **error);
