/* report_leakage: see report_answers.h and report_sections.h. */
#include "evaluate/report/report_answers.h"

#include "common/core/plural.h"
#include "evaluate/report/report_sections.h"

#include <math.h>

enum { SHOWN = 10 }; /* images that text and report name, unless they are all; the JSON has all */

/* A test image that was trained on. */
typedef struct {
    const char *path;
    Seen seen;        /* by the model that has seen most of it */
    const Twin *twin; /* NULL: no image of --trained-on is it, or like it */
} Sighting;

/* Array of Sighting, in the order of the images: by this model; NULL: by any. */
static GArray *find(const Comparison *comparison, const Evaluation *only)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(Sighting));
    for (guint i = 0; i < comparison->n; i++) {
        const Twin *twin = comparison->twins && comparison->twins[i].path ? &comparison->twins[i] : NULL;
        Sighting one = {comparison->items[i]->key, IMAGE_UNSEEN, twin};
        for (guint j = 0; j < comparison->models; j++) {
            const Evaluation *evaluation = comparison->evaluations[j];
            if (evaluation->leakage.seen && (!only || only == evaluation))
                one.seen = MAX(one.seen, (Seen)evaluation->leakage.seen[i]);
        }
        if (one.seen != IMAGE_UNSEEN)
            g_array_append_val(found, one);
    }
    return found;
}

/* The image that was trained on; NULL: only the models tell that one was. */
static const Twin *original_of(const Sighting *one)
{
    return one->twin && (one->twin->same || one->seen != IMAGE_SEEN) ? one->twin : NULL;
}

/* What was compared, and how many images were found. Caller frees. */
static char *headline(const Comparison *comparison, guint count)
{
    guint n = comparison->n;
    if (!comparison->trained_on)
        return g_strdup_printf("%u of %u test images were in a training set", count, n);
    GString *line = g_string_new(NULL);
    guint same = 0, alike = 0;
    for (guint i = 0; i < n; i++) {
        same += comparison->twins[i].same;
        alike += comparison->twins[i].path && !comparison->twins[i].same;
    }
    g_string_printf(line, "%u of %u test images have the content of an image in %s", same, n,
                    comparison->trained_on);
    if (!isnan(comparison->similarity))
        g_string_append_printf(line, ", and %u more %s nearly the same as one (cosine of the features >= %g)",
                               alike, plural(alike, "is", "are"), comparison->similarity);
    if (count > same + alike)
        g_string_append_printf(line, "; according to the models, %u more %s in a training set",
                               count - same - alike, plural(count - same - alike, "was", "were"));
    return g_string_free(line, FALSE);
}

static void append_accuracy(GString *text, const Evaluation *evaluation)
{
    const Leakage *leakage = &evaluation->leakage;
    const char *name = evaluation->name;
    if (!leakage->seen)
        text_print(text, "%8.4f  unknown: the model does not record what it was trained on  %s\n",
                   evaluation->accuracy, name);
    else if (leakage->count < evaluation->comparison->n)
        text_print(text, "%8.4f  %12.4f  %.4f to %.4f  %s\n", evaluation->accuracy, leakage->accuracy,
                   leakage->interval.low, leakage->interval.high, name);
    else
        text_print(text, "%8.4f  none is left: nothing is known about new images  %s\n", evaluation->accuracy,
                   name);
}

/* "cat/1.jpg is dog/2.jpg", "… is nearly …", or that it was trained on. */
static void append_sighting(GString *text, const Sighting *one)
{
    const Twin *twin = original_of(one);
    if (!twin)
        text_print(text, "  %s is in a training set\n", one->path);
    else if (twin->same)
        text_print(text, "  %s is %s\n", one->path, twin->path);
    else
        text_print(text, "  %s is nearly %s (%.4f)\n", one->path, twin->path, (double)twin->cosine);
}

void leakage_text(GString *text, const Comparison *comparison)
{
    g_autoptr(GArray) found = find(comparison, NULL);
    guint count = found->len;
    if (!count && !comparison->trained_on)
        return;
    g_autofree char *line = headline(comparison, count);
    text_print(text, "\n%s\n", line);
    if (!count)
        return;
    g_string_append(text, "accuracy  without them  95 % interval     model\n");
    for (guint j = 0; j < comparison->models; j++)
        append_accuracy(text, comparison->evaluations[j]);
    if (count == comparison->n)
        return;
    for (guint i = 0; i < MIN(count, SHOWN); i++)
        append_sighting(text, &g_array_index(found, Sighting, i));
    if (count > SHOWN)
        g_string_append_printf(text, "  and %u more; --json lists all\n", count - SHOWN);
}

/* ---- JSON and the report ---- */

static void describe_model(Row *row, gconstpointer evaluations, guint index)
{
    const Evaluation *evaluation = ((Evaluation *const *)evaluations)[index];
    const Comparison *comparison = evaluation->comparison;
    const Leakage *leakage = &evaluation->leakage;
    gboolean left = leakage->seen && leakage->count < comparison->n;
    row_text(row, NULL, "model", evaluation->name);
    row_text(row, "cache", NULL, comparison->trained_on);
    row_number(row, "similarity", NULL, comparison->similarity, 2);
    if (leakage->seen) {
        row_count(row, "same_content", "same content", leakage->same);
        row_count(row, "nearly_same", "nearly the same", leakage->alike);
    } else {
        row_text(row, NULL, "same content", "unknown");
        row_text(row, NULL, "nearly the same", "unknown");
    }
    row_share(row, NULL, "accuracy", evaluation->accuracy);
    row_share(row, "accuracy_without", "without them", left ? leakage->accuracy : NAN);
    row_interval(row, "interval_without", "95\u00a0% interval",
                 left ? leakage->interval : (Interval){NAN, NAN});
}

static void describe_sighting(Row *row, gconstpointer of, guint index)
{
    const Sighting *one = &g_array_index((const GArray *)of, Sighting, index);
    const Twin *original = original_of(one);
    gboolean same = one->seen == IMAGE_SEEN;
    row_text(row, "path", NULL, one->path);
    row_text(row, "is", NULL, same ? "same content" : "nearly the same");
    row_text(row, "trained_on", NULL, original ? original->path : NULL);
    row_number(row, "similarity", NULL, same || !original ? NAN : (double)original->cosine, 3);
}

json_t *leakage_json(const Evaluation *evaluation)
{
    if (!evaluation->leakage.seen)
        return json_null();
    g_autoptr(GArray) found = find(evaluation->comparison, evaluation);
    json_t *object = row_json(describe_model, &evaluation, 0);
    json_object_set_new(object, "images", rows_json(describe_sighting, found, found->len));
    return object;
}

/* The first n, those that copy the same image as one group. */
static void append_groups(GString *page, const GArray *found, guint n)
{
    gboolean told[SHOWN] = {FALSE};
    g_string_append(page, "<ul class=\"groups\">\n");
    for (guint first = 0; first < n; first++) {
        const Twin *twin = g_array_index(found, Sighting, first).twin;
        const char *original = twin ? twin->path : NULL;
        if (told[first])
            continue;
        if (original)
            html_print(page, "<li><code>%s</code><ul>", original);
        else
            g_string_append(page, "<li><span>in a training set</span><ul>");
        for (guint i = first; i < n; i++) {
            const Sighting *one = &g_array_index(found, Sighting, i);
            if (g_strcmp0(one->twin ? one->twin->path : NULL, original) != 0)
                continue;
            told[i] = TRUE;
            html_print(page, "<li><code>%s</code>", one->path);
            if (one->twin && one->twin->same)
                g_string_append(page, " is the same");
            else if (one->twin)
                html_print(page, " is nearly the same (cosine %.3f)", (double)one->twin->cosine);
            g_string_append(page, "</li>");
        }
        g_string_append(page, "</ul></li>\n");
    }
    g_string_append(page, "</ul>\n");
}

void section_leakage(Report *report)
{
    GString *page = report->page;
    const Comparison *comparison = report->comparison;
    g_autoptr(GArray) found = find(comparison, NULL);
    guint count = found->len;
    if (!count && !comparison->trained_on)
        return;
    g_autofree char *line = headline(comparison, count);
    html_print(page, "<p>%s</p>", line);
    if (!count)
        return;
    rows_table(page, "fold", "Trained on", describe_model, comparison->evaluations, comparison->models);
    if (count == comparison->n)
        return;
    append_groups(page, found, MIN(count, SHOWN));
    if (count > SHOWN)
        html_print(page, "<p>and %u more, which <code>--json</code> lists</p>\n", count - SHOWN);
}
