/* training_set: see training_set.h. */
#include "train/linear/training_set.h"

#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/output_file.h"

#include <math.h>
#include <stdio.h>

static void fit_to_part(Scaling *scaling, const Rows *rows, Part part)
{
    g_autofree guint *chosen = g_new(guint, rows->n);
    guint n = 0;
    for (guint i = 0; i < rows->n; i++)
        if (part_trains_on(part, i))
            chosen[n++] = i;
    const RowsChoice choice = {rows, chosen};
    const Rows fitted = rows_choose(&choice, n);
    scaling_fit(scaling, &fitted);
}

static void take_features(const TrainingSet *set, guint row, gsize first, gsize count, float *out)
{
    const float *in = rows_part(&set->rows, row, first, count, out);
    scaling_apply_range(set->scaling, set->factors[row], in, first, count, out);
}

static void take_averages(const TrainingSet *set, guint row, gsize first, gsize count, float *out)
{
    gsize width = set->rows.width, channels = set->channels;
    g_autofree float *x = g_new(float, width);
    g_autofree double *sums = g_new0(double, channels);
    take_features(set, row, 0, width, x);
    for (gsize place = 0; place < width; place += channels)
        for (gsize c = 0; c < channels; c++)
            sums[c] += x[place + c];
    for (gsize c = 0; c < count; c++)
        out[c] = (float)(set->share * sums[first + c]);
}

static const float *take(gconstpointer user, guint row, gsize first, gsize count, float *out)
{
    const TrainingSet *set = user;
    gsize width = set->rows.width, end = first + count, features = MIN(end, width) - MIN(first, width);
    if (features)
        take_features(set, row, first, features, out);
    if (end > width)
        take_averages(set, row, MAX(first, width) - width, count - features, out + features);
    return out;
}

static guint count_nonzeros(const float *values, gsize n)
{
    guint count = 0;
    for (gsize j = 0; j < n; j++)
        count += values[j] != 0;
    return count;
}

TrainingSet *training_set_new(const Rows *rows, const TrainingSetForm *form)
{
    guint n = rows->n;
    double averages = form->averages;
    TrainingSet *set = g_new(TrainingSet, 1);
    *set = (TrainingSet){.rows = *rows, .bias = MAX(form->bias, 0)};
    set->channels = form->places > 1 && averages > 1 ? rows->width / form->places : 0;
    set->features = rows->width + set->channels;
    set->scaled = (Rows){.n = n, .width = set->features, .part = take, .user = set};
    set->share = sqrt((averages * averages - 1) / form->places);
    set->scaling = scaling_new(form->scale, rows->width);
    set->factors = g_new(float, n);
    fit_to_part(set->scaling, rows, form->part);
    g_autofree float *buffer = g_new(float, rows->width);
    gboolean dense = form->scale == SCALE_STANDARD;
    for (guint i = 0; i < n; i++) {
        const float *row = rows_get(rows, i, buffer);
        set->factors[i] = scaling_factor(set->scaling, row);
        set->nonzeros += 1 + set->channels + (dense ? rows->width : count_nonzeros(row, rows->width));
    }
    return set;
}

void training_set_free(TrainingSet *set)
{
    if (!set)
        return;
    scaling_free(set->scaling);
    g_free(set->factors);
    g_free(set);
}

void training_set_fold(const TrainingSet *set, float *kernel, guint outputs)
{
    gsize width = set->rows.width, stride = set->channels * outputs;
    const float *averages = kernel + width * outputs;
    for (gsize place = 0; stride && place < width * outputs; place += stride)
        for (gsize j = 0; j < stride; j++)
            kernel[place + j] += (float)(set->share * averages[j]);
}

double training_set_largest_correlation(const TrainingSet *set, const int *labels, guint classes)
{
    gsize features = set->features;
    g_autofree double *sums = g_new0(double, classes *features), *all = g_new0(double, features);
    g_autofree float *row = g_new(float, features);
    double largest = 0;
    for (guint i = 0; i < set->rows.n; i++) {
        double *own = sums + (gsize)labels[i] * features;
        rows_get(&set->scaled, i, row);
        for (gsize j = 0; j < features; j++) {
            own[j] += row[j];
            all[j] += row[j];
        }
    }
    for (guint k = 0; k < classes; k++)
        for (gsize j = 0; j < features; j++)
            largest = MAX(largest, fabs(2 * sums[k * features + j] - all[j]));
    return largest;
}

static void write_row(FILE *file, int label, const float *row, gsize features)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    fprintf(file, "%d", label);
    for (gsize j = 0; j < features; j++)
        if (row[j] != 0)
            fprintf(file, " %zu:%s", j + 1, g_ascii_formatd(text, sizeof text, "%.9g", row[j]));
    fputc('\n', file);
}

gboolean training_set_write(const TrainingSet *set, const int *labels, const char *path, GError **error)
{
    OutputFile *output = output_file_open(path, error);
    if (!output)
        return FALSE;
    FILE *file = output_file_stream(output);
    g_autofree float *row = g_new(float, set->features);
    g_autoptr(Progress) progress = progress_new("Exporting", set->rows.n, "images");
    for (guint i = 0; i < set->rows.n && !ferror(file) && !interrupted(); i++) {
        rows_get(&set->scaled, i, row);
        write_row(file, labels[i], row, set->features);
        progress_tick(progress, 1);
    }
    if (!interrupted())
        return output_file_commit(output, error);
    output_file_discard(output);
    return error_set(error, "%s: interrupted", path);
}
