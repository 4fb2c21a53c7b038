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
    char *name;
    guint member;
} Image;

typedef struct {
    const char *path;
    Dataset *dataset;
    GArray *images;         /* Image */
    GHashTable *names;      /* of images and .cls members, a set: owns what it has */
    GHashTable *labels;     /* KEY -> content of KEY.cls */
    GPtrArray *class_names; /* or NULL */
    GPtrArray *classes;     /* char*, of the dataset's items */
} Scan;

static void scan_clear(Scan *scan)
{
    g_array_unref(scan->images);
    g_hash_table_unref(scan->names);
    g_hash_table_unref(scan->labels);
    g_clear_pointer(&scan->class_names, g_ptr_array_unref);
    g_ptr_array_unref(scan->classes);
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
                         scan->path, SHOWN_MAX, member->name,
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
    Image image = {g_strdup(member->name), number};
    if (!g_hash_table_add(scan->names, image.name))
        return error_set(error, "%s: has two members '%.*s': create the archive again with each file once",
                         scan->path, SHOWN_MAX, member->name);
    if (is_label)
        return take_label(scan, reader, member, error);
    g_array_append_val(scan->images, image);
    return TRUE;
}

static gboolean take_members(Scan *scan, GError **error)
{
    TarMember member;
    GError *problem = NULL;
    guint number = 0;
    g_autoptr(TarBox) reader = tar_box_open(scan->path, error);
    if (!reader)
        return FALSE;
    while (tar_box_next(reader, &member, &problem))
        if (++number > MEMBERS_MAX)
            return error_set(error, "%s: has more than %d members: split it", scan->path, MEMBERS_MAX);
        else if (!take_member(scan, reader, &member, number, error))
            return FALSE;
    if (problem)
        g_propagate_error(error, problem);
    return !problem;
}

/* ---- Folders ---- */

/* Length of the outer folders, with a '/' after each, that contain all images and leave each image at least one
 * folder. */
static gsize shared_folders(const Scan *scan)
{
    const char *first = scan->images->len ? g_array_index(scan->images, Image, 0).name : "";
    gsize shared = strlen(first);
    for (guint i = 0; i < scan->images->len; i++) {
        const char *name = g_array_index(scan->images, Image, i).name;
        gsize same = 0, folders = 0; /* bytes alike; bytes of the folders above the last */
        for (const char *slash = strchr(name, '/'), *next; slash && (next = strchr(slash + 1, '/'));
             slash = next)
            folders = (gsize)(slash - name) + 1;
        while (same < MIN(shared, folders) && name[same] == first[same])
            same++;
        while (same > 0 && first[same - 1] != '/')
            same--;
        shared = same;
    }
    return shared;
}

static void add_image(const Scan *scan, const Image *image, const char *class, const char *key)
{
    DatasetItem *item = dataset_add(scan->dataset, key, 0);
    g_free(item->path);
    item->path = g_build_filename(scan->dataset->root, image->name, NULL);
    item->member = image->member;
    g_ptr_array_add(scan->classes, g_strdup(class));
}

static void add_by_folder(const Scan *scan)
{
    gsize shared = shared_folders(scan);
    for (guint i = 0; i < scan->images->len; i++) {
        const Image *image = &g_array_index(scan->images, Image, i);
        const char *key = image->name + shared, *slash = strchr(key, '/');
        g_autofree char *class = slash ? g_strndup(key, (gsize)(slash - key)) : NULL;
        if (class)
            add_image(scan, image, class, key);
        else
            scan->dataset->beside++;
    }
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
    return TRUE;
}

/* The class in an image's .cls; NULL and error if it is missing or cannot be a folder's name. */
static const char *class_of(const Scan *scan, const Image *image, GError **error)
{
    g_autofree char *key = g_strndup(image->name, (gsize)(key_end(image->name) - image->name));
    const char *class = g_hash_table_lookup(scan->labels, key);
    guint64 number;
    if (!class)
        return error_null(
            error, "%s: its image %s has no %s.cls, while others have one: add it, or leave the image out",
            scan->path, image->name, key);
    if (scan->class_names) {
        guint n = scan->class_names->len;
        if (!g_ascii_string_to_unsigned(class, 10, 0, n - 1, &number, NULL))
            return error_null(error,
                              "%s: its member %s.cls is '%.*s', and --class-names has names for 0 to %u",
                              scan->path, key, SHOWN_MAX, class, n - 1);
        class = scan->class_names->pdata[number];
    }
    if (!*class || strlen(class) > CLASS_MAX || class[0] == '.' || strpbrk(class, "/\n"))
        return error_null(
            error,
            "%s: its member %s.cls contains '%.*s', which is not a valid class name: it must be one "
            "line without '/' and must not begin with a dot",
            scan->path, key, SHOWN_MAX, class);
    return class;
}

static gboolean add_by_label(const Scan *scan, GError **error)
{
    for (guint i = 0; i < scan->images->len; i++) {
        const Image *image = &g_array_index(scan->images, Image, i);
        if (!strrchr(image->name, '.') || strrchr(image->name, '.') != key_end(image->name))
            continue; /* KEY.mask.png is not the image itself */
        const char *class = class_of(scan, image, error);
        if (!class)
            return FALSE;
        g_autofree char *key = g_strconcat(class, "/", image->name, NULL);
        add_image(scan, image, class, key);
    }
    return TRUE;
}

/* ---- Both ---- */

/* The order of a recursive search with names in byte order: a folder's contents before the names after the folder. */
static gint by_walk(gconstpointer a, gconstpointer b)
{
    const char *first = (*(DatasetItem *const *)a)->key, *second = (*(DatasetItem *const *)b)->key;
    while (*first && *first == *second)
        first++, second++;
    int x = *first == '/' ? 1 : *first ? 1 + (guchar)*first : 0;
    int y = *second == '/' ? 1 : *second ? 1 + (guchar)*second : 0;
    return x - y;
}

static Scan scan_new(Dataset *dataset)
{
    return (Scan){dataset->root,
                  dataset,
                  g_array_new(FALSE, FALSE, sizeof(Image)),
                  g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                  g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
                  NULL,
                  g_ptr_array_new_with_free_func(g_free)};
}

gboolean tar_scan(Dataset *dataset, const char *class_names, GError **error)
{
    g_auto(Scan) scan = scan_new(dataset);
    if ((class_names && !read_class_names(&scan, class_names, error)) || !take_members(&scan, error))
        return FALSE;
    if (class_names && g_hash_table_size(scan.labels) == 0)
        return error_set(
            error, "%s: has no .cls members, so its classes already have names: leave out --class-names",
            scan.path);
    if (g_hash_table_size(scan.labels) == 0)
        add_by_folder(&scan);
    else if (!add_by_label(&scan, error))
        return FALSE;
    if (dataset->items->len == 0 && dataset->beside)
        return error_set(
            error,
            "%s: its %u %s at the top: put the images of each class into a folder of their own, or a "
            "NAME.cls with the class beside each NAME.jpg",
            scan.path, dataset->beside, plural(dataset->beside, "image is", "images are"));
    if (dataset->items->len == 0 && scan.images->len)
        return error_set(
            error,
            "%s: none of its images has the name of a .cls member up to the first dot: name them NAME.jpg "
            "and NAME.cls",
            scan.path);
    dataset_set_classes(dataset, (const char *const *)scan.classes->pdata);
    g_ptr_array_sort(dataset->items, by_walk);
    return TRUE;
}

/* How many images the table has if this many bytes are removed from their names; -1 if they do not begin alike. */
static int count_found(const Scan *scan, const Labels *labels, gsize removed)
{
    const char *first = g_array_index(scan->images, Image, 0).name;
    int found = 0;
    for (guint i = 0; i < scan->images->len; i++) {
        const char *name = g_array_index(scan->images, Image, i).name;
        if (strncmp(name, first, removed) != 0)
            return -1;
        found += labels_find(labels, name + removed) != NULL;
    }
    return found;
}

gboolean tar_scan_all(Dataset *dataset, const Labels *labels, GError **error)
{
    g_auto(Scan) scan = scan_new(dataset);
    if (!take_members(&scan, error))
        return FALSE;
    gsize removed = 0;
    int best = scan.images->len ? count_found(&scan, labels, 0) : 0;
    const char *first = scan.images->len ? g_array_index(scan.images, Image, 0).name : "";
    for (const char *slash = strchr(first, '/'); slash; slash = strchr(slash + 1, '/')) {
        int found = count_found(&scan, labels, (gsize)(slash + 1 - first));
        removed = found > best ? (gsize)(slash + 1 - first) : removed;
        best = MAX(best, found);
    }
    for (guint i = 0; i < scan.images->len; i++) {
        const Image *image = &g_array_index(scan.images, Image, i);
        add_image(&scan, image, "", image->name + removed);
    }
    g_ptr_array_sort(dataset->items, by_walk);
    return TRUE;
}
