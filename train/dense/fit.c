/* fit: see fit.h. */
#include "train/dense/fit.h"

#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/plot/curves.h"
#include "train/dense/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define PLATEAU_DELTA    1e-4 /* Keras's min_delta */
#define CHECKPOINT_SHARE 0.05 /* fraction of the time that may be spent on writing checkpoints */
#define LARGE_START      3    /* multiple of the loss of guessing: initial weights alone stay below it */
#define NOTHING_LEARNT                                                                                       \
    0.99 /* multiple of the loss of guessing: above it, the best epoch cannot tell classes apart */
#define PATIENT_EPOCHS  5 /* before this many epochs a high loss means nothing yet */
#define TIMED_BATCHES   3 /* by which the time is foretold, after the first one, which finds nothing prepared */
#define LONG_TRAINING   30 /* seconds; of a shorter one nothing is foretold */
#define VALIDATION_COST 3  /* images validated in the time of one trained on: forward alone is a third */
static const guint64 shuffle_stream = G_GUINT64_CONSTANT(1)
                                      << 63; /* plus the epoch; no batch's stream number is that large */

typedef struct {
    Network *network;
    const FitOptions *options;
    const BatchSource *training, *validation; /* of the options */
    Trainer *trainer;
    Batches *batches;
    History *history;
    FitState state;
    guint32 *order; /* of the training images in this epoch */
    gint64 checkpoint_time,
        written;     /* monotonic microseconds: how long the last one took, and when it was done */
    gboolean warned; /* that it could not be written */
} Fitting;

static double now_seconds(void)
{
    return (double)g_get_monotonic_time() * 1e-6;
}

/* ---- Checkpoints ---- */
static void write_checkpoint(Fitting *fit)
{
    g_autoptr(GError) error = NULL;
    if (!fit->options->checkpoint)
        return;
    gint64 begin = g_get_monotonic_time();
    fit->state.steps = fit->trainer->steps;
    gboolean saved = checkpoint_save(fit->options->checkpoint, fit->options->identity, &fit->state,
                                     fit->history, fit->network, fit->trainer, &error);
    if (!saved && !fit->warned)
        cli_warn("%s; training continues without a checkpoint", error->message);
    fit->warned = !saved;
    fit->written = g_get_monotonic_time();
    fit->checkpoint_time = fit->written - begin;
}

static gboolean start_or_resume(Fitting *fit, GError **error)
{
    const FitOptions *options = fit->options;
    fit->state = (FitState){.epoch = 1,
                            .best = INFINITY,
                            .plateau_best = INFINITY,
                            .learning_rate = options->how->optimizer.learning_rate};
    if (!options->results->resume)
        return TRUE;
    if (access(options->checkpoint, F_OK) != 0) {
        cli_remark("%s: there is no checkpoint; training starts from the beginning", options->checkpoint);
        return TRUE;
    }
    if (!checkpoint_load(options->checkpoint, options->identity, &fit->state, fit->history, fit->network,
                         fit->trainer, error))
        return FALSE;
    if (fit->state.best_epoch > options->kept_epoch)
        return error_set(
            error,
            "%s: does not hold epoch %d, the best of this training so far: put it back, or train "
            "without --resume",
            options->results->model, (int)fit->state.best_epoch);
    fit->history->best = (int)fit->state.best_epoch;
    fit->trainer->steps = fit->state.steps;
    fit->trainer->optimizer.learning_rate = fit->state.learning_rate;
    cli_remark("%s: continuing in epoch %d after %d %s", options->checkpoint, (int)fit->state.epoch,
               (int)fit->state.batches, plural((guint64)fit->state.batches, "batch", "batches"));
    return TRUE;
}

/* ---- One epoch ---- */
static void note_metrics(Progress *progress, const FitState *state, double begun)
{
    double seconds = state->seconds + now_seconds() - begun;
    g_autofree char *note =
        g_strdup_printf("loss %.4f  accuracy %.4f  %.0f images/s", state->loss / state->images,
                        state->correct / state->images, state->images / MAX(seconds, 1e-6));
    progress_note(progress, note);
}

/* "Epoch 3/50", and how long the rest takes if it is not stopped early: by the epochs that are complete. */
static char *epoch_label(const Fitting *fit)
{
    const GArray *epochs = fit->history->epochs;
    int epoch = (int)fit->state.epoch, all = (int)fit->options->how->epochs;
    double seconds = 0;
    for (guint i = 0; i < epochs->len; i++)
        seconds += g_array_index(epochs, EpochMetrics, i).seconds;
    if (!epochs->len)
        return g_strdup_printf("Epoch %d/%d", epoch, all);
    g_autofree char *left = progress_clock(seconds / epochs->len * (all - epoch + 1));
    return g_strdup_printf("Epoch %d/%d (all: at most %s left)", epoch, all, left);
}

/* The loss of guessing with images of these labels: each weighs as its class does. labels: (n). */
static double guessing_loss(const Fitting *fit, const int *labels, guint n)
{
    const double *weights = fit->options->class_weights;
    double sum = 0;
    for (guint i = 0; i < n; i++)
        sum += weights ? weights[labels[i]] : 1;
    return log(network_outputs(fit->network)) * sum / n;
}

/* The loss of guessing has no penalty for weights in it. */
static gboolean compares_with_guessing(const Fitting *fit)
{
    return fit->options->how->optimizer.weight_decay == 0;
}

/* Features too large for the initial weights show in the first batch, before anything was learnt. */
static void advise_on_start(const Fitting *fit, const LossSum *first, const Batch *batch)
{
    double loss = first->loss / batch->n, guessing = guessing_loss(fit, batch->labels, (guint)batch->n);
    if (loss > LARGE_START * guessing)
        cli_remark("the loss starts at %.3g, while guessing gives %.3g: the features are large for the "
                   "initial weights; %sa --learning-rate below %g may train better",
                   loss, guessing, fit->options->unscaled ? "--scale sqrt or " : "",
                   fit->state.learning_rate);
}

/* A network whose ReLUs have died, or whose images were augmented beyond recognition, predicts the class frequencies. */
static void advise_at_end(const Fitting *fit)
{
    double guessing = fit->validation
                          ? log(network_outputs(fit->network)) /* which is not weighted */
                          : guessing_loss(fit, fit->training->part->labels, fit->training->part->count);
    if (fit->state.epoch > PATIENT_EPOCHS && compares_with_guessing(fit) &&
        fit->state.best > NOTHING_LEARNT * guessing)
        cli_remark(
            "the best %s is %.4g, where guessing gives %.4g: nothing was learnt; a --learning-rate below %g, "
            "weaker augmentation or more images may help",
            fit->validation ? "val_loss" : "loss", fit->state.best, guessing,
            fit->options->how->optimizer.learning_rate);
}

static gboolean loss_is_finite(const Fitting *fit, double loss, const char *where, GError **error)
{
    if (isfinite(loss))
        return TRUE;
    if (fit->options->checkpoint)
        unlink(fit->options->checkpoint); /* resuming from there would end here again */
    g_autofree char *kept = fit->history->best
                                ? g_strdup_printf("the model of epoch %d is kept", fit->history->best)
                                : g_strdup("no model was kept");
    return error_set(error, "the loss is no longer finite %s of epoch %d; %s; try a --learning-rate below %g",
                     where, (int)fit->state.epoch, kept, fit->state.learning_rate);
}

/* Once, early in the first epoch of a long training; later the epochs that are complete tell. */
static void foretell(const Fitting *fit, double seconds_per_batch)
{
    double images =
        fit->training->part->count + (fit->validation ? fit->validation->part->count : 0) / VALIDATION_COST;
    double epoch = seconds_per_batch * images / (double)fit->options->how->batch_size;
    int epochs = (int)(fit->options->how->epochs - fit->state.epoch) + 1;
    if (epoch * epochs < LONG_TRAINING)
        return;
    g_autofree char *all = progress_clock(epoch * epochs);
    cli_remark("%d %s will take about %s, less if stopped early", epochs,
               plural((guint64)epochs, "epoch", "epochs"), all);
}

/* TRUE when all batches are done or interrupted() says to stop. */
static gboolean train_epoch(Fitting *fit, GError **error)
{
    const FitOptions *options = fit->options;
    FitState *state = &fit->state;
    const Batch *batch, *next;
    double begun = now_seconds(), timed_from = begun;
    guint timed = 0;
    Rng rng = rng_new(options->seed, shuffle_stream + (guint64)state->epoch);
    for (guint i = 0; i < fit->training->part->count; i++)
        fit->order[i] = i;
    rng_shuffle(&rng, fit->order, fit->training->part->count);
    g_autofree char *label = epoch_label(fit);
    g_autoptr(Progress) progress = progress_new(label, fit->training->part->count, "images");
    g_autoptr(GError) unread = NULL;
    batches_begin(fit->batches, fit->training, fit->order, (guint)state->batches, (int)state->epoch,
                  options->class_weights);
    progress_tick(progress, (guint64)state->images);
    while (batches_next(fit->batches, &batch, &next, &unread)) {
        LossSum sum = trainer_step(fit->trainer, batch, next);
        if (!loss_is_finite(fit, sum.loss, "in training", error))
            return FALSE;
        if (state->epoch == 1 && !state->batches && compares_with_guessing(fit))
            advise_on_start(fit, &sum, batch);
        state->loss += sum.loss;
        state->correct += sum.correct;
        state->images += batch->n;
        state->batches++;
        note_metrics(progress, state, begun);
        progress_tick(progress, batch->n);
        if (timed++ == 0)
            timed_from = now_seconds();
        else if (timed == 1 + TIMED_BATCHES && !fit->history->epochs->len)
            foretell(fit, (now_seconds() - timed_from) / TIMED_BATCHES);
        if (interrupted())
            break;
    }
    state->seconds += now_seconds() - begun;
    if (!unread || interrupted()) /* which may be why an image was not read */
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&unread));
    return FALSE;
}

/* FALSE without error where interrupted() ended it. */
static gboolean validate(Fitting *fit, EpochMetrics *metrics, GError **error)
{
    const Batch *batch, *next;
    double loss = 0, correct = 0;
    g_autoptr(GError) unread = NULL;
    batches_begin(fit->batches, fit->validation, NULL, 0, (int)fit->state.epoch, NULL);
    while (batches_next(fit->batches, &batch, &next, &unread)) {
        LossSum sum = trainer_evaluate(fit->trainer, batch);
        loss += sum.loss;
        correct += sum.correct;
    }
    if (unread) {
        if (!interrupted())
            g_propagate_error(error, g_steal_pointer(&unread));
        return FALSE;
    }
    metrics->val_loss = loss / fit->validation->part->count;
    metrics->val_accuracy = correct / fit->validation->part->count;
    return loss_is_finite(fit, loss, "during the validation", error);
}

/* ---- After an epoch: what the callbacks of Keras do ---- */
static void reduce_on_plateau(Fitting *fit, double monitored)
{
    const FitChoice *how = fit->options->how;
    FitState *state = &fit->state;
    if (how->reduce_lr_factor <= 0)
        return;
    if (monitored < state->plateau_best - PLATEAU_DELTA) {
        state->plateau_best = monitored;
        state->plateau_waited = 0;
    } else if (++state->plateau_waited >= how->reduce_lr_patience) {
        state->plateau_waited = 0;
        if (state->learning_rate <= how->min_learning_rate)
            return;
        state->learning_rate = MAX(state->learning_rate * how->reduce_lr_factor, how->min_learning_rate);
        fit->trainer->optimizer.learning_rate = state->learning_rate;
        cli_remark("no improvement in %d %s: learning rate reduced to %g", (int)how->reduce_lr_patience,
                   plural((guint64)how->reduce_lr_patience, "epoch", "epochs"), state->learning_rate);
    }
}

static gboolean keep_if_best(Fitting *fit, double monitored, GError **error)
{
    FitState *state = &fit->state;
    state->waited++;
    if (!(monitored < state->best))
        return TRUE;
    state->best = monitored;
    state->best_epoch = state->epoch;
    state->waited = 0;
    fit->history->best = (int)state->epoch;
    return fit->options->keep(fit->history, fit->options->user, error);
}

static gboolean write_metrics(const Fitting *fit, GError **error)
{
    const Results *results = fit->options->results;
    const Curves curves = {fit->history, fit->options->plot_title};
    return (!results->history || history_write_csv(fit->history, results->history, error)) &&
           (!results->plot || canvas_write(curves_figure(&curves), results->plot, error));
}

/* FALSE without error if interrupted() ended it. All batches are done: metrics, best model, state of the
 * next epoch. */
static gboolean finish_epoch(Fitting *fit, GError **error)
{
    FitState *state = &fit->state;
    double begun = now_seconds();
    EpochMetrics metrics = {.loss = state->loss / state->images,
                            .accuracy = state->correct / state->images,
                            .val_loss = NAN,
                            .val_accuracy = NAN,
                            .learning_rate = state->learning_rate};
    if (fit->validation && !validate(fit, &metrics, error))
        return FALSE;
    metrics.seconds = state->seconds + now_seconds() - begun;
    g_array_append_val(fit->history->epochs, metrics);
    g_autofree char *line = history_line(fit->history, (int)state->epoch, (int)fit->options->how->epochs);
    if (!cli_quiet())
        printf("%s\n", line);
    fflush(stdout);
    double monitored = fit->validation ? metrics.val_loss : metrics.loss;
    if (!keep_if_best(fit, monitored, error) || !write_metrics(fit, error))
        return FALSE;
    reduce_on_plateau(fit, monitored);
    state->epoch++;
    state->batches = 0;
    state->loss = state->correct = state->images = state->seconds = 0;
    return TRUE;
}

/* ---- The whole run ---- */
static FitEnd run_epochs(Fitting *fit, GError **error)
{
    const FitState *state = &fit->state;
    const FitChoice *how = fit->options->how;
    guint batches = parts_of(fit->training->part->count, (gsize)how->batch_size);
    while (state->epoch <= how->epochs) {
        if (state->epoch > 1 && state->waited >= how->patience)
            return FIT_STOPPED_EARLY;
        if (!interrupted() && !train_epoch(fit, error))
            return FIT_FAILED;
        GError *problem = NULL;
        gboolean finished = state->batches == batches && finish_epoch(fit, &problem);
        if (problem) {
            g_propagate_error(error, problem);
            return FIT_FAILED;
        }
        if (!finished) {
            write_checkpoint(fit);
            return FIT_INTERRUPTED;
        }
        double since = (double)(g_get_monotonic_time() - fit->written);
        if (since * CHECKPOINT_SHARE >= (double)fit->checkpoint_time)
            write_checkpoint(fit);
    }
    return FIT_COMPLETE;
}

static FitEnd run(Fitting *fit, GError **error)
{
    FitEnd end = start_or_resume(fit, error) ? run_epochs(fit, error) : FIT_FAILED;
    if (end == FIT_FAILED || end == FIT_INTERRUPTED)
        return end;
    advise_at_end(fit);
    if (fit->options->checkpoint)
        unlink(fit->options->checkpoint);
    return end;
}

static Fitting *build(Fitting *fit, Arena *arena)
{
    const FitOptions *options = fit->options;
    int batch = (int)options->how->batch_size;
    guint images = fit->training->part->count,
          validating = fit->validation ? fit->validation->part->count : 0;
    fit->trainer = trainer_new(arena, fit->network, &options->how->optimizer, batch, options->seed,
                               options->thread_pool);
    fit->batches = batches_new(arena, batch, MAX(images, validating), fit->training->features);
    fit->order = arena_new(arena, guint32, images);
    return fit;
}

static void discard(Fitting *fit)
{
    batches_free(fit->batches);
    trainer_free(fit->trainer);
}

FitEnd fit_network(Network *network, const FitOptions *options, History *history, GError **error)
{
    g_auto(Arena) arena = {0};
    Fitting fit = {.network = network,
                   .options = options,
                   .training = options->training,
                   .validation = options->validation,
                   .history = history};
    if (!trainer_check(network, error))
        return FIT_FAILED;
    if (!arena_try_build(&arena, discard, build(&fit, &arena))) {
        error_set(error,
                  "not enough memory to train this network; use a smaller --batch-size or fewer units");
        return FIT_FAILED;
    }
    FitEnd end = run(&fit, error);
    discard(&fit);
    return end;
}
