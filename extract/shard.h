/* shard: which part of the images this process takes, of so many that share the work. */
#pragma once
#include "common/cache/cache.h"
#include "common/dataset/dataset.h"

/* "I/N" with 0 <= I < N, "auto", or "auto/N". auto takes I and N from what started this process:
 *   job arrays   Slurm's (SLURM_ARRAY_TASK_ID less _MIN, over _STEP, of _COUNT), AWS Batch's
 *                (AWS_BATCH_JOB_ARRAY_INDEX of _SIZE), Kubernetes's indexed jobs (JOB_COMPLETION_INDEX of N or of
 *                JOB_COMPLETIONS, which the manifest has to set: Kubernetes does not tell)
 *   ranks        Open MPI's (OMPI_COMM_WORLD_RANK of _SIZE), PMI's (PMI_RANK of PMI_SIZE), srun's (SLURM_PROCID of
 *                SLURM_NTASKS)
 * Where a task of an array runs several ranks, they share its part. *source: for people, what was taken from where;
 * NULL unless auto. FALSE with a sentence where the text or the environment does not make sense. */
gboolean shard_parse(const char *text, CacheShard *shard, char **source, GError **error);

/* Leaves in the dataset the images of this shard: those whose XXH3-64 of the key is I modulo N, which is the same on
 * every machine and whatever other images there are. */
void shard_keep(CacheShard shard, Dataset *dataset);
