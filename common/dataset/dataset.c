/* dataset: see dataset.h. */
#include "common/dataset/dataset.h"

#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/plural.h"
#include "common/dataset/labels.h"
#include "common/dataset/tar_scan.h"
#include "common/image/image.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void item_clear(gpointer data)
{
    DatasetItem *item = data;
    g_free(item->path);
    g_free(item->key);
    g_free(item->group);
}

static void item_release(gpointer item)
{
    g_rc_box_release_full(item, item_clear);
}

/* A list of items, which others may have, too. */
static GPtrArray *new_items(void)
{
    return g_ptr_array_new_with_free_func(item_release);
}

static void share_item(GPtrArray *items, DatasetItem *item)
{
    g_ptr_array_add(items, g_rc_box_acquire(item));
}

void dataset_free(Dataset *dataset)
{
    if (!dataset)
        return;
    g_free(dataset->root);
    g_ptr_array_unref(dataset->classes);
    g_ptr_array_unref(dataset->items);
    g_hash_table_unref(dataset->passed);
    g_free(dataset);
}

Dataset *dataset_take(Dataset *dataset, const gboolean *taken)
{
    g_autoptr(GPtrArray) all = dataset->items;
    Dataset *part = dataset_new(dataset->root);
    part->archived = dataset->archived;
    part->tabled = dataset->tabled;
    part->grouped = dataset->grouped;
    g_ptr_array_unref(part->classes);
    part->classes = g_ptr_array_ref(dataset->classes);
    dataset->items = new_items();
    for (guint i = 0; i < all->len; i++)
        share_item(taken[i] ? part->items : dataset->items, all->pdata[i]);
    return part;
}

static gint by_key(gconstpointer a, gconstpointer b)
{
    return strcmp((*(DatasetItem *const *)a)->key, (*(DatasetItem *const *)b)->key);
}

Dataset *dataset_new(const char *root)
{
    Dataset *dataset = g_new(Dataset, 1);
    *dataset = (Dataset){.root = g_strdup(root),
                         .classes = g_ptr_array_new_with_free_func(g_free),
                         .items = new_items(),
                         .passed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    return dataset;
}

DatasetItem *dataset_add(Dataset *dataset, const char *key, int label)
{
    DatasetItem *item = g_rc_box_new0(DatasetItem);
    item->path = *dataset->root ? g_build_filename(dataset->root, key, NULL) : g_strdup(key);
    item->key = g_strdup(key);
    item->label = label;
    g_ptr_array_add(dataset->items, item);
    return item;
}

void dataset_locate(Dataset *dataset, const char *folder)
{
    for (guint i = 0; i < dataset->items->len; i++) {
        DatasetItem *item = dataset->items->pdata[i];
        g_free(item->path);
        item->path = g_build_filename(folder, item->key, NULL);
    }
}

static int class_index(const GPtrArray *classes, const char *name, gsize length)
{
    for (guint i = 0; i < classes->len; i++) {
        const char *class = g_ptr_array_index(classes, i);
        if (strlen(class) == length && memcmp(class, name, length) == 0)
            return (int)i;
    }
    return -1;
}

static gint by_bytes(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *dataset_classes(const char *const *names, guint n, int *labels)
{
    g_autoptr(GHashTable) index = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *classes = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < n; i++)
        if (names[i] && g_hash_table_add(index, (gpointer)names[i]))
            g_ptr_array_add(classes, g_strdup(names[i]));
    g_ptr_array_sort(classes, by_bytes);
    for (guint c = 0; c < classes->len; c++)
        g_hash_table_insert(index, classes->pdata[c], GUINT_TO_POINTER(c));
    for (guint i = 0; i < n; i++)
        labels[i] = names[i] ? GPOINTER_TO_INT(g_hash_table_lookup(index, names[i])) : -1;
    return classes;
}

void dataset_set_classes(Dataset *dataset, const char *const *names)
{
    guint n = dataset->items->len;
    g_autofree int *labels = g_new(int, n + 1);
    GPtrArray *classes = dataset_classes(names, n, labels);
    for (guint i = 0; i < n; i++)
        ((DatasetItem *)dataset->items->pdata[i])->label = labels[i];
    g_ptr_array_unref(dataset->classes); /* which names may be of */
    dataset->classes = classes;
}

gboolean dataset_adopt_classes(Dataset *dataset, GPtrArray *classes, const char **lacking)
{
    g_autofree int *labels = g_new(int, dataset->classes->len + 1);
    for (guint c = 0; c < dataset->classes->len; c++) {
        *lacking = dataset->classes->pdata[c];
        labels[c] = class_index(classes, *lacking, strlen(*lacking));
        if (labels[c] < 0)
            return FALSE;
    }
    for (guint i = 0; i < dataset->items->len; i++) {
        DatasetItem *item = dataset->items->pdata[i];
        item->label = labels[item->label];
    }
    g_ptr_array_unref(dataset->classes);
    dataset->classes = g_ptr_array_ref(classes);
    return TRUE;
}

/* A folder being searched, so that a link to a parent folder is detected. */
typedef struct Folder {
    dev_t device;
    ino_t inode;
    const struct Folder *parent;
} Folder;

static gboolean is_within_itself(const Folder *folder)
{
    for (const Folder *above = folder->parent; above; above = above->parent)
        if (above->device == folder->device && above->inode == folder->inode)
            return TRUE;
    return FALSE;
}

typedef enum { ENTRY_FOLDER, ENTRY_IMAGE, ENTRY_OTHER, ENTRY_UNREAD } Entry;

/* Whether a file begins as an image does. */
static gboolean begins_as_image(const char *path)
{
    enum { HEAD = 64 };
    guint8 head[HEAD];
    int file = input_file_open(path, NULL);
    gssize size = file < 0 ? 0 : read(file, head, HEAD);
    if (file >= 0)
        close(file);
    return size > 0 && image_recognizes(head, (gsize)size, NULL);
}

/* FALSE and error if the disk fails. */
static gboolean look_at(const char *path, Entry *entry, GError **error)
{
    struct stat status;
    int code = stat(path, &status) ? errno : 0;
    if (code == EIO)
        return error_set(error, "%s: cannot be read: %s", path, g_strerror(code));
    *entry = code                                               ? ENTRY_UNREAD
             : S_ISDIR(status.st_mode)                          ? ENTRY_FOLDER
             : input_image_ending(path)                         ? ENTRY_IMAGE
             : S_ISREG(status.st_mode) && begins_as_image(path) ? ENTRY_IMAGE
                                                                : ENTRY_OTHER;
    return TRUE;
}

void dataset_pass_over(Dataset *dataset, const char *name)
{
    const char *dot = strrchr(name, '.');
    char *ending = g_ascii_strdown(dot ? dot : "", -1);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(dataset->passed, ending));
    g_hash_table_insert(dataset->passed, ending, GUINT_TO_POINTER(count + 1));
}

/* Adds the images of root/key and its folders. */
static gboolean scan_folder(Dataset *dataset, const char *key, int label, const Folder *parent,
                            GError **error)
{
    g_autofree char *path = g_build_filename(dataset->root, key, NULL);
    struct stat status;
    if (stat(path, &status) != 0)
        return error_set(error, "cannot read the folder %s: %s", path, g_strerror(errno));
    Folder folder = {status.st_dev, status.st_ino, parent};
    if (is_within_itself(&folder))
        return error_set(error, "%s is a link to a folder that contains it: remove the link", path);
    g_autoptr(GPtrArray) names = input_folder_names(path, error);
    if (!names)
        return FALSE;
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *inner = *key ? g_strconcat(key, "/", name, NULL) : g_strdup(name);
        g_autofree char *inner_path = g_build_filename(dataset->root, inner, NULL);
        Entry entry = ENTRY_OTHER;
        if (name[0] == '.')
            continue;
        if (!look_at(inner_path, &entry, error) ||
            (entry == ENTRY_FOLDER && !scan_folder(dataset, inner, label, &folder, error)))
            return FALSE;
        dataset->unread += entry == ENTRY_UNREAD;
        if (entry == ENTRY_IMAGE || entry == ENTRY_UNREAD)
            dataset_add(dataset, inner, label);
        else if (entry == ENTRY_OTHER)
            dataset_pass_over(dataset, name);
    }
    return TRUE;
}

char *dataset_passed(const Dataset *dataset)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GList) endings = g_list_sort(g_hash_table_get_keys(dataset->passed), (GCompareFunc)strcmp);
    for (GList *at = endings; at; at = at->next) {
        const char *ending = at->data;
        g_string_append_printf(text, "%s%u %s", text->len ? ", " : "",
                               GPOINTER_TO_UINT(g_hash_table_lookup(dataset->passed, ending)),
                               *ending ? ending : "without ending");
    }
    if (dataset->beside)
        g_string_append_printf(text, "%s%u %s beside the folders of classes", text->len ? "; " : "",
                               dataset->beside, plural(dataset->beside, "image", "images"));
    return text->len ? g_strdup(text->str) : NULL;
}

Dataset *dataset_unsorted(const char *folder, GError **error)
{
    g_autoptr(Dataset) dataset = dataset_new(folder);
    if (!scan_folder(dataset, "", 0, 0, error))
        return NULL;
    g_ptr_array_sort(dataset->items, by_key);
    return g_steal_pointer(&dataset);
}

/* ---- Classes ---- */

/* The folders in root, and what lies beside them if none are chosen by their names. */
static gboolean find_folders(Dataset *dataset, gboolean named, GError **error)
{
    const char *root = dataset->root;
    g_autofree char *unread = NULL;
    g_autoptr(GPtrArray) names = input_folder_names(root, error);
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autofree char *path = g_build_filename(root, name, NULL);
        Entry entry = ENTRY_OTHER;
        if (name[0] == '.')
            continue;
        if (!look_at(path, &entry, error))
            return FALSE;
        if (entry == ENTRY_FOLDER)
            g_ptr_array_add(dataset->classes, g_strdup(name));
        dataset->beside += entry == ENTRY_IMAGE && !named;
        if (entry == ENTRY_UNREAD && !named) {
            dataset->unread++;
            dataset_add(dataset, name, 0)->beside = TRUE; /* it will be named when it is read */
            unread = unread ? unread : g_steal_pointer(&path);
        }
    }
    if (!names || dataset->classes->len)
        return names != NULL;
    return unread
               ? error_set(error,
                           "%s has no subfolders that can be read (%s leads nowhere, or may not be read)",
                           root, unread)
               : error_set(error,
                           "%s has no subfolders: put the images of each class into a subfolder of their own",
                           root);
}

/* ---- Lists ---- */

enum { SHOWN_MAX = 200 }; /* bytes of a line shown in a message */

/* Keys of all items, with and without their ending -> item; of two that differ only in their ending, the first in byte
 * order. */
static GHashTable *index_items(const GPtrArray *items)
{
    GHashTable *index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < items->len; i++) {
        DatasetItem *item = g_ptr_array_index(items, i);
        g_hash_table_insert(index, g_strdup(item->key), item);
    }
    for (guint i = 0; i < items->len; i++) {
        DatasetItem *item = g_ptr_array_index(items, i);
        const char *ending = input_image_ending(item->key);
        if (!ending)
            continue; /* in a cache of imported features, names are arbitrary */
        char *stem = g_strndup(item->key, (gsize)(ending - item->key));
        if (g_hash_table_contains(index, stem))
            g_free(stem);
        else
            g_hash_table_insert(index, stem, item);
    }
    return index;
}

/* The label of the class named by the first part of a line, or -1. */
static int listed_class(const Dataset *all, const char *key)
{
    const char *slash = strchr(key, '/');
    return slash ? class_index(all->classes, key, (gsize)(slash - key)) : -1;
}

/* The items that the list names, in its order, without duplicates. Lines of classes that the filter excludes are
 * skipped. With add_missing, an item is added to `all` for a missing image, which fails when it is read, like any bad
 * image. */
static GPtrArray *pick_listed(Dataset *all, const DatasetFilter *filter, const gboolean *taken,
                              gboolean add_missing, GError **error)
{
    const char *list = filter->list;
    guint there = all->items->len;
    g_autofree char *text = input_file_plain(list, error);
    if (!text)
        return NULL;
    gboolean subset = filter->classes || filter->first_classes;
    g_autoptr(GHashTable) index = index_items(all->items);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) picked = new_items();
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        const char *key = g_strstrip(lines[i]);
        DatasetItem *item = g_hash_table_lookup(index, key);
        int label = item ? item->label : listed_class(all, key);
        if (!*key || (label >= 0 ? !taken[label] : subset && strchr(key, '/')) || (!item && !add_missing))
            continue;
        if (!item && (label < 0 || !input_path_stays(key)))
            return error_null(error, "%s:%u names '%.*s%s', but %s has no such class", list, i + 1, SHOWN_MAX,
                              key, strlen(key) > SHOWN_MAX ? "…" : "", all->root);
        if (!item) {
            item = dataset_add(all, key, label);
            g_hash_table_insert(index, g_strdup(key), item);
        }
        if (g_hash_table_add(seen, item))
            share_item(picked, item);
    }
    if (!add_missing && picked->len == 0)
        return error_null(error, "%s has none of the images that %s names", all->root, list);
    if (picked->len > 0 && picked->len == all->items->len - there)
        return error_null(error, "%s names %u %s, but none of them is in %s", list, picked->len,
                          plural(picked->len, "image", "images"), all->root);
    return g_steal_pointer(&picked);
}

/* ---- Putting it together ---- */

/* Drops classes without items, and renumbers the labels. named: classes that must have some; NULL: none. */
static gboolean drop_empty_classes(Dataset *dataset, const gboolean *named, GError **error)
{
    const GPtrArray *classes = dataset->classes;
    g_autofree const char **names = g_new(const char *, dataset->items->len + 1);
    g_autofree gboolean *has = g_new0(gboolean, classes->len + 1);
    for (guint i = 0; i < dataset->items->len; i++) {
        int label = ((const DatasetItem *)dataset->items->pdata[i])->label;
        names[i] = classes->pdata[label];
        has[label] = TRUE;
    }
    for (guint c = 0; named && c < classes->len; c++)
        if (named[c] && !has[c])
            return error_set(error, "the class '%s' has no images in %s", (const char *)classes->pdata[c],
                             dataset->root);
    dataset_set_classes(dataset, names);
    return TRUE;
}

static gboolean is_class(const char *name, gpointer classes)
{
    return class_index(classes, name, strlen(name)) >= 0;
}

/* Which of a dataset's classes the filter selects, by label; NULL and error if it names a missing one. what: as which
 * they are there. */
static gboolean *classes_taken(const Dataset *dataset, const DatasetFilter *filter, const char *what,
                               GError **error)
{
    const char *names = filter->classes ? filter->classes : "";
    gboolean unlabelled = !filter->labels || filter->keep_unlabelled;
    g_autofree gboolean *taken = g_new0(gboolean, dataset->classes->len + 1);
    for (guint i = 0; i < dataset->classes->len; i++)
        taken[i] = !filter->classes && (!filter->first_classes || i < filter->first_classes) &&
                   (unlabelled || *(const char *)dataset->classes->pdata[i]);
    g_autoptr(GPtrArray) wanted = csv_names(names, is_class, dataset->classes, error);
    if (!wanted) {
        g_prefix_error(error, "--classes %s: ", names);
        return NULL;
    }
    for (guint i = 0; i < wanted->len; i++) {
        int label = class_index(dataset->classes, wanted->pdata[i], strlen(wanted->pdata[i]));
        if (label < 0)
            return error_null(error, "%s has no %s '%s'", dataset->root, what, (char *)wanted->pdata[i]);
        taken[label] = TRUE;
    }
    return g_steal_pointer(&taken);
}

/* Whether the table leaves an item out: it is named, and excluded if the table has actions. */
static gboolean is_excluded(const Labels *table, const DatasetItem *item)
{
    const LabelRow *row = table ? labels_find(table, item->key) : NULL;
    return row && (!table->has[LABELS_ACTION] || row->action == LABELS_EXCLUDE);
}

/* Keeps those of the items, in their order, that are of classes taken and not in the table (NULL for none), at most
 * `limit` of each class, and sorts them by their keys in byte order. Returns how many the table left out. */
static guint keep(Dataset *dataset, const GPtrArray *items, const gboolean *taken, const Labels *table,
                  gint64 limit)
{
    g_autofree gint64 *counts = g_new0(gint64, dataset->classes->len + 1);
    GPtrArray *kept = new_items();
    guint excluded = 0;
    for (guint i = 0; i < items->len; i++) {
        DatasetItem *item = items->pdata[i];
        if (!taken[item->label])
            continue;
        if (is_excluded(table, item))
            excluded++;
        else if (!limit || item->beside || counts[item->label]++ < limit)
            share_item(kept, item);
    }
    g_ptr_array_unref(dataset->items);
    dataset->items = kept;
    g_ptr_array_sort(kept, by_key);
    return excluded;
}

/* Applies the filter. add_missing: see pick_listed. */
static gboolean choose(Dataset *dataset, const DatasetFilter *filter, gboolean add_missing, GError **error)
{
    g_ptr_array_sort(dataset->items, by_key); /* which a limit counts by */
    g_autofree gboolean *taken = classes_taken(dataset, filter, "class", error);
    g_autoptr(GPtrArray) items = !taken         ? NULL
                                 : filter->list ? pick_listed(dataset, filter, taken, add_missing, error)
                                                : g_ptr_array_ref(dataset->items);
    g_autoptr(Labels) table =
        items && filter->exclude ? labels_read(filter->exclude, LABELS_PATHS, error) : NULL;
    if (!items || (filter->exclude && !table))
        return FALSE;
    guint excluded = keep(dataset, items, taken, table, filter->limit_per_class);
    if (table)
        cli_remark("%s: %u %s left out, as %s says", dataset->root, excluded,
                   plural(excluded, "image is", "images are"), table->file);
    return drop_empty_classes(dataset, filter->classes ? taken : NULL, error) &&
           (dataset->items->len ||
            error_set(error,
                      "%s has no images (files with names ending in .jpg, .jpeg, .png, .bmp, .ppm, .tif, "
                      ".gif or .webp)",
                      filter->list ? filter->list : dataset->root));
}

gboolean dataset_choose(Dataset *dataset, const DatasetFilter *filter, GError **error)
{
    return choose(dataset, filter, FALSE, error);
}

static gboolean scan_archive(Dataset *dataset, const DatasetFilter *filter, GError **error)
{
    dataset->archived = TRUE;
    return tar_scan(dataset, filter->class_names, NULL, error) && choose(dataset, filter, TRUE, error);
}

/* A missing root is reported by find_folders. */
static gboolean is_archive(const char *root)
{
    struct stat status;
    return stat(root, &status) == 0 && !S_ISDIR(status.st_mode);
}

/* ---- Labels and groups from tables ---- */

/* Gives each image the class that the table says, and "" to those that it lacks. *lacking: how many. */
static void label_items(Dataset *dataset, const Labels *labels, guint *lacking)
{
    g_autofree const char **classes = g_new(const char *, dataset->items->len + 1);
    for (guint i = 0; i < dataset->items->len; i++) {
        DatasetItem *item = dataset->items->pdata[i];
        const LabelRow *found = labels_find(labels, item->key);
        classes[i] = found ? found->class_name : "";
        item->test = found && found->test;
        item->group = found ? g_strdup(found->group) : NULL;
        *lacking += !found;
    }
    dataset_set_classes(dataset, classes);
}

static gboolean scan_labelled(Dataset *dataset, const DatasetFilter *filter, GError **error)
{
    guint lacking = 0;
    g_autoptr(Labels) labels = labels_read(filter->labels, LABELS_CLASSES, error);
    if (!labels)
        return FALSE;
    dataset->archived = is_archive(dataset->root);
    if (!(dataset->archived ? tar_scan(dataset, NULL, labels, error)
                            : scan_folder(dataset, "", 0, NULL, error)))
        return FALSE;
    label_items(dataset, labels, &lacking);
    guint found = dataset->items->len - lacking, missing = g_hash_table_size(labels->rows) - found;
    if (!found)
        return error_set(error, "%s: none of its images is in %s: its paths must be relative to that",
                         labels->file, dataset->root);
    if (missing)
        cli_warn("%u of the images in %s are not in %s", missing, labels->file, dataset->root);
    if (lacking)
        cli_remark("%s: %u %s not in %s and %s", dataset->root, lacking,
                   plural(lacking, "image is", "images are"), labels->file,
                   filter->keep_unlabelled ? "kept without a label"
                                           : "left out (--unlabelled keep would keep them)");
    dataset->tabled = TRUE;
    dataset->grouped = labels->has[LABELS_GROUP];
    dataset->parted = labels->has[LABELS_SPLIT];
    return choose(dataset, filter, TRUE, error);
}

static gboolean group_items(Dataset *dataset, const char *by, GError **error)
{
    g_autoptr(Groups) groups = groups_new(by, error);
    guint found = 0;
    for (guint i = 0; groups && i < dataset->items->len; i++) {
        DatasetItem *item = dataset->items->pdata[i];
        char *group = groups_find(groups, item->key);
        g_free(item->group);
        item->group = group;
        found += group != NULL;
    }
    dataset->grouped = TRUE;
    return groups && (found || error_set(error, "--group %s: gives none of the images of %s a group", by,
                                         dataset->root));
}

static gboolean scan_classes(Dataset *dataset, const DatasetFilter *filter, GError **error)
{
    if (filter->class_names)
        return error_set(error, "%s: is a folder, whose classes already have names: leave out --class-names",
                         dataset->root);
    if (!find_folders(dataset, filter->classes != NULL, error))
        return FALSE;
    g_autofree gboolean *taken = classes_taken(dataset, filter, "folder for the class", error);
    for (guint i = 0; taken && i < dataset->classes->len; i++)
        if (taken[i] && !scan_folder(dataset, dataset->classes->pdata[i], (int)i, NULL, error))
            return FALSE;
    return taken && choose(dataset, filter, TRUE, error);
}

Dataset *dataset_scan(const char *root, const DatasetFilter *filter, GError **error)
{
    static const DatasetFilter everything = {0};
    filter = filter ? filter : &everything;
    g_autoptr(Dataset) dataset = dataset_new(root);
    gboolean done = (filter->labels     ? scan_labelled
                     : is_archive(root) ? scan_archive
                                        : scan_classes)(dataset, filter, error);
    return done && (!filter->group || group_items(dataset, filter->group, error)) ? g_steal_pointer(&dataset)
                                                                                  : NULL;
}
