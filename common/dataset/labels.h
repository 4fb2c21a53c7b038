/* labels: a table that says of images, by their paths below the image folder, which class they are of, which group they
 * belong to (one scene, patient, photographer), in which part of a split they are, what a review decided on them, or which
 * class is suggested for them.
 *
 * CSV (RFC 4180, UTF-8 with or without a mark, with a header) or, if the file's name ends in .jsonl, one JSON object a
 * line. Columns: path, or file_name; class, or label; group; split (test, or anything else for training); action (keep,
 * relabel, exclude); suggested; score; index. Others are ignored, as is the order of columns and, but for LABELS_ITEMS, of rows:
 * items.csv of extract --export and metadata.csv of ImageFolder will do. */
#pragma once
#include <glib.h>

#define LABELS_ACTIONS "keep|relabel|exclude"
typedef enum { LABELS_KEEP, LABELS_RELABEL, LABELS_EXCLUDE } LabelsAction;

typedef struct {
    const char *path;
    const char *class_name, *group; /* NULL where there is none */
    gboolean test;                  /* split is test */
    const char *suggested, *score;  /* as well */
    LabelsAction action;            /* with LABELS_DECISIONS, and LABELS_PATHS where there are actions */
    guint number;                   /* of the row, from 0 */
} LabelRow;

/* The columns that a table must have besides path: class; class, any text, of paths that need not be relative, where an index
 * has to be the row's number; group; suggested; action and class (of what is relabelled); none. */
typedef enum {
    LABELS_CLASSES,
    LABELS_ITEMS,
    LABELS_GROUPS,
    LABELS_SUSPECTS,
    LABELS_DECISIONS,
    LABELS_PATHS,
} LabelsNeed;

typedef enum {
    LABELS_PATH,
    LABELS_CLASS,
    LABELS_GROUP,
    LABELS_SPLIT,
    LABELS_ACTION,
    LABELS_SUGGESTED,
    LABELS_SCORE,
    LABELS_INDEX,
    LABELS_COLUMNS
} LabelsColumn;

typedef struct {
    char *file;
    LabelsNeed need;
    gboolean has[LABELS_COLUMNS]; /* an action only with LABELS_DECISIONS and LABELS_PATHS */
    GHashTable *rows;             /* path -> LabelRow */
    GStringChunk *texts;
} Labels;

/* NULL and an error that names the record if the table cannot be read, lacks a column or a class, has an unknown action,
 * or has a path twice, or one that leads out of the folder. */
Labels *labels_read(const char *file, LabelsNeed need, GError **error);
void labels_free(Labels *labels);

/* NULL if the table does not have the path. */
const LabelRow *labels_find(const Labels *labels, const char *path);

/* The group of each path: by a table (FILE.csv, FILE.jsonl), or by a regular expression: what its first pair of
 * parentheses matches in the path, or all that it matches. */
typedef struct Groups Groups;
Groups *groups_new(const char *by, GError **error);
void groups_free(Groups *groups);
char *groups_find(const Groups *groups, const char *path); /* NULL: none. Caller frees. */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Labels, labels_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Groups, groups_free)
