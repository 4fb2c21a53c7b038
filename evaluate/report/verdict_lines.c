/* verdict_lines: see verdict_lines.h. */
#include "evaluate/report/verdict_lines.h"

#include "common/core/plural.h"
#include "common/model/history.h"
#include "common/vgg16/weights.h"
#include "evaluate/report/escaped.h"

#include <math.h>

enum { MAX_ADVICE = 3 };

static const double wide = 0.1;          /* an accuracy interval that is too wide */
static const double miscalibrated = 0.1; /* calibration error worth a sentence */
static const double overfitted = 0.15;   /* training accuracy above the validation's */

/* "p = 0.03"; far below what matters, only that. */
static void append_p(GString *text, double p)
{
    prose_print(text, p < 1e-12 ? "p < 1e-12" : "p = %.2g", p);
}

/* ---- How good, and whether by chance ---- */

static void best_model(GString *text, const Comparison *comparison, const Verdict *verdict, gboolean timing)
{
    const Evaluation *best = verdict->best;
    if (!verdict->beats_guess && comparison->models > 1)
        g_string_append(text, "None: none is better than guessing. Of all, ");
    prose_print(text, "%s is right on %.1f %% of %u %s (95 %% interval%s: %.1f to %.1f %%).", best->name,
                100 * best->accuracy, comparison->n, plural(comparison->n, "image", "images"),
                comparison->over, 100 * best->interval.low, 100 * best->interval.high);
}

static void ahead(GString *text, const Comparison *comparison, const Verdict *verdict, gboolean timing)
{
    if (!verdict->second)
        return;
    if (verdict->ahead == 0) {
        prose_print(text, "It is right as often as %s.", verdict->second->name);
        return;
    }
    /* McNemar's tests, by Holm. A model further behind can be one that they do not tell from best: where it differs from
     * best on more images. */
    gboolean equal = g_ptr_array_find(verdict->equals, verdict->second, NULL);
    guint others = verdict->equals->len - (equal ? 1 : 0);
    prose_print(text, "It is %.1f points ahead of %s (95 %% interval%s: %+.1f to %+.1f). %s (%s, ",
                100 * verdict->ahead, verdict->second->name, comparison->over,
                100 * verdict->ahead_interval.low, 100 * verdict->ahead_interval.high,
                equal ? "That may be chance" : "Chance does not explain that",
                comparison->units ? "exact test of signs" : "McNemar's exact test");
    append_p(text, verdict->test.p);
    g_string_append_c(text, ')');
    if (others)
        prose_print(text, "; %u %s cannot be distinguished from it%s", others,
                    plural(others, "other", "others"), equal ? " either" : ", though further behind");
    else if (!equal && comparison->models > 2)
        g_string_append(text, ", and the others are further behind");
    g_string_append_c(text, '.');
    if (equal && verdict->needed)
        prose_print(text, " Were the difference real, %u images would show it 8 times in 10.",
                    verdict->needed);
}

static void append_unlearnt(GString *text, const Comparison *comparison, const Verdict *verdict)
{
    for (guint j = 0; j < comparison->models; j++) {
        const Evaluation *evaluation = comparison->evaluations[j];
        if (evaluation != verdict->best && evaluation->guess_p >= VERDICT_LEVEL)
            prose_print(text, " %s is no better than that (%.1f %%, p = %.2g).", evaluation->name,
                        100 * evaluation->accuracy, evaluation->guess_p);
    }
}

static void guessing(GString *text, const Comparison *comparison, const Verdict *verdict, gboolean timing)
{
    const char *name = comparison->names[comparison->frequent];
    prose_print(text,
                verdict->beats_guess ? "Better than always answering %s, which is right on %.1f %%"
                                     : "No better than chance: always answering %s is right on %.1f %%",
                name, 100 * comparison->guess);
    g_string_append(text, comparison->units ? " (cluster bootstrap" : " (binomial test");
    prose_print(text, "%s, ", comparison->over);
    append_p(text, verdict->best->guess_p);
    g_string_append(text, ").");
    append_unlearnt(text, comparison, verdict);
}

/* ---- What it cost ---- */

static void append_count(GString *text, gsize count)
{
    if (count >= 1000000)
        prose_print(text, "%.1f million", 1e-6 * (double)count);
    else if (count >= 10000)
        prose_print(text, "%.0f thousand", 1e-3 * (double)count);
    else
        prose_print(text, "%u", (guint)count);
}

static void append_duration(GString *text, double seconds)
{
    if (seconds < 120)
        prose_print(text, "%.3g s", seconds);
    else if (seconds < 7200)
        prose_print(text, "%.0f min", seconds / 60);
    else
        prose_print(text, "%.1f h", seconds / 3600);
}

static void cost(GString *text, const Comparison *comparison, const Verdict *verdict, gboolean timing)
{
    for (guint j = 0; j < comparison->models; j++) {
        const Evaluation *evaluation = comparison->evaluations[j];
        prose_print(text, "%s%s: ", j ? "; " : "", evaluation->name);
        append_count(text, network_parameters(evaluation->model->network));
        g_string_append(text, " parameters");
        if (!isnan(evaluation->train_seconds)) {
            g_string_append(text, ", trained in ");
            append_duration(text, evaluation->train_seconds);
        }
        if (timing)
            prose_print(text, ", %.3g ms per image after the base",
                        1000 * evaluation->known.seconds / comparison->n);
    }
    g_string_append_c(text, '.');
}

/* ---- Where it fails ---- */

static void failures(GString *text, const Comparison *comparison, const Verdict *verdict, gboolean timing)
{
    const Evaluation *best = verdict->best;
    const ClassMetrics *worst = &best->per_class[verdict->worst];
    if (best->confused->len == 0) {
        g_string_append(text, "On none of these images.");
        return;
    }
    prose_print(text, "%s gets %.0f of the %u %s of %s right, its weakest class. ", best->name,
                worst->recall * worst->support, worst->support, plural(worst->support, "image", "images"),
                comparison->names[verdict->worst]);
    const ConfusedPair *pair = &g_array_index(best->confused, ConfusedPair, 0);
    prose_print(text, "Most often it takes %s for %s (%u %s, %.0f %% of them).",
                comparison->names[pair->truth], comparison->names[pair->predicted], pair->count,
                plural(pair->count, "image", "images"), 100 * pair->share);
}

/* ---- What next ---- */

/* The epoch that was kept had learnt its training images much better than the others. */
static gboolean is_overfitted(const Evaluation *evaluation)
{
    g_auto(History) history = {0};
    const json_t *training = evaluation->model->training;
    if (!history_from_json(json_object_get(training, "history"), &history))
        return FALSE;
    int kept = (int)json_integer_value(json_object_get(training, "best_epoch"));
    const EpochMetrics *epoch =
        kept >= 1 && (guint)kept <= history.epochs->len ? history_epoch(&history, kept) : NULL;
    return epoch && epoch->accuracy - epoch->val_accuracy > overfitted; /* not where it is NaN */
}

/* Nothing where the best model was trained on none of the images, as far as is known. */
static void trained_on(GString *text, const Comparison *comparison, const Verdict *verdict, gboolean timing)
{
    const Evaluation *best = verdict->best;
    const Leakage *leakage = &best->leakage;
    guint count = leakage->count, n = comparison->n;
    if (!count)
        return;
    if (count == n)
        g_string_append(
            text,
            "All of these images: the accuracy is that on training images and says nothing about new ones.");
    else
        prose_print(
            text,
            "%u of the %u images%s. On the %u others %s is right on %.1f %% (95 %% interval%s: %.1f to "
            "%.1f %%).",
            count, n, leakage->alike ? ", or nearly identical ones" : "", n - count, best->name,
            100 * leakage->accuracy, comparison->units ? " over their groups" : "",
            100 * leakage->interval.low, 100 * leakage->interval.high);
}

/* The first that apply. */
static void next_steps(GString *text, const Comparison *comparison, const Verdict *verdict, gboolean timing)
{
    const Evaluation *best = verdict->best;
    gboolean learnt = verdict->beats_guess;
    const struct {
        gboolean applies;
        const char *sentence;
    } advice[] = {
        {best->leakage.count > 0,
         "Evaluate on images it was not trained on: `extract --split-test` sets some aside."},
        {weights_are_seeded(best->model->spec->weights_source),
         "Extract with trained weights (`make weights`): the base is the seeded stand-in, which was not "
         "trained on any image."},
        {!learnt, "Check that the folder names match the images (`train --suspects` lists labels that look "
                  "wrong), and add images."},
        {!learnt && g_str_equal(best->model->head, "dense"),
         "Try `train --head linear`, which learns more from few images."},
        {best->interval.high - best->interval.low > wide,
         "Test on more images: with so few, the accuracy is uncertain by more than ten points."},
        {verdict->equals->len > 0, "Until a difference is shown, use the model that costs less."},
        {learnt && is_overfitted(best),
         "It fits its training images far better than others: more images, augmentation or a higher "
         "`--dropout` would help."},
        {learnt && best->right < comparison->n,
         "Look through its mistakes for wrong labels (`train --suspects` lists candidates), and use "
         "`train --learning-curve` to estimate the gain from more images."},
        {!best->probabilities, "For probabilities instead of decision values, train with `--folds 5`."},
        {best->probabilities && best->calibration_error > miscalibrated,
         "Do not rely on its probabilities: they are off by more than ten points on average."},
    };
    guint given = 0;
    for (guint i = 0; i < G_N_ELEMENTS(advice) && given < MAX_ADVICE; i++)
        if (advice[i].applies) {
            g_string_append(text, given++ ? " " : "");
            g_string_append(text, advice[i].sentence);
        }
    if (!given)
        g_string_append(text, "Try it on images from another source: it made no mistakes on these.");
}

static const struct {
    const char *question;
    void (*answer)(GString *text, const Comparison *comparison, const Verdict *verdict, gboolean timing);
} answers[] = {
    {"Best model", best_model},     {"By how much", ahead}, {"Trained on", trained_on},
    {"Against guessing", guessing}, {"Cost", cost},         {"Where it fails", failures},
    {"What next", next_steps},
};

G_STATIC_ASSERT(G_N_ELEMENTS(answers) == VERDICT_LINES);

char *verdict_line(const Comparison *comparison, gboolean timing, guint line, const char **question)
{
    GString *text = g_string_new(NULL);
    gboolean alone = answers[line].answer == best_model && comparison->models == 1;
    answers[line].answer(text, comparison, &comparison->verdict, timing);
    *question = alone ? "Accuracy" : answers[line].question;
    return g_string_free(text, !text->len);
}
