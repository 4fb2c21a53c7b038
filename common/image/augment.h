/* augment: random variants of an image by the rules of Keras's ImageDataGenerator (keras/src/legacy/preprocessing/image.py:
 * get_random_transform, apply_transform; random numbers are from rng.h, not NumPy).
 *
 *     RGB bytes --one affine map, bilinear, edges repeated--> --channel shift--> --flips--> --brightness--> --normalise-->
 *
 * The parameters depend only on the seed, the image's key and the number of the copy: copy k of image i is the same in
 * every thread, batch and run. Only augment_check can fail. */
#pragma once
#include "common/image/image.h"

/* Names and meanings are ImageDataGenerator's; all zero: no augmentation. */
typedef struct {
    double rotation_range; /* degrees: U(-r, r) */
    double
        width_shift_range; /* U(-s, s), a fraction of the side where s < 1, else pixels; whole pixels where s is whole */
    double height_shift_range;
    double shear_range;       /* degrees: U(-s, s), of rows; Keras 3 exchanges the axes of shifts and shear */
    double zoom_range;        /* independently in both directions: U(1 - z, 1 + z) */
    gboolean horizontal_flip; /* with probability 1/2 */
    gboolean vertical_flip;
    double channel_shift_range; /* grey levels: U(-s, s) on all channels, clipped to the image's own range */
    /* "LOW,HIGH": a factor U(LOW, HIGH); NULL for none. Parsed by augment_check */
    const char *brightness_range;
    double brightness_low, brightness_high;
} AugmentOptions;

/* Rows of a program's option table (common/cli/cli.h); modes: those that use it. */
/* clang-format off */
#define AUGMENT_OPTIONS(o, used_by) \
    OPTION_HEADING("Augmentation", .modes = used_by), \
    OPTION_REAL("rotation-range", &(o)->rotation_range, "DEGREES", 0, 360, \
        "rotate by up to this much, either way"), \
    OPTION_REAL("width-shift-range", &(o)->width_shift_range, "S", 0, 100000, \
        "shift sideways by up to this much: a fraction of the side if below 1; a whole number S: 0 to S-1 " \
        "whole pixels, as in Keras"), \
    OPTION_REAL("height-shift-range", &(o)->height_shift_range, "S", 0, 100000, \
        "shift up or down by up to this much, likewise"), \
    OPTION_REAL("shear-range", &(o)->shear_range, "DEGREES", 0, 89, \
        "shear by up to this much, either way, along the axis of Keras 2 (Keras 3 exchanges the " \
        "axes)"), \
    OPTION_REAL("zoom-range", &(o)->zoom_range, "Z", 0, 0.99, \
        "scale each direction independently by 1-Z to 1+Z"), \
    OPTION_FLAG("horizontal-flip", &(o)->horizontal_flip, \
        "flip left to right with probability 1/2"), \
    OPTION_FLAG("vertical-flip", &(o)->vertical_flip, "flip top to bottom with probability 1/2"), \
    OPTION_REAL("channel-shift-range", &(o)->channel_shift_range, "LEVELS", 0, 255, \
        "add or subtract up to this many grey levels"), \
    OPTION_TEXT("brightness-range", &(o)->brightness_range, "LOW,HIGH", \
        "multiply the brightness by a factor from LOW to HIGH")
/* clang-format on */

/* Parses brightness_range; the other values are checked by the option table. FALSE and an error that names the option.
 * Call it once after filling the options, before augment_draw. */
gboolean augment_check(AugmentOptions *options, GError **error);

/* FALSE if the options never change an image. */
gboolean augment_active(const AugmentOptions *options);

/* "rotation_range=90 …": the same text for the same options, to record them in a cache or a model. Caller frees. */
char *augment_describe(const AugmentOptions *options);

/* The parameters of one copy. */
typedef struct {
    double theta, shear; /* degrees */
    double tx, ty;       /* pixels: down, to the right */
    double zx, zy;       /* vertical, horizontal */
    gboolean flip_horizontal, flip_vertical;
    double channel_shift;
    double brightness; /* negative: none */
} Augmentation;

/* key: the item's key in its dataset. copy: 0 for the unchanged image; 1, 2, … for variants (or epochs). */
Augmentation augment_draw(const AugmentOptions *options, guint64 seed, const char *key, guint copy, int side);

/* rgb (side, side, 3) -> tensor (side, side, 3): augmented, then normalised like image_normalize. */
void augment_tensor(const guint8 *rgb, int side, const Augmentation *augmentation,
                    Normalization normalization, float *tensor);

/* rgb (side, side, 3) -> changed (side, side, 3): for display; values truncated to bytes. */
void augment_pixels(const guint8 *rgb, int side, const Augmentation *augmentation, guint8 *changed);
