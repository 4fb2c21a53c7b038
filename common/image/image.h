/* image: from a file's bytes to the base's input tensor.
 *
 *     bytes --decode, colour, resize--> RGB of 8 bits --normalise--> float
 *
 * Presets define all steps up to the pixels:
 *
 *     keras        Pillow's nearest resize, stretched to side x side
 *     torchvision  Pillow's bilinear resize of the short side to side * 256 / 224, centre crop
 *     vips         fast: JPEGs reduced while they are decoded (libvips's shrink-on-load), then Pillow's bilinear
 *                  resize, stretched
 *
 * How the image fits the square: stretched; its middle cropped, as Keras's load_img(keep_aspect_ratio=True) does; or all of
 * it with black on two sides, as Keras's pad_to_aspect_ratio does. torchvision crops in its own way.
 *
 * Colours are those of Pillow's convert("RGB"): alpha is dropped, not blended; CMYK is converted without a profile. TIFFs
 * are rotated by their tag Orientation, as Pillow does when it loads them. keras and torchvision give exactly Pillow's
 * pixels, with one exception: 16-bit grey is scaled to 8 bits, where Pillow clips. Of animations and files with several
 * pages, the first image is taken.
 *
 * A file's metadata are heeded or ignored. Heeded, the image is rotated by EXIF's orientation, and its colours are
 * converted from an embedded profile to sRGB (relative colorimetric). Keras and torchvision ignore them.
 *
 * image_decode is for one thread at a time, as libvips has one buffer of errors; all else, for several. */
#pragma once
#include "common/cli/choice.h"

typedef enum { PRESET_KERAS, PRESET_TORCHVISION, PRESET_VIPS } Preset;
#define PRESET_CHOICES "keras|torchvision|vips"

typedef enum {
    NORMALIZE_CAFFE, /* BGR minus (103.939, 116.779, 123.68): keras-applications imagenet_utils.py, 'caffe' */
    NORMALIZE_TORCH, /* RGB / 255 minus (.485, .456, .406) over (.229, .224, .225): torchvision's transforms */
    NORMALIZE_UNIT,  /* RGB / 255: the study's from-scratch CNN */
} Normalization;
#define NORMALIZATION_CHOICES "caffe|torch|unit"

typedef enum { FIT_STRETCH, FIT_CROP, FIT_PAD } Fit;
#define FIT_CHOICES "stretch|crop|pad"

/* Rows of a program's option table (common/cli/cli.h) that fill preset and fit of o; modes: those that use them. */
/* clang-format off */
#define DECODING_OPTIONS(o, used_by) \
    OPTION_ONE_OF("preset", &(o)->preset, PRESET_CHOICES, "how files become pixels", .modes = used_by), \
    OPTION_ONE_OF("fit", &(o)->fit, FIT_CHOICES, \
        "how images become square: stretched, their middle, or all of them with black on two sides (as Keras's " \
        "crop_to_aspect_ratio and pad_to_aspect_ratio); not with preset torchvision, which crops by itself", \
        .modes = used_by)
/* clang-format on */

/* How a file becomes pixels. */
typedef struct {
    Preset preset;
    Fit fit;           /* with torchvision: stretch, which says nothing there */
    gboolean metadata; /* heeded */
    int side;          /* of the square, pixels */
} Decoding;

#define preset_name(preset)               choice_name(PRESET_CHOICES, (int)(preset))
#define preset_parse(name, preset)        choice_parse(PRESET_CHOICES, name, (int *)(preset))
#define fit_name(fit)                     choice_name(FIT_CHOICES, (int)(fit))
#define fit_parse(name, fit)              choice_parse(FIT_CHOICES, name, (int *)(fit))
#define normalization_name(normalization) choice_name(NORMALIZATION_CHOICES, (int)(normalization))
#define normalization_parse(name, normalization)                                                             \
    choice_parse(NORMALIZATION_CHOICES, name, (int *)(normalization))

/* Once per process, before the first decode or JPEG and before threads start. Aborts if libvips cannot start. */
void image_startup(const char *program);

/* HEIC and AVIF, for which libvips has a module, are read in this process from then on, if it is installed. Takes some
 * milliseconds and megabytes. After image_startup, before threads start. */
void image_load_module(void);

/* The default limit on pixels, checked against the header before decoding: the one above which Pillow refuses by
 * default. */
#define IMAGE_MAX_PIXELS G_GINT64_CONSTANT(178956970)

/* Whether a file that begins with these bytes is an image. FALSE and a reason as below. */
gboolean image_recognizes(const guint8 *bytes, gsize size, GError **error);

enum { IMAGE_REMARK = 200 }; /* bytes of a remark, at most, with its NUL */

/* What is known of an image besides its pixels. */
typedef struct {
    gboolean turned;              /* by EXIF's orientation */
    int width, height;            /* of the whole image */
    double brightness, sharpness; /* measure.h's, with side 0 */
    char remark[IMAGE_REMARK];    /* a warning of libjpeg's that cost no pixels, or empty */
} ImageFacts;

/* Decodes a whole file in memory to rgb (side, side, 3). With side 0 (not with preset vips) there are no pixels, and the
 * image is measured. On failure, also if only a part can be decoded, it returns FALSE and a reason for "NAME: REASON"
 * (empty, not an image, truncated, corrupt, over the limit on pixels), the same in every run, or IMAGE_ERROR_MACHINE if
 * memory is short; rgb is then undefined. */
gboolean image_decode(const guint8 *bytes, gsize size, const Decoding *how, gint64 max_pixels, guint8 *rgb,
                      ImageFacts *facts, GError **error);

/* rgb (side, side, 3) -> tensor (side, side, 3) in the channel order of the normalisation. */
void image_normalize(const guint8 *rgb, int side, Normalization normalization, float *tensor);

/* The same in place, for red, green and blue as floats in 0 … 255. */
void image_normalize_values(float *tensor, int side, Normalization normalization);

/* rgb (side, side, 3) as a JPEG file in memory, quality 1 … 100. NULL if libvips fails. */
GBytes *image_jpeg(const guint8 *rgb, int side, int quality);

typedef enum {
    IMAGE_ERROR_UNREADABLE, /* caused by the image */
    IMAGE_ERROR_MACHINE, /* by the machine: no memory, no file descriptors, a failing disk; the image may be fine */
    IMAGE_ERROR_ARCHIVE,     /* by the archive, which has changed or cannot be read further */
    IMAGE_ERROR_INTERRUPTED, /* by the user, or a signal of the user's */
} ImageError;
#define IMAGE_ERROR (image_error_quark())
GQuark image_error_quark(void);

/* Sets error to this reason. Returns FALSE. */
gboolean image_fail(GError **error, ImageError cause, const char *format, ...) G_GNUC_PRINTF(3, 4);
#define image_unreadable(error, ...) image_fail(error, IMAGE_ERROR_UNREADABLE, __VA_ARGS__)
