/* tar_scan: see tar_scan.h. */
#include "common/dataset/tar_scan.h"

#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/plural.h"
#include "common/dataset/tar_box.h"

#include <string.h>

enum {
    CLS_MAX = 4096,         /* bytes of a .cls member: a class's name */
    CLASS_MAX = 255,        /* bytes of a class's name, as of a folder's */
    MEMBERS_MAX = 50000000, /* more names than fit into memory */
    SHOWN_MAX = 200,        /* bytes of a name that a message repeats */
};

typedef struct {
    Dataset *dataset;       /* the keys of its items are at first the members' names */
    GHashTable *names;      /* of images and .cls members */
    GHashTable *labels;     /* KEY -> content of KEY.cls */
    GPtrArray *class_names; /* or NULL */
} Scan;

static void scan_clear(Scan *scan)
{
    g_hash_table_unref(scan->names);
    g_hash_table_unref(scan->labels);
    g_clear_pointer(&scan->class_names, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scan, scan_clear)

/* ---- Members ---- */

static gboolean is_hidden(const char *name)
{
    return name[0] == '.' || strstr(name, "/.");
}

static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* The end of KEY in a name by webdataset's rule. */
static const char *key_end(const char *name)
{
    const char *dot = strchr(last_part(name), '.');
    return dot ? dot : name + strlen(name);
}

static gboolean take_label(Scan *scan, TarBox *reader, const TarMember *member, GError **error)
{
    gsize size;
    if (member->kind != TAR_FILE || member->size > CLS_MAX)
        return error_set(error,
                         "%s: its member '%.*s' is %s: a .cls file contains the name or number of a class",
                         scan->dataset->root, SHOWN_MAX, member->name,
                         member->kind == TAR_FILE ? "larger than 4 KiB" : "no regular file");
    g_autoptr(GBytes) content = tar_box_content(reader, NULL, error);
    if (!content)
        return FALSE;
    const char *bytes = g_bytes_get_data(content, &size);
    char *label = g_strstrip(g_strndup(bytes, size));
    g_hash_table_insert(scan->labels, g_strndup(member->name, (gsize)(key_end(member->name) - member->name)),
                        label);
    return TRUE;
}

/* The content of members is not read for this: only what the program's endings tell is an image. */
static gboolean take_member(Scan *scan, TarBox *reader, const TarMember *member, guint number, GError **error)
{
    gboolean is_label = g_str_equal(key_end(member->name), ".cls");
    if (is_hidden(member->name) || member->kind == TAR_FOLDER)
        return TRUE;
    if (!is_label && !input_image_ending(member->name)) {
        dataset_pass_over(scan->dataset, last_part(member->name));
        return TRUE;
    }
    if (!g_hash_table_add(scan->names, g_strdup(member->name)))
        return error_set(error, "%s: has two members '%.*s': create the archive again with each file once",
                         scan->dataset->root, SHOWN_MAX, member->name);
    if (is_label)
        return take_label(scan, reader, member, error);
    dataset_add(scan->dataset, member->name, 0)->member = number;
    return TRUE;
}

static gboolean take_members(Scan *scan, GError **error)
{
    TarMember member;
    GError *problem = NULL;
    guint number = 0;
    g_autoptr(TarBox) reader = tar_box_open(scan->dataset->root, error);
    if (!reader)
        return FALSE;
    while (tar_box_next(reader, &member, &problem))
        if (++number > MEMBERS_MAX)
            return error_set(error, "%s: has more than %d members: split it", scan->dataset->root,
                             MEMBERS_MAX);
        else if (!take_member(scan, reader, &member, number, error))
            return FALSE;
    if (problem)
        g_propagate_error(error, problem);
    return !problem;
}

/* ---- Folders ---- */

/* An image's key, at first its name in the archive; "" if there is none. */
static const char *name_of(const Dataset *dataset, guint i)
{
    return i < dataset->items->len ? ((const DatasetItem *)dataset->items->pdata[i])->key : "";
}

/* key: may be a part of the one before. */
static void set_key(DatasetItem *item, const char *key)
{
    char *before = item->key;
    item->key = g_strdup(key);
    g_free(before);
}

/* How well the images' names fit without these outer folders' bytes: with a table, by how many of them it has; else, as long
 * as each image still has a folder, the more the shorter they are. -1 if they do not fit. */
static gssize fit_without(const Dataset *dataset, const Labels *table, gsize removed)
{
    gssize found = 0;
    for (guint i = 0; i < dataset->items->len; i++) {
        const char *name = name_of(dataset, i);
        if (strncmp(name, name_of(dataset, 0), removed) != 0 || (!table && !strchr(name + removed, '/')))
            return -1;
        found += table && labels_find(table, name + removed);
    }
    return table ? found : (gssize)removed;
}

/* Removes the outer folders that contain all images from their names, as far as that fits best. */
static void remove_folders(Dataset *dataset, const Labels *table)
{
    gsize removed = 0;
    gssize best = fit_without(dataset, table, 0);
    const char *first = name_of(dataset, 0);
    for (const char *slash = strchr(first, '/'); slash; slash = strchr(slash + 1, '/')) {
        gsize length = (gsize)(slash + 1 - first);
        gssize fit = fit_without(dataset, table, length);
        removed = fit > best ? length : removed;
        best = MAX(best, fit);
    }
    for (guint i = 0; i < dataset->items->len; i++)
        set_key(dataset->items->pdata[i], name_of(dataset, i) + removed);
}

/* ---- Labels ---- */

static gboolean read_class_names(Scan *scan, const char *path, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree char *text = input_file_plain(path, error);
    if (!text)
        return FALSE;
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    scan->class_names = g_ptr_array_new_with_free_func(g_free);
    for (char **line = lines; *line; line++) {
        char *name = g_strdup(g_strstrip(*line));
        g_ptr_array_add(scan->class_names, name);
        if (!g_hash_table_add(seen, name))
            return error_set(error, "%s:%u names the class '%.*s' again: give each class its own name", path,
                             scan->class_names->len, SHOWN_MAX, name);
    }
    return scan->class_names->len ||
           error_set(error, "%s is empty: it must name the classes, one per line", path);
}

/* The class in an image's .cls; NULL and error if it is missing or cannot be a folder's name. */
static const char *class_of(const Scan *scan, const char *image, GError **error)
{
    g_autofree char *key = g_strndup(image, (gsize)(key_end(image) - image));
    const char *class = g_hash_table_lookup(scan->labels, key);
    guint64 number;
    if (!class)
        return error_null(
            error, "%s: its image %s has no %s.cls, while others have one: add it, or leave the image out",
            scan->dataset->root, image, key);
    if (scan->class_names) {
        guint n = scan->class_names->len;
        if (!g_ascii_string_to_unsigned(class, 10, 0, n - 1, &number, NULL))
            return error_null(error,
                              "%s: its member %s.cls is '%.*s', and --class-names has names for 0 to %u",
                              scan->dataset->root, key, SHOWN_MAX, class, n - 1);
        class = scan->class_names->pdata[number];
    }
    if (!*class || strlen(class) > CLASS_MAX || class[0] == '.' || strpbrk(class, "/\n"))
        return error_null(
            error,
            "%s: its member %s.cls contains '%.*s', which is not a valid class name: it must be one "
            "line without '/' and must not begin with a dot",
            scan->dataset->root, key, SHOWN_MAX, class);
    return class;
}

/* Puts each image into the folder of its class. */
static gboolean add_folders(const Scan *scan, GError **error)
{
    for (guint i = 0; i < scan->dataset->items->len; i++) {
        DatasetItem *item = scan->dataset->items->pdata[i];
        if (strrchr(item->key, '.') != key_end(item->key)) {
            set_key(item, ""); /* KEY.mask.png is not the image itself */
            continue;
        }
        const char *class = class_of(scan, item->key, error);
        if (!class)
            return FALSE;
        g_autofree char *key = g_strconcat(class, "/", item->key, NULL);
        set_key(item, key);
    }
    return TRUE;
}

/* ---- Both ---- */

/* Classes are the outermost folders; drops images without. Returns how many. */
static guint take_classes(Dataset *dataset)
{
    guint n = dataset->items->len;
    g_autofree gboolean *dropped = g_new(gboolean, n + 1);
    g_autoptr(GPtrArray) classes = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < n; i++) {
        const char *key = name_of(dataset, i), *slash = strchr(key, '/');
        g_ptr_array_add(classes, slash ? g_strndup(key, (gsize)(slash - key)) : NULL);
        dropped[i] = !slash;
    }
    dataset_set_classes(dataset, (const char *const *)classes->pdata);
    dataset_free(dataset_take(dataset, dropped));
    return n - dataset->items->len;
}

static gboolean scan_folders(Dataset *dataset, GError **error)
{
    remove_folders(dataset, NULL);
    dataset->beside = take_classes(dataset);
    return dataset->items->len || !dataset->beside ||
           error_set(
               error,
               "%s: its %u %s at the top: put the images of each class into a folder of their own, or a "
               "NAME.cls with the class beside each NAME.jpg",
               dataset->root, dataset->beside, plural(dataset->beside, "image is", "images are"));
}

static gboolean scan_labels(const Scan *scan, GError **error)
{
    Dataset *dataset = scan->dataset;
    return add_folders(scan, error) &&
           (!take_classes(dataset) || dataset->items->len ||
            error_set(error,
                      "%s: none of its images has the name of a .cls member up to the first dot: name them "
                      "NAME.jpg and NAME.cls",
                      dataset->root));
}

gboolean tar_scan(Dataset *dataset, const char *class_names, const Labels *table, GError **error)
{
    g_auto(Scan) scan = {dataset, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                         g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free), NULL};
    if ((class_names && !read_class_names(&scan, class_names, error)) || !take_members(&scan, error))
        return FALSE;
    gboolean labelled = g_hash_table_size(scan.labels) > 0;
    if (class_names && !labelled)
        return error_set(
            error, "%s: has no .cls members, so its classes already have names: leave out --class-names",
            dataset->root);
    if (!table)
        return labelled ? scan_labels(&scan, error) : scan_folders(dataset, error);
    remove_folders(dataset, table);
    return TRUE;
}
