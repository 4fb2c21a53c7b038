/* dataset: a list of labelled images.
 *
 * The layout is that of Keras's flow_from_directory: one folder per class, searched recursively; classes and files in
 * byte order; endings png jpg jpeg bmp ppm tif tiff (and gif, webp, jfif, jpe) in any case, and files with other
 * endings that begin as an image does. Names that begin with a dot are ignored; what else is passed over is counted. An
 * entry that cannot be looked at (a link that leads nowhere, a path that is too long) becomes an item, which fails when
 * it is read, like any bad image; a failing disk ends the search. A tar archive in this layout, or in webdataset's
 * (tar_scan.h), can replace the folder. */
#pragma once
#include "common/cli/cli.h"
#include "common/core/sha256.h"

/* A g_rc_box, as several lists may have it.
 *
 * path: of the file; in an archive ARCHIVE/NAME, for messages. key: "class/…/name.jpg", relative to the root, separated
 * by '/', the item's path in a cache. */
typedef struct {
    char *path;
    char *key;
    int label;                /* index into classes */
    char *group;              /* its group (labels.h); NULL: none */
    gboolean beside;          /* unread, beside the class folders: label says nothing */
    gboolean test;            /* by the table */
    gboolean reviewed;        /* a review decided on it (extract --apply) */
    guint8 hash[SHA256_SIZE]; /* of the file's content, once it was read, or from a cache */
    guint member;             /* in an archive: its number among all members, from 1; 0: not found */
} DatasetItem;

typedef struct {
    char *root;         /* the folder, or the archive */
    gboolean archived;  /* root is an archive */
    GPtrArray *classes; /* char*, sorted by byte order */
    GPtrArray *items;   /* DatasetItem*, sorted by key in byte order */
    GHashTable *passed; /* ending (char*, "" for none) -> number of files passed over in class folders */
    guint beside;       /* images beside the class folders */
    guint unread;       /* entries that could not be looked at */
    gboolean tabled;    /* classes are a table's; the class "" is that of images without a label */
    gboolean grouped;   /* groups were given */
    gboolean parted;    /* the table says which images are for testing */
} Dataset;

typedef struct {
    const char *classes;  /* "A,B,…", csv_names's list: only these; NULL for all */
    gint64 first_classes; /* only this many in byte order; 0 for all */
    /* File with one "class/name" per line, with or without ending (Food-101's meta/train.txt); blank lines, and those
     * of classes not selected, are ignored; NULL for every file. */
    const char *list;
    const char *exclude;      /* table (labels.h) of images to leave out; NULL for none */
    const char *labels;       /* table with the classes (labels.h); NULL: they are folders */
    gboolean keep_unlabelled; /* images that the table lacks: as class "", else left out */
    const char *group;        /* table or regular expression (labels.h); NULL for none */
    /* For an archive with numbered classes: the file whose line i, from 0, is the name of class i; NULL for none. */
    const char *class_names;
    gint64
        limit_per_class; /* the first this many of each class, in the list's order if there is one; 0 for all */
} DatasetFilter;

/* Rows of a program's option table (common/cli/cli.h), which fill the filter; modes: those that use it. */
/* clang-format off */
#define DATASET_OPTIONS(f, used_by) \
    OPTION_HEADING("Which images", .modes = used_by), \
    OPTION_LIST("classes", &(f)->classes, "A,B,…", "only these classes"), \
    OPTION_INT("first-classes", &(f)->first_classes, "N", 0, G_MAXINT, \
        "only the first N classes in byte order (0: all)"), \
    OPTION_INPUT("list", &(f)->list, "FILE", \
        "only the images listed in FILE, one class/name per line, with or without file extension"), \
    OPTION_INT("limit-per-class", &(f)->limit_per_class, "N", 0, G_MAXINT, \
        "only the first N images of each class (0: all)")
/* For modes that read images. */
#define DATASET_CLASS_NAMES(f) \
    OPTION_INPUT("class-names", &(f)->class_names, "FILE", \
        "file with the names of the classes that an archive's .cls members number, one per line, class 0 " \
        "first")
/* clang-format on */

/* root: a folder, or a tar archive. NULL and error if the folder cannot be read, if a class, or the class of a listed
 * file, does not exist (the error names it and its line), if all listed images are missing, or if nothing is left. A
 * listed image that is missing becomes an item, to be skipped and named like any other that cannot be read. A class
 * without images is left out of classes; if the filter names it, that is an error. filter may be NULL. */
Dataset *dataset_scan(const char *root, const DatasetFilter *filter, GError **error);
void dataset_free(Dataset *dataset);

/* What was passed over, as a clause such as "3 .txt, 1 without ending; 2 images beside the folders of classes"; NULL for
 * nothing. Caller frees. */
char *dataset_passed(const Dataset *dataset);

/* An empty dataset of a folder, "" for none, and functions to fill it. */
Dataset *dataset_new(const char *root);
DatasetItem *dataset_add(Dataset *dataset, const char *key, int label);

/* Says that the files of a cache's images lie below a folder. */
void dataset_locate(Dataset *dataset, const char *folder);

/* The classes that n items are of (char*), in byte order; names: of each, NULL for none. *labels (n): each one's index among
 * them, or -1. */
GPtrArray *dataset_classes(const char *const *names, guint n, int *labels);

/* Sets the classes and the items' labels likewise: names has the class of each item. */
void dataset_set_classes(Dataset *dataset, const char *const *names);

/* Gives the items the labels of another list of classes (char*, to be freed by itself), which it takes. FALSE where that
 * lacks one of its own, *lacking. */
gboolean dataset_adopt_classes(Dataset *dataset, GPtrArray *classes, const char **lacking);
void dataset_pass_over(Dataset *dataset, const char *name); /* counts a file of this name */

/* Applies the filter to a dataset, whose folder need not exist, like dataset_scan, except that listed images which the
 * dataset lacks are ignored. FALSE and error as there. */
gboolean dataset_choose(Dataset *dataset, const DatasetFilter *filter, GError **error);

/* Moves the items i with taken[i] to a new dataset with the same root and classes; both keep their order. */
Dataset *dataset_take(Dataset *dataset, const gboolean *taken);

/* All image files in a folder, at any depth, in byte order of their keys, with label 0 and no classes. Finding none is not
 * an error. */
Dataset *dataset_unsorted(const char *folder, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dataset, dataset_free)
