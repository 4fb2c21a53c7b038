/* shard: determines which part of the images this process extracts. */
#pragma once
#include "common/cache/cache.h"
#include "common/dataset/dataset.h"

/* "I/N" with 0 <= I < N, "auto", or "auto/N". auto takes I and N from the environment:
 *   job arrays   Slurm's (SLURM_ARRAY_TASK_ID less _MIN, over _STEP, of _COUNT), AWS Batch's
 *                (AWS_BATCH_JOB_ARRAY_INDEX of _SIZE), Kubernetes's indexed jobs (JOB_COMPLETION_INDEX of N or of
 *                JOB_COMPLETIONS, which the manifest must set, as Kubernetes does not)
 *   ranks        Open MPI's (OMPI_COMM_WORLD_RANK of _SIZE), PMI's (PMI_RANK of PMI_SIZE), srun's (SLURM_PROCID of
 *                SLURM_NTASKS)
 * If a task of an array runs several ranks, these divide its part. *source: a description of the variables used; NULL
 * unless auto. FALSE and error if the text or the environment is invalid. */
gboolean shard_parse(const char *text, CacheShard *shard, char **source, GError **error);

/* Keeps the images of this shard: those whose XXH3-64 of the key is I modulo N, which does not depend on the machine or
 * on other images. */
void shard_keep(CacheShard shard, Dataset *dataset);
