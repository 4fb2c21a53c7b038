/* contents: see contents.h. */
#include "common/dataset/contents.h"

#include "common/core/error.h"
#include "common/core/memory.h"
#include "common/dataset/tar_box.h"
#include "common/image/image_file.h"

#include <stdlib.h>
#include <string.h>

/* A member that was read before it was requested, because a later one was, or that will be requested again. */
typedef struct {
    GBytes *bytes; /* NULL if it cannot be used: */
    GError *reason;
    guint readers; /* requests still to come */
} Kept;

struct Contents {
    const Dataset *dataset;
    guint *indices; /* (n), in the order of reading */
    guint n;
    /* For an archive: */
    TarBox *reader;
    GMutex mutex;     /* protects the fields below and the reader */
    guint passed;     /* members that the reader has passed */
    guint next;       /* indices[next] is the first that has not been read */
    GHashTable *kept; /* member -> Kept */
    GError *failure;  /* of the archive: nothing more can be read */
};

static void kept_free(gpointer data)
{
    Kept *kept = data;
    g_clear_pointer(&kept->bytes, g_bytes_unref);
    g_clear_error(&kept->reason);
    g_free(kept);
}

static gint by_member(gconstpointer a, gconstpointer b, gpointer user)
{
    const Dataset *dataset = user;
    guint first = *(const guint *)a, second = *(const guint *)b;
    guint x = ((const DatasetItem *)dataset->items->pdata[first])->member;
    guint y = ((const DatasetItem *)dataset->items->pdata[second])->member;
    return x != y ? (x < y ? -1 : 1) : first < second ? -1 : first > second;
}

Contents *contents_open(const Dataset *dataset, const guint *indices, guint n, GError **error)
{
    g_autoptr(Contents) contents = g_new0(Contents, 1);
    g_mutex_init(&contents->mutex);
    contents->dataset = dataset;
    contents->n = n;
    contents->indices = g_new(guint, n + 1);
    for (guint i = 0; i < n; i++)
        contents->indices[i] = indices ? indices[i] : i;
    if (dataset->archived)
        qsort_r(contents->indices, n, sizeof *contents->indices, by_member, (gpointer)dataset);
    contents->kept = g_hash_table_new_full(NULL, NULL, NULL, kept_free);
    while (contents->next < n && dataset->archived && !contents_item(contents, contents->next)->member)
        contents->next++;
    if (dataset->archived && n && !(contents->reader = tar_box_open(dataset->root, error)))
        return NULL;
    return g_steal_pointer(&contents);
}

void contents_close(Contents *contents)
{
    if (!contents)
        return;
    tar_box_close(contents->reader);
    g_hash_table_unref(contents->kept);
    g_clear_error(&contents->failure);
    g_mutex_clear(&contents->mutex);
    g_free(contents->indices);
    g_free(contents);
}

DatasetItem *contents_item(const Contents *contents, guint i)
{
    return contents->dataset->items->pdata[contents->indices[i]];
}

guint contents_index(const Contents *contents, guint i)
{
    return contents->indices[i];
}

/* ---- From an archive; the mutex must be held ---- */

static GBytes *refuse(GError **error, const char *reason)
{
    g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE, reason);
    return NULL;
}

enum { LARGE = 1 << 26 /* bytes for which memory is asked for: twice as many, as what grows is copied */ };

/* The reader must be at the member. */
static Kept *keep(Contents *contents, const TarMember *member, GError **error)
{
    GError *problem = NULL;
    Kept *kept = g_new0(Kept, 1);
    if (member->kind == TAR_LINK)
        refuse(&kept->reason, "is a link, and links in an archive are not followed");
    else if (member->kind != TAR_FILE)
        refuse(&kept->reason, "is not a regular file");
    else if (member->size > IMAGE_FILE_MAX)
        refuse(&kept->reason, "is larger than 1 GiB");
    else if (member->size > LARGE && !memory_suffices((MemoryNeed){.memory = 2 * member->size}))
        refuse(&kept->reason, "is larger than the memory that is available");
    else
        kept->bytes = tar_box_content(contents->reader, image_recognizes, &problem);
    if (g_error_matches(problem, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE)) {
        kept->reason = problem;
    } else if (problem) {
        g_propagate_error(error, problem);
        g_clear_pointer(&kept, kept_free);
    }
    return kept;
}

/* Advances to the next member of indices and keeps it. FALSE and error if the archive fails. */
static gboolean read_next(Contents *contents, GError **error)
{
    const DatasetItem *wanted = contents_item(contents, contents->next);
    const char *name = wanted->path + strlen(contents->dataset->root) + 1;
    TarMember member = {0};
    while (contents->passed < wanted->member) {
        if (!tar_box_next(contents->reader, &member, error))
            break;
        contents->passed++;
    }
    if (contents->passed == wanted->member && g_str_equal(name, member.name)) {
        Kept *kept = keep(contents, &member, error);
        for (; kept && contents->next < contents->n &&
               contents_item(contents, contents->next)->member == wanted->member;
             contents->next++)
            kept->readers++;
        if (kept)
            g_hash_table_insert(contents->kept, GUINT_TO_POINTER(wanted->member), kept);
        return kept != NULL;
    }
    if (error && !*error)
        error_set(error, "%s changed while it was read", contents->dataset->root);
    return FALSE;
}

static GBytes *read_member(Contents *contents, guint member, GError **error)
{
    Kept *kept;
    GBytes *bytes = NULL;
    GError *problem = NULL;
    while (!contents->failure && !(kept = g_hash_table_lookup(contents->kept, GUINT_TO_POINTER(member))))
        if (!read_next(contents, &problem)) {
            g_set_error_literal(&contents->failure, IMAGE_ERROR, IMAGE_ERROR_ARCHIVE, problem->message);
            g_error_free(problem);
        }
    if (contents->failure) {
        g_propagate_error(error, g_error_copy(contents->failure));
        return NULL;
    }
    if (kept->bytes)
        bytes = g_bytes_ref(kept->bytes);
    else
        g_propagate_error(error, g_error_copy(kept->reason));
    if (--kept->readers == 0)
        g_hash_table_remove(contents->kept, GUINT_TO_POINTER(member));
    return bytes;
}

GBytes *contents_read(Contents *contents, guint i, GError **error)
{
    const DatasetItem *item = contents_item(contents, i);
    if (!contents->dataset->archived)
        return image_file_read(item->path, error);
    if (!item->member)
        return refuse(error, "is not in the archive");
    g_mutex_lock(&contents->mutex);
    GBytes *bytes = read_member(contents, item->member, error);
    g_mutex_unlock(&contents->mutex);
    return bytes;
}

gboolean contents_hash(Contents *contents, guint i)
{
    g_autoptr(GBytes) content = contents_read(contents, i, NULL);
    if (content)
        sha256(g_bytes_get_data(content, NULL), g_bytes_get_size(content), contents_item(contents, i)->hash);
    return content != NULL;
}
