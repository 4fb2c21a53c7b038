/* report_leakage: see report_answers.h and report_sections.h. */
#include "evaluate/report/report_answers.h"

#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "evaluate/report/report_sections.h"

#include <math.h>

enum { SHOWN = 10 }; /* images that text and report name, unless they are all; the JSON has all */

/* What the model that was trained on most of these images has seen of one. */
static Seen seen_by_any(const Comparison *comparison, guint i)
{
    Seen most = IMAGE_UNSEEN;
    for (guint j = 0; j < comparison->models; j++) {
        const Leakage *leakage = &comparison->evaluations[j]->leakage;
        if (leakage->seen)
            most = MAX(most, (Seen)leakage->seen[i]);
    }
    return most;
}

typedef struct {
    guint count, shown;
    guint images[SHOWN]; /* (shown) the first of them */
} Found;

/* The images that any model has seen. */
static Found find(const Comparison *comparison)
{
    Found found = {0};
    for (guint i = 0; i < comparison->n; i++)
        if (seen_by_any(comparison, i) != IMAGE_UNSEEN) {
            if (found.count++ < SHOWN)
                found.images[found.shown++] = i;
        }
    return found;
}

/* NULL: no image is it, or like it. */
static const Twin *twin_of(const Comparison *comparison, guint i)
{
    return comparison->twins && comparison->twins[i].path ? &comparison->twins[i] : NULL;
}

/* "cat/1.jpg is dog/2.jpg", "… is nearly …", or that it was trained on. Caller frees. */
static char *describe(const Comparison *comparison, guint i)
{
    const char *path = comparison->items[i]->key;
    const Twin *twin = twin_of(comparison, i);
    if (!twin || (!twin->same && seen_by_any(comparison, i) == IMAGE_SEEN))
        return g_strdup_printf("%s is in a training set", path);
    return twin->same ? g_strdup_printf("%s is %s", path, twin->path)
                      : g_strdup_printf("%s is nearly %s (%.4f)", path, twin->path, (double)twin->cosine);
}

/* What was compared, and how many images were found. Caller frees. */
static char *headline(const Comparison *comparison, guint count)
{
    guint n = comparison->n;
    g_autoptr(GString) line = g_string_new(NULL);
    if (!comparison->trained_on) {
        g_string_printf(line, "%u of %u test images were in a training set", count, n);
        return g_strdup(line->str);
    }
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
    return g_strdup(line->str);
}

static void append_accuracy(GString *text, const Comparison *comparison, const Evaluation *evaluation)
{
    const Leakage *leakage = &evaluation->leakage;
    const char *name = evaluation->shown;
    if (!leakage->seen)
        g_string_append_printf(text, "%8.4f  unknown: the model does not record what it was trained on  %s\n",
                               evaluation->accuracy, name);
    else if (leakage->count < comparison->n)
        g_string_append_printf(text, "%8.4f  %12.4f  %.4f to %.4f  %s\n", evaluation->accuracy,
                               leakage->accuracy, leakage->interval.low, leakage->interval.high, name);
    else
        g_string_append_printf(text, "%8.4f  none is left: nothing is known about new images  %s\n",
                               evaluation->accuracy, name);
}

void leakage_text(GString *text, const Comparison *comparison)
{
    const Found found = find(comparison);
    guint count = found.count;
    if (!count && !comparison->trained_on)
        return;
    g_autofree char *line = headline(comparison, count), *printable = cli_printable(line);
    g_string_append_printf(text, "\n%s\n", printable);
    if (!count)
        return;
    g_string_append(text, "accuracy  without them  95 % interval     model\n");
    for (guint j = 0; j < comparison->models; j++)
        append_accuracy(text, comparison, comparison->evaluations[j]);
    if (count == comparison->n)
        return;
    for (guint i = 0; i < found.shown; i++) {
        g_autofree char *what = describe(comparison, found.images[i]), *safe = cli_printable(what);
        g_string_append_printf(text, "  %s\n", safe);
    }
    if (count > found.shown)
        g_string_append_printf(text, "  and %u more; --json lists all\n", count - found.shown);
}

/* ---- JSON and the report ---- */

static void describe_model(Row *row, gconstpointer of, guint index)
{
    const Comparison *comparison = of;
    const Evaluation *evaluation = comparison->evaluations[index];
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

static json_t *images_json(const Comparison *comparison, const Leakage *leakage)
{
    json_t *images = json_array();
    for (guint i = 0; i < comparison->n; i++) {
        const Twin *twin = twin_of(comparison, i);
        gboolean same = leakage->seen[i] == IMAGE_SEEN;
        if (leakage->seen[i] == IMAGE_UNSEEN)
            continue;
        Row row = {.object = json_object()};
        row_text(&row, "path", NULL, comparison->items[i]->key);
        row_text(&row, "is", NULL, same ? "same content" : "nearly the same");
        row_text(&row, "trained_on", NULL, twin && (twin->same || !same) ? twin->path : NULL);
        row_number(&row, "similarity", NULL, same || !twin ? NAN : (double)twin->cosine, 3);
        json_array_append_new(images, row.object);
    }
    return images;
}

json_t *leakage_json(const Comparison *comparison, guint model)
{
    const Leakage *leakage = &comparison->evaluations[model]->leakage;
    if (!leakage->seen)
        return json_null();
    json_t *object = row_json(describe_model, comparison, model);
    json_object_set_new(object, "images", images_json(comparison, leakage));
    return object;
}

/* Images (n) that were trained on, those that copy the same image as one group. */
static void append_groups(GString *page, const Comparison *comparison, const guint *images, guint n)
{
    gboolean told[SHOWN] = {FALSE};
    g_string_append(page, "<ul class=\"groups\">\n");
    for (guint first = 0; first < n; first++) {
        const Twin *twin = twin_of(comparison, images[first]);
        const char *path = twin ? twin->path : NULL;
        if (told[first])
            continue;
        if (path)
            html_add(page, "<li><code>", path, "</code><ul>", NULL);
        else
            g_string_append(page, "<li><span>in a training set</span><ul>");
        for (guint i = first; i < n; i++) {
            const Twin *own = twin_of(comparison, images[i]);
            if (g_strcmp0(own ? own->path : NULL, path) != 0)
                continue;
            told[i] = TRUE;
            html_add(page, "<li><code>", comparison->items[images[i]]->key, "</code>", NULL);
            if (own && own->same)
                g_string_append(page, " is the same");
            else if (own)
                g_string_append_printf(page, " is nearly the same (cosine %.3f)", (double)own->cosine);
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
    const Found found = find(comparison);
    guint count = found.count;
    if (!count && !comparison->trained_on)
        return;
    g_autofree char *line = headline(comparison, count);
    html_add(page, "<p>", line, "</p>", NULL);
    if (!count)
        return;
    rows_table(page, "fold", "Trained on", describe_model, comparison, comparison->models);
    if (count == comparison->n)
        return;
    append_groups(page, comparison, found.images, found.shown);
    if (count > SHOWN)
        g_string_append_printf(page, "<p>and %u more, which <code>--json</code> lists</p>\n", count - SHOWN);
}
