/* libsvm_text: see libsvm_text.h. */
#include "train/linear/libsvm_text.h"

#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/output_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

LinearModel *linear_model_new(const LinearSolver *solver, gsize features, guint classes, double bias)
{
    LinearModel *model = g_new(LinearModel, 1);
    *model = (LinearModel){
        solver, classes, features, bias, g_new0(float, features *classes), g_new0(float, classes)};
    return model;
}

void linear_model_free(LinearModel *model)
{
    if (!model)
        return;
    g_free(model->kernel);
    g_free(model->offset);
    g_free(model);
}

/* ---- Writing ---- */

/* Puts the file in place, or discards it if writing was interrupted. */
static gboolean put_in_place(OutputFile *output, const char *path, GError **error)
{
    if (!interrupted())
        return output_file_commit(output, error);
    output_file_discard(output);
    return error_set(error, "%s: interrupted", path);
}

static void write_feature(FILE *file, gsize index, float value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    fprintf(file, " %zu:%s", index, g_ascii_formatd(text, sizeof text, "%.9g", value));
}

gboolean libsvm_write_training_set(const TrainingSet *set, const char *path, Progress *progress,
                                   GError **error)
{
    OutputFile *output = output_file_open(path, error);
    if (!output)
        return FALSE;
    FILE *file = output_file_stream(output);
    g_autofree float *row = g_new(float, set->features);
    for (guint i = 0; i < set->n && !ferror(file) && !interrupted(); i++) {
        training_set_take(set, i, 0, set->features, row);
        fprintf(file, "%d", set->labels[i]);
        for (gsize j = 0; j < set->features; j++)
            if (row[j] != 0)
                write_feature(file, j + 1, row[j]);
        fputc('\n', file);
        progress_tick(progress, 1);
    }
    return put_in_place(output, path, error);
}

static void write_weight(FILE *file, double weight)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    fprintf(file, "%s ", g_ascii_formatd(text, sizeof text, "%.17g", weight));
}

gboolean liblinear_write_model(const LinearModel *model, const char *path, GError **error)
{
    OutputFile *output = output_file_open(path, error);
    if (!output)
        return FALSE;
    FILE *file = output_file_stream(output);
    char bias[G_ASCII_DTOSTR_BUF_SIZE];
    guint vectors = model->classes == 2 && !model->solver->multiclass ? 1 : model->classes;
    fprintf(file, "solver_type %s\nnr_class %u\nlabel", model->solver->name, model->classes);
    for (guint k = 0; k < model->classes; k++)
        fprintf(file, " %u", k);
    fprintf(file, "\nnr_feature %zu\nbias %s\nw\n", model->features,
            g_ascii_formatd(bias, sizeof bias, "%.17g", model->bias));
    for (gsize j = 0; j < model->features; j++) {
        for (guint k = 0; k < vectors; k++)
            write_weight(file, model->kernel[j * model->classes + k]);
        fputc('\n', file);
    }
    for (guint k = 0; model->bias >= 0 && k < vectors; k++)
        write_weight(file, model->bias > 0 ? model->offset[k] / model->bias : 0);
    if (model->bias >= 0)
        fputc('\n', file);
    return put_in_place(output, path, error);
}

/* ---- Reading ---- */

typedef struct {
    const char *path;
    char *at; /* the rest of the text */
    GError **error;
} Reader;

static gboolean expected(Reader *reader, const char *what)
{
    g_autofree char *found = g_strndup(reader->at, strcspn(reader->at, " \t\r\n"));
    g_autofree char *shown = g_utf8_make_valid(found, (gssize)MIN(strlen(found), 40));
    return error_set(reader->error, "%s: not a liblinear model for this cache: expected %s, found '%s'",
                     reader->path, what, shown);
}

/* Cuts the next word out of the text; empty at its end. */
static char *next_word(Reader *reader)
{
    reader->at += strspn(reader->at, " \t\r\n");
    char *word = reader->at;
    reader->at += strcspn(reader->at, " \t\r\n");
    if (*reader->at)
        *reader->at++ = '\0';
    return word;
}

static gboolean next_number(Reader *reader, const char *what, double *number)
{
    reader->at += strspn(reader->at, " \t\r\n");
    char *end;
    *number = g_ascii_strtod(reader->at, &end);
    if (end == reader->at || (*end && !strchr(" \t\r\n", *end)) || !isfinite(*number))
        return expected(reader, what);
    reader->at = end;
    return TRUE;
}

static gboolean next_key(Reader *reader, const char *key)
{
    Reader before = *reader;
    before.at += strspn(before.at, " \t\r\n");
    gsize length = strlen(key);
    if (strncmp(before.at, key, length) != 0 || !strchr(" \t\r\n", before.at[length]))
        return expected(&before, key);
    reader->at = before.at + length;
    return TRUE;
}

static gboolean read_labels(Reader *reader, guint classes, guint *label)
{
    g_autofree gboolean *seen = g_new0(gboolean, classes);
    if (!next_key(reader, "label"))
        return FALSE;
    for (guint k = 0; k < classes; k++) {
        double number;
        if (!next_number(reader, "a label", &number))
            return FALSE;
        if (number != floor(number) || number < 0 || number >= classes || seen[(guint)number])
            return error_set(
                reader->error,
                "%s: it has the label %g; labels must be 0 … %u, each once, as --export-libsvm writes them",
                reader->path, number, classes - 1);
        label[k] = (guint)number;
        seen[label[k]] = TRUE;
    }
    return TRUE;
}

/* Everything up to "w". label: (classes), filled in; nr_feature: number of features with weights. */
static LinearModel *read_head(Reader *reader, gsize features, guint classes, guint *label, gsize *nr_feature)
{
    double number, bias;
    if (!next_key(reader, "solver_type"))
        return NULL;
    const char *name = next_word(reader);
    const LinearSolver *solver = linear_solver_find(name);
    if (!solver || strcmp(name, solver->name) != 0) {
        error_set(reader->error, "%s: its solver_type '%.40s' is not a classification solver", reader->path,
                  name);
        return NULL;
    }
    if (!next_key(reader, "nr_class") || !next_number(reader, "a number of classes", &number))
        return NULL;
    if (number != classes) {
        error_set(reader->error, "%s: it has %g classes, the cache has %u", reader->path, number, classes);
        return NULL;
    }
    if (!read_labels(reader, classes, label) || !next_key(reader, "nr_feature") ||
        !next_number(reader, "a number of features", &number))
        return NULL;
    if (number != floor(number) || number < 1 || number > (double)features) {
        error_set(reader->error, "%s: it has weights for %.0f features, the cache has %zu", reader->path,
                  number, features);
        return NULL;
    }
    *nr_feature = (gsize)number;
    if (!next_key(reader, "bias") || !next_number(reader, "a bias", &bias) || !next_key(reader, "w"))
        return NULL;
    return linear_model_new(solver, features, classes, bias);
}

/* Reads one line of w into row (L), by class; a single weight for two classes becomes (w, -w). */
static gboolean read_row(Reader *reader, const LinearModel *model, const guint *label, double scale,
                         float *row)
{
    gboolean one = model->classes == 2 && !model->solver->multiclass;
    for (guint k = 0; k < (one ? 1 : model->classes); k++) {
        double weight;
        if (!next_number(reader, "a weight", &weight))
            return FALSE;
        row[label[k]] = (float)(weight * scale);
        if (!isfinite(row[label[k]]))
            return error_set(reader->error, "%s: its weight %g is too large", reader->path, weight);
        if (one)
            row[label[1]] = -row[label[0]];
    }
    return TRUE;
}

LinearModel *liblinear_read_model(const char *path, gsize features, guint classes, GError **error)
{
    g_autofree char *text = NULL;
    gsize length, nr_feature = 0;
    if (!g_file_get_contents(path, &text, &length, error))
        return NULL;
    if (strlen(text) != length) {
        error_set(error, "%s: is not a text file", path);
        return NULL;
    }
    Reader reader = {path, text, error};
    g_autofree guint *label = g_new(guint, classes);
    g_autoptr(LinearModel) model = read_head(&reader, features, classes, label, &nr_feature);
    if (!model)
        return NULL;
    for (gsize j = 0; j < nr_feature; j++)
        if (!read_row(&reader, model, label, 1, model->kernel + j * classes))
            return NULL;
    if (model->bias >= 0 && !read_row(&reader, model, label, model->bias, model->offset))
        return NULL;
    if (*next_word(&reader)) {
        error_set(error, "%s: it continues after the last weight", path);
        return NULL;
    }
    return g_steal_pointer(&model);
}
