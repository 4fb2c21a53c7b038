/* image: from a file's bytes to the tensor the base takes.
 *
 *     bytes --decode, colour, resize--> RGB of 8 bits --normalise--> float
 *
 * Presets define all steps to the pixels:
 *
 *     keras        Pillow's nearest resize, stretched to side x side
 *     torchvision  Pillow's bilinear resize of the short side to side * 256 / 224, centre crop
 *     vips         the fast one: JPEGs reduced as they are read (libvips's shrink-on-load), then Pillow's
 *                  bilinear resize, stretched
 *
 * Colour is that of Pillow's convert("RGB") in all of them: alpha is dropped, not blended; CMYK is converted
 * without a profile; embedded profiles are ignored, and so is EXIF's rotation (Keras and torchvision ignore
 * it as well). keras and torchvision give Pillow's pixels exactly, with one exception: 16-bit grey is scaled
 * to 8 bits, where Pillow clips. Of animations and files of many pages the first picture is taken.
 *
 * All functions are safe to call from several threads at once. */
#pragma once
#include <glib.h>

typedef enum { PRESET_KERAS, PRESET_TORCHVISION, PRESET_VIPS } Preset;
#define PRESET_CHOICES "keras|torchvision|vips"

typedef enum {
    NORMALIZE_CAFFE, /* BGR minus (103.939, 116.779, 123.68): keras-applications imagenet_utils.py, 'caffe' */
    NORMALIZE_TORCH, /* RGB / 255 minus (.485, .456, .406) over (.229, .224, .225): torchvision's transforms */
    NORMALIZE_UNIT,  /* RGB / 255: the study's from-scratch CNN */
} Normalization;
#define NORMALIZATION_CHOICES "caffe|torch|unit"

const char *preset_name(Preset preset);
gboolean preset_parse(const char *name, Preset *preset);
const char *normalization_name(Normalization normalization);
gboolean normalization_parse(const char *name, Normalization *normalization);

/* Once a process, before the first decode and before threads start. Aborts where libvips cannot start. */
void image_startup(const char *program);

/* The default pixel budget, checked against the header before decoding: what Pillow refuses to open by
 * default. */
#define IMAGE_MAX_PIXELS G_GINT64_CONSTANT(178956970)

/* Decodes a whole file held in memory into rgb (side, side, 3). On failure returns FALSE with a reason
 * without the file's name, fit for "NAME: REASON" (empty, not an image, truncated, corrupt, over the pixel
 * budget), the same in every run, or of IMAGE_ERROR_MACHINE where memory is short; rgb is then undefined. A file that
 * decodes only in part is a failure. */
gboolean image_decode(const guint8 *bytes, gsize size, Preset preset, int side, gint64 max_pixels,
                      guint8 *rgb, GError **error);

/* rgb (side, side, 3) -> tensor (side, side, 3) in the channel order of the normalisation. */
void image_normalize(const guint8 *rgb, int side, Normalization normalization, float *tensor);

/* The same in place, for red, green and blue that are floats in 0 … 255. */
void image_normalize_values(float *tensor, int side, Normalization normalization);

/* rgb (side, side, 3) as a JPEG file in memory, quality 1 … 100. NULL where libvips cannot. */
GBytes *image_jpeg(const guint8 *rgb, int side, int quality);

typedef enum {
    IMAGE_ERROR_UNREADABLE, /* the image is at fault */
    IMAGE_ERROR_MACHINE, /* the machine is: no memory, no file descriptors, a failing disk. Says nothing of the image */
} ImageError;
#define IMAGE_ERROR (image_error_quark())
GQuark image_error_quark(void);
