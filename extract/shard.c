/* shard: see shard.h. */
#include "extract/shard.h"

#include "common/core/error.h"

#include <string.h>
#include <xxhash.h>

enum { MAX_SHARDS = 1000000 };

/* ---- The environment ---- */

/* A variable as a number; FALSE where it is not set. A sentence where it is something else. */
static gboolean number(const char *name, gint64 *value, GError **error)
{
    const char *text = g_getenv(name);
    guint64 parsed;
    if (!text || !*text || *error)
        return FALSE;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &parsed, NULL))
        return error_set(error, "--shard auto: %s is '%s', not a number", name, text);
    *value = (gint64)parsed;
    return TRUE;
}

static gboolean take(CacheShard *shard, GString *source, const char *what, const char *name, gint64 index,
                     gint64 count, GError **error)
{
    if (count < 1 || index >= count || count > MAX_SHARDS)
        return error_set(error, "--shard auto: %s counts %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " in %s",
                         what, index, count, name);
    *shard = (CacheShard){(guint)index, (guint)count};
    g_string_append_printf(source, "%s%s, %s", source->len ? "; " : "", what, name);
    return TRUE;
}

/* A variable for the index and one for the count. */
static gboolean from_pair(CacheShard *shard, GString *source, const char *what, const char *index_name,
                          const char *count_name, GError **error)
{
    gint64 index = 0, count = 0;
    return number(index_name, &index, error) && number(count_name, &count, error) &&
           take(shard, source, what, index_name, index, count, error);
}

/* Tasks 4-16:4 are 4, 8, 12, 16: _MIN 4, _STEP 4, _COUNT 4. For 1,3,7 Slurm gives no step that fits. */
static gboolean from_slurm_array(CacheShard *shard, GString *source, GError **error)
{
    gint64 id = 0, count = 0, min = 0, step = 1;
    if (!number("SLURM_ARRAY_TASK_ID", &id, error) || !number("SLURM_ARRAY_TASK_COUNT", &count, error))
        return FALSE;
    number("SLURM_ARRAY_TASK_MIN", &min, error);
    number("SLURM_ARRAY_TASK_STEP", &step, error);
    if (*error)
        return FALSE;
    if (step < 1 || id < min || (id - min) % step || (id - min) / step >= count)
        return error_set(error,
                         "--shard auto: Slurm's task %" G_GINT64_FORMAT " is not one of the %" G_GINT64_FORMAT
                         " in steps of %" G_GINT64_FORMAT " from %" G_GINT64_FORMAT
                         ": submit the array as --array=0-N, or give --shard I/N",
                         id, count, step, min);
    return take(shard, source, "Slurm's job array", "SLURM_ARRAY_TASK_ID", (id - min) / step, count, error);
}

/* parts: as told by auto/N, or 0. */
static gboolean from_kubernetes(CacheShard *shard, GString *source, guint parts, GError **error)
{
    gint64 index = 0, count = parts;
    if (!number("JOB_COMPLETION_INDEX", &index, error))
        return FALSE;
    if (!count && !number("JOB_COMPLETIONS", &count, error))
        return *error ? FALSE
                      : error_set(error,
                                  "--shard auto: Kubernetes says that this is completion %" G_GINT64_FORMAT
                                  ", but not out of how many: give --shard auto/N, or set JOB_COMPLETIONS in "
                                  "the manifest",
                                  index);
    return take(shard, source, "Kubernetes's indexed job", "JOB_COMPLETION_INDEX", index, count, error);
}

/* The batch script of a job with several tasks runs only once: srun starts the tasks. */
static gboolean from_srun(CacheShard *shard, GString *source, GError **error)
{
    gint64 tasks = 0;
    if (g_getenv("SLURM_JOB_ID") && !g_getenv("SLURM_STEP_ID") && number("SLURM_NTASKS", &tasks, error) &&
        tasks > 1)
        return error_set(error,
                         "--shard auto: this is the batch script of a job of %" G_GINT64_FORMAT
                         " tasks, not one of the tasks: start the program with srun",
                         tasks);
    return !*error && from_pair(shard, source, "srun's tasks", "SLURM_PROCID", "SLURM_NTASKS", error);
}

static gboolean from_environment(CacheShard *shard, guint parts, char **source, GError **error)
{
    CacheShard array = {0, 1}, rank = {0, 1};
    g_autoptr(GString) from = g_string_new(NULL);
    g_autoptr(GError) problem = NULL;
    gboolean found = from_slurm_array(&array, from, &problem) ||
                     from_pair(&array, from, "AWS Batch's job array", "AWS_BATCH_JOB_ARRAY_INDEX",
                               "AWS_BATCH_JOB_ARRAY_SIZE", &problem) ||
                     from_kubernetes(&array, from, parts, &problem);
    found |= from_pair(&rank, from, "Open MPI's ranks", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                       &problem) ||
             from_pair(&rank, from, "PMI's ranks", "PMI_RANK", "PMI_SIZE", &problem) ||
             from_srun(&rank, from, &problem);
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (!found)
        return error_set(error, "--shard auto: no shard found in the environment: this program was not "
                                "started by Slurm, MPI, Kubernetes or AWS Batch; give --shard I/N");
    *shard = (CacheShard){array.index * rank.count + rank.index, array.count * rank.count};
    if (parts && shard->count != parts)
        return error_set(error, "--shard auto/%u: the environment has %u parts (%s)", parts, shard->count,
                         from->str);
    *source = g_strdup(from->str);
    return TRUE;
}

/* ---- The command line ---- */

static gboolean parse_count(const char *text, guint *count)
{
    guint64 parsed;
    if (!g_ascii_string_to_unsigned(text, 10, 1, MAX_SHARDS, &parsed, NULL))
        return FALSE;
    *count = (guint)parsed;
    return TRUE;
}

gboolean shard_parse(const char *text, CacheShard *shard, char **source, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    guint64 index;
    guint count = 0;
    gboolean counted = parts[0] && parts[1] && parse_count(parts[1], &count);
    *source = NULL;
    if (parts[0] && g_str_equal(parts[0], "auto") && (!parts[1] || counted))
        return from_environment(shard, count, source, error);
    if (!counted || !g_ascii_string_to_unsigned(parts[0], 10, 0, count - 1, &index, NULL))
        return error_set(error, "--shard %s: expected I/N with I from 0 to N-1, or auto", text);
    *shard = (CacheShard){(guint)index, count};
    return TRUE;
}

/* ---- The images ---- */

void shard_keep(CacheShard shard, Dataset *dataset)
{
    guint n = dataset->items->len;
    g_autofree gboolean *others = g_new(gboolean, n + 1);
    for (guint i = 0; i < n; i++) {
        const char *key = ((const DatasetItem *)dataset->items->pdata[i])->key;
        others[i] = XXH3_64bits(key, strlen(key)) % shard.count != shard.index;
    }
    dataset_free(dataset_take(dataset, others));
}
