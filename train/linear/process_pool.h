/* process_pool: runs numbered tasks in worker processes, for code that is not thread-safe (liblinear).
 *
 * A worker is a fork of the caller: it has a copy of the caller's memory (copied on write) and writes its results to
 * subprocess_memory (common/core/subprocess.h). It must not use LMDB, files, or the caller's threads (no ThreadPool may
 * exist). Which worker runs which task is not determined, so results must not depend on it. */
#pragma once
#include "common/cli/progress.h"

typedef void (*ProcessTask)(guint task, gpointer data);

/* Runs task(0 … tasks-1) in this many processes, each task once, and returns when all are done. progress is ticked
 * once per task. FALSE and error if a worker died (out of memory, a crash) or the user interrupted; no worker is left
 * running. */
gboolean process_pool_run(guint workers, guint tasks, ProcessTask task, gpointer data, Progress *progress,
                          GError **error);
