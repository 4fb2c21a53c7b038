/* labels: a table that says of images, by their paths below the image folder, which class they are of, which group they
 * belong to (one scene, patient, photographer), and in which part of a split they are.
 *
 * CSV (RFC 4180, UTF-8 with or without a mark, with a header) or, if the file's name ends in .jsonl, one JSON object a
 * line. Columns: path, or file_name; class, or label; group; split (test, or anything else for training). Others are
 * ignored, as is the order of columns and rows: items.csv of extract --export and metadata.csv of ImageFolder will do. */
#pragma once
#include <glib.h>

typedef struct {
    const char *path;
    const char *class_name,
        *group;    /* NULL where the table has no such column; group also where it is empty */
    gboolean test; /* split is test */
} LabelRow;

typedef struct {
    char *file;
    gboolean has_classes, has_groups, has_splits;
    GHashTable *rows; /* path -> LabelRow */
    GStringChunk *texts;
} Labels;

/* with_classes: the table must have classes; else groups. NULL and an error that names the record if the table cannot
 * be read, lacks a column or a class, or has a path twice, or one that leads out of the folder. */
Labels *labels_read(const char *file, gboolean with_classes, GError **error);
void labels_free(Labels *labels);

/* NULL if the table does not have the path. */
const LabelRow *labels_find(const Labels *labels, const char *path);

/* The group of each path: by a table (FILE.csv, FILE.jsonl), or by a regular expression: what its first pair of
 * parentheses matches in the path, or all that it matches. */
typedef struct Groups Groups;
Groups *groups_new(const char *by, GError **error);
void groups_free(Groups *groups);
char *groups_find(const Groups *groups, const char *path); /* NULL: none. Caller frees. */

/* Whether a path stays below the folder that it is relative to. */
gboolean labels_path_stays(const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Labels, labels_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Groups, groups_free)
