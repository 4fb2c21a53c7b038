/* labels: see labels.h. */
#include "common/dataset/labels.h"

#include "common/cli/choice.h"
#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/plural.h"

#include <jansson.h>
#include <string.h>

static const char *const names[LABELS_COLUMNS][2] = {
    {"path", "file_name"}, {"class", "label"},  {"group", NULL}, {"split", NULL},
    {"action", NULL},      {"suggested", NULL}, {"score", NULL}, {"index", NULL}};

void labels_free(Labels *labels)
{
    if (!labels)
        return;
    g_hash_table_unref(labels->rows);
    g_string_chunk_free(labels->texts);
    g_free(labels->file);
    g_free(labels);
}

const LabelRow *labels_find(const Labels *labels, const char *path)
{
    return g_hash_table_lookup(labels->rows, path);
}

/* ---- Rows ---- */

static const char *keep(Labels *labels, const char *text)
{
    return text && *text ? g_string_chunk_insert(labels->texts, text) : NULL;
}

static gboolean take_action(const char *action, LabelRow *row, GError **error)
{
    int found = action ? choice_find(LABELS_ACTIONS, action) : -1;
    row->action = (LabelsAction)found;
    return found >= 0 || error_set(error, "the action of %s is '%s', not keep, relabel or exclude", row->path,
                                   action ? action : "");
}

static gboolean check_index(const char *index, guint number, GError **error)
{
    guint64 found;
    return !index ||
           (g_ascii_string_to_unsigned(index, 10, 0, G_MAXUINT32, &found, NULL) && found == number) ||
           error_set(error, "its index is %s, not %u: items must be in the same order as the features", index,
                     number);
}

/* values: by column; NULL where there is none. */
static gboolean take_row(Labels *labels, const char *const values[LABELS_COLUMNS], GError **error)
{
    const char *path = values[LABELS_PATH];
    gboolean items = labels->need == LABELS_ITEMS;
    while (path && !items && g_str_has_prefix(path, "./")) /* items have names, which lead nowhere */
        path += 2;
    if (!path || !*path)
        return error_set(error, "it has no path");
    if ((*path == '/' && !items) || !input_path_stays(path))
        return error_set(error, "its path %s leads out of the image folder", path);
    if (labels_find(labels, path))
        return error_set(error, "its path %s occurs twice", path);
    LabelRow row = {.path = keep(labels, path),
                    .class_name = keep(labels, values[LABELS_CLASS]),
                    .group = keep(labels, values[LABELS_GROUP]),
                    .suggested = keep(labels, values[LABELS_SUGGESTED]),
                    .score = keep(labels, values[LABELS_SCORE]),
                    .test = values[LABELS_SPLIT] && g_ascii_strcasecmp(values[LABELS_SPLIT], "test") == 0,
                    .number = g_hash_table_size(labels->rows)};
    if (items && !check_index(values[LABELS_INDEX], row.number, error))
        return FALSE;
    if (labels->has[LABELS_ACTION] && !take_action(values[LABELS_ACTION], &row, error))
        return FALSE;
    gboolean needs_class =
        labels->need == LABELS_CLASSES || (labels->need == LABELS_DECISIONS && row.action == LABELS_RELABEL);
    if ((needs_class || items) && !row.class_name)
        return error_set(error, "%s has no class", path);
    if (needs_class && strpbrk(row.class_name, "/\n"))
        return error_set(error, "the class of %s has a '/' or a line break in its name", path);
    g_hash_table_insert(labels->rows, (gpointer)row.path, g_memdup2(&row, sizeof row));
    return TRUE;
}

/* Of a column that is missing where it is needed. */
static gboolean check_columns(const Labels *labels, GError **error)
{
    static const guint needed[] = {[LABELS_CLASSES] = 1 << LABELS_CLASS,
                                   [LABELS_ITEMS] = 1 << LABELS_CLASS,
                                   [LABELS_GROUPS] = 1 << LABELS_GROUP,
                                   [LABELS_SUSPECTS] = 1 << LABELS_SUGGESTED,
                                   [LABELS_DECISIONS] = 1 << LABELS_CLASS | 1 << LABELS_ACTION,
                                   [LABELS_PATHS] = 0};
    for (LabelsColumn c = LABELS_PATH; c < LABELS_COLUMNS; c++)
        if (needed[labels->need] >> c & 1 && !labels->has[c])
            return error_set(error, "it has no column %s",
                             c == LABELS_CLASS ? "class (or label)" : names[c][0]);
    return TRUE;
}

/* ---- CSV ---- */

typedef struct {
    Labels *labels;
    int columns[LABELS_COLUMNS]; /* -1: it has none */
} Table;

static gboolean find_columns(const GPtrArray *header, gpointer user, GError **error)
{
    Table *table = user;
    Labels *labels = table->labels;
    int *columns = table->columns;
    for (int c = 0; c < LABELS_COLUMNS; c++) {
        columns[c] = -1;
        for (int name = 1; name >= 0; name--) /* the first of the two names decides */
            for (guint i = 0; names[c][name] && i < header->len; i++)
                if (g_str_equal(header->pdata[i], names[c][name]))
                    columns[c] = (int)i;
        labels->has[c] = columns[c] >= 0;
    }
    labels->has[LABELS_ACTION] &= labels->need >= LABELS_DECISIONS;
    if (columns[LABELS_PATH] < 0)
        return error_set(error, "its first line must name the column path (or file_name)");
    return check_columns(labels, error);
}

static gboolean take_fields(const GPtrArray *fields, gpointer user, GError **error)
{
    const Table *table = user;
    const char *values[LABELS_COLUMNS];
    for (int c = 0; c < LABELS_COLUMNS; c++) {
        if (table->columns[c] >= (int)fields->len)
            return error_set(error, "it has only %u %s", fields->len, plural(fields->len, "field", "fields"));
        values[c] = table->columns[c] < 0 ? NULL : fields->pdata[table->columns[c]];
    }
    return take_row(table->labels, values, error);
}

/* ---- JSON lines ---- */

/* A text, or a number as one; NULL for another value. Freed with texts. */
static const char *value_of(const json_t *object, LabelsColumn column, GPtrArray *texts)
{
    json_t *value = json_object_get(object, names[column][0]);
    if (!value && names[column][1])
        value = json_object_get(object, names[column][1]);
    char real[G_ASCII_DTOSTR_BUF_SIZE];
    if (json_is_integer(value))
        g_ptr_array_add(texts, g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value)));
    else if (json_is_real(value))
        g_ptr_array_add(texts, g_strdup(g_ascii_dtostr(real, sizeof real, json_real_value(value))));
    return json_is_number(value) ? texts->pdata[texts->len - 1] : json_string_value(value);
}

static gboolean take_line(Labels *labels, const char *line, GError **error)
{
    const char *values[LABELS_COLUMNS];
    json_error_t problem;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &problem);
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    gboolean good = json_is_object(object) || error_set(error, "it is no JSON object");
    for (LabelsColumn c = LABELS_PATH; good && c < LABELS_COLUMNS; c++) {
        values[c] = value_of(object, c, texts);
        labels->has[c] |= values[c] != NULL;
    }
    labels->has[LABELS_CLASS] |= labels->need <= LABELS_ITEMS; /* its lines say which lacks one */
    labels->has[LABELS_ACTION] &= labels->need >= LABELS_DECISIONS;
    good = good && take_row(labels, values, error);
    json_decref(object);
    return good;
}

static gboolean read_lines(Labels *labels, const char *text, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GError) problem = NULL;
    for (guint i = 0; lines[i]; i++)
        if (*g_strstrip(lines[i]) && !take_line(labels, lines[i], &problem))
            return error_set(error, "%s: line %u: %s", labels->file, i + 1, problem->message);
    return check_columns(labels, &problem) || error_set(error, "%s: %s", labels->file, problem->message);
}

Labels *labels_read(const char *file, LabelsNeed need, GError **error)
{
    g_autofree char *text = input_file_plain(file, error);
    if (!text)
        return NULL;
    g_autoptr(Labels) labels = g_new0(Labels, 1);
    labels->file = g_strdup(file);
    labels->need = need;
    labels->rows = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    labels->texts = g_string_chunk_new(1 << 12);
    Table table = {.labels = labels};
    gboolean good = g_str_has_suffix(file, ".jsonl")
                        ? read_lines(labels, text, error)
                        : csv_table(file, text, find_columns, take_fields, &table, error);
    return good ? g_steal_pointer(&labels) : NULL;
}

/* ---- Groups ---- */

struct Groups {
    Labels *table; /* or: */
    GRegex *expression;
};

Groups *groups_new(const char *by, GError **error)
{
    g_autoptr(Groups) groups = g_new0(Groups, 1);
    g_autoptr(GError) problem = NULL;
    if (g_str_has_suffix(by, ".csv") || g_str_has_suffix(by, ".jsonl")) {
        groups->table = labels_read(by, LABELS_GROUPS, error);
        return groups->table ? g_steal_pointer(&groups) : NULL;
    }
    groups->expression = g_regex_new(by, G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, &problem);
    if (groups->expression)
        return g_steal_pointer(&groups);
    return error_null(error, "--group %s: is no regular expression: %s", by, problem->message);
}

void groups_free(Groups *groups)
{
    if (!groups)
        return;
    labels_free(groups->table);
    g_clear_pointer(&groups->expression, g_regex_unref);
    g_free(groups);
}

char *groups_find(const Groups *groups, const char *path)
{
    if (groups->table) {
        const LabelRow *row = labels_find(groups->table, path);
        return row ? g_strdup(row->group) : NULL;
    }
    g_autoptr(GMatchInfo) match = NULL;
    if (!g_regex_match(groups->expression, path, 0, &match))
        return NULL;
    char *group = g_match_info_fetch(match, g_match_info_get_match_count(match) > 1 ? 1 : 0);
    if (group && !*group)
        g_clear_pointer(&group, g_free);
    return group;
}
