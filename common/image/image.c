/* image: see image.h. The only file that uses libvips.
 *
 * The kind of a file is determined by its first bytes, and a loader is called by name: none of libvips's other
 * loaders (SVG, PDF, ImageMagick …) ever sees untrusted bytes. Pixels are pulled row by row through a region in the
 * calling thread, so libvips starts no threads of its own. */
#include "common/image/image.h"

#include "common/image/bmp.h"
#include "common/image/gif.h"
#include "common/image/jpeg_damage.h"
#include "common/image/measure.h"
#include "common/image/netpbm.h"
#include "common/image/resize.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <vips/vips.h>

G_DEFINE_QUARK(vggcache - image - error, image_error)

/* libvips has warned in this thread. */
static _Thread_local gboolean warned;

/* libvips's own warnings about a file ("unknown EXIF resolution unit") are of no interest to the user; real errors come
 * as GErrors, except those in a JPEG's last rows, which libvips only mentions when it closes the file. */
static void drop_message(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
    warned |= level & G_LOG_LEVEL_WARNING;
}

void image_startup(const char *program)
{
    g_log_set_handler("VIPS",
                      G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG,
                      drop_message, NULL);
    /* No plug-ins: they are for formats that are not supported here (PDF, ImageMagick's …), and their libraries print
     * messages to stderr; but see image_load_module. */
    g_setenv("VIPSHOME", "/dev/null", TRUE);
    if (vips_init(program) != 0)
        g_error("libvips cannot start: %s", vips_error_buffer());
    vips_concurrency_set(1);
    vips_cache_set_max(0);
}

void image_load_module(void)
{
    Dl_info libvips;
    if (!dladdr((void *)vips_init, &libvips))
        return;
    g_autofree char *folder = g_path_get_dirname(libvips.dli_fname);
    g_autofree char *path =
        g_strdup_printf("%s/vips-modules-%d.%d/vips-heif.so", folder, vips_version(0), vips_version(1));
    void *module = dlopen(path, RTLD_LAZY | RTLD_NODELETE);
    const char *(*start)(void *) = NULL;
    if (module && (*(void **)&start = dlsym(module, "g_module_check_init")))
        start(NULL);
    /* No image: libheif loads its own plug-ins for the first file. */
    VipsImage *none = NULL;
    vips_heifload_buffer("", 1, &none, NULL);
    vips_error_clear();
}

/* A whole image in 8-bit RGB. */
typedef struct {
    guint8 *rgb; /* (height, width, 3) */
    int width, height;
} Pixels;

static void pixels_clear(Pixels *pixels)
{
    g_clear_pointer(&pixels->rgb, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pixels, pixels_clear)
#if VIPS_MAJOR_VERSION == 8 && VIPS_MINOR_VERSION < 16 /* seen: 8.14.1 and 8.15.1 without, 8.16.1 with them */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VipsImage, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VipsRegion, g_object_unref)
#endif

gboolean image_fail(GError **error, ImageError cause, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_propagate_error(error, g_error_new_valist(IMAGE_ERROR, (gint)cause, format, arguments));
    va_end(arguments);
    return FALSE;
}

/* The size in the header is checked before memory of that size is allocated. */
static gboolean check_size(gint64 width, gint64 height, gint64 max_pixels, GError **error)
{
    return width * height <= max_pixels || image_unreadable(error,
                                                            "%" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
                                                            " pixels exceed the limit of %" G_GINT64_FORMAT,
                                                            width, height, max_pixels);
}

static gboolean pixels_allocate(Pixels *pixels, int width, int height, GError **error)
{
    *pixels = (Pixels){g_try_malloc((gsize)width * (gsize)height * 3), width, height};
    return pixels->rgb ||
           image_fail(error, IMAGE_ERROR_MACHINE, "not enough memory for its %d x %d pixels", width, height);
}

/* ---- Formats ---- */

typedef struct Format Format;

typedef struct {
    const guint8 *bytes;
    gsize size;
    const Format *format;
    gint64 max_pixels;
    int shrink_to; /* a JPEG may be reduced while decoding, to no less than twice this side; 0: full size */
    gboolean metadata; /* heeded */
    ImageFacts *facts; /* to be filled: turned, remark */
} Source;

struct Format {
    const char *name;
    const char *signature;
    gsize length, offset; /* of the signature */
    /* TRUE: pixels has all pixels. FALSE: error is set; pixels must be cleared. */
    gboolean (*decode)(const Source *source, Pixels *pixels, GError **error);
    const char *loader; /* of libvips */
};

static gboolean is_of(const Source *source, const char *name)
{
    return g_str_equal(source->format->name, name);
}

/* shrink: 1, or the factor to reduce a JPEG by while decoding (2, 4, 8). NULL if libvips fails.
 *
 * No temporary files, which decoders may not open (decoder_box.h): images that libvips needs as a whole (WebP, GIF,
 * interlaced PNG) stay in memory, within the limit on pixels. */
static VipsImage *load(const Source *source, VipsFailOn fail_on, int shrink)
{
    VipsImage *image = NULL;
    VipsBlob *blob = vips_blob_new(NULL, source->bytes, source->size);
    /* Options of JPEG's loader alone: for the others the list ends before them. */
    const char *shrinks = is_of(source, "JPEG") ? "shrink" : NULL;
    vips_call(source->format->loader, blob, &image, "access", VIPS_ACCESS_SEQUENTIAL, "memory", TRUE,
              "fail_on", fail_on, shrinks, shrink, "unlimited", TRUE, NULL);
    vips_area_unref(VIPS_AREA(blob));
    return image;
}

/* ---- Pixels like those of Pillow's convert("RGB") ---- */

/* The format of the file's pixels. */
typedef struct {
    int bands;
    gboolean wide, cmyk; /* 16 bits per band; cyan magenta yellow black */
    const guint8 *blank; /* (3) RGB of transparent pixels; NULL: alpha is dropped */
} PixelFormat;

static gboolean pixel_format(const VipsImage *image, PixelFormat *form, GError **error)
{
    VipsBandFormat format = vips_image_get_format(image);
    VipsInterpretation space = vips_image_get_interpretation(image);
    *form = (PixelFormat){vips_image_get_bands(image), format == VIPS_FORMAT_USHORT,
                          space == VIPS_INTERPRETATION_CMYK, NULL};
    if (format != VIPS_FORMAT_UCHAR && format != VIPS_FORMAT_USHORT)
        return image_unreadable(error,
                                "its pixels are of type %s; only 8 and 16 bits per channel are supported",
                                vips_enum_nick(VIPS_TYPE_BAND_FORMAT, format));
    if (space == VIPS_INTERPRETATION_LAB || form->bands < (form->cmyk ? 4 : 1))
        return image_unreadable(error, "its pixels are neither grey, RGB nor CMYK");
    return TRUE;
}

/* Pillow's cmyk2rgb (Convert.c): a * b / 255 with its rounding. */
static guint8 multiply_255(guint8 a, guint8 b)
{
    guint t = (guint)a * b + 128;
    return (guint8)(((t >> 8) + t) >> 8);
}

static void cmyk_to_rgb(const guint8 *cmyk, int bands, int width, guint8 *rgb)
{
    for (int x = 0; x < width; x++, cmyk += bands, rgb += 3) {
        guint8 light = 255 - cmyk[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = (guint8)(light - multiply_255(cmyk[c], light));
    }
}

/* One row of 8-bit values. One or two bands are grey (and alpha), more are RGB (and others); alpha is dropped. */
static void row_to_rgb(const guint8 *row, PixelFormat form, int width, guint8 *rgb)
{
    int bands = form.bands;
    if (form.cmyk)
        cmyk_to_rgb(row, bands, width, rgb);
    else if (bands == 3)
        memcpy(rgb, row, (gsize)width * 3);
    else if (bands < 3)
        for (int x = 0; x < width; x++, row += bands, rgb += 3)
            rgb[0] = rgb[1] = rgb[2] = row[0];
    else
        for (int x = 0; x < width; x++, row += bands, rgb += 3)
            memcpy(rgb, row, 3);
}

/* Gives the transparent pixels of a row, whose last band is alpha, their colour. */
static void fill_transparent(const guint8 *row, PixelFormat form, int width, guint8 *rgb)
{
    for (int x = 0; x < width; x++, row += form.bands, rgb += 3)
        if (row[form.bands - 1] == 0)
            memcpy(rgb, form.blank, 3);
}

enum { STRIP = 16 }; /* rows requested from libvips at once; a JPEG's blocks have 8 or 16 */

/* Pulls all rows of image into pixels. FALSE, with no error set, if libvips fails. */
static gboolean pull_rows(VipsImage *image, PixelFormat form, Pixels *pixels)
{
    g_autoptr(VipsRegion) region = vips_region_new(image);
    gsize row_values = (gsize)pixels->width * (gsize)form.bands;
    g_autofree guint8 *narrow = form.wide ? g_malloc(row_values) : NULL;
    guint8 *rgb = pixels->rgb;
    for (int top = 0; top < pixels->height; top += STRIP) {
        VipsRect strip = {0, top, pixels->width, MIN(STRIP, pixels->height - top)};
        if (vips_region_prepare(region, &strip) != 0)
            return FALSE;
        for (int y = top; y < top + strip.height; y++, rgb += (gsize)pixels->width * 3) {
            const guint8 *row = VIPS_REGION_ADDR(region, 0, y);
            for (gsize i = 0; narrow && i < row_values; i++)
                narrow[i] = (guint8)(((const guint16 *)row)[i] >> 8);
            row_to_rgb(narrow ? narrow : row, form, pixels->width, rgb);
            if (form.blank && form.bands % 2 == 0)
                fill_transparent(row, form, pixels->width, rgb);
        }
    }
    return TRUE;
}

/* Gives the screen around the first image of a GIF its colour. */
static void fill_around(Pixels *pixels, const GifFrame *frame)
{
    guint8 *rgb = pixels->rgb;
    for (int y = 0; y < pixels->height; y++)
        for (int x = 0; x < pixels->width; x++, rgb += 3)
            if (y < frame->top || y >= frame->top + frame->height || x < frame->left ||
                x >= frame->left + frame->width)
                memcpy(rgb, frame->blank, 3);
}

/* ---- Decoding ---- */

/* Like vips_thumbnail: a factor of at least two is left to the following resize. */
static int jpeg_shrink(const VipsImage *image, int side)
{
    int min = MIN(vips_image_get_width(image), vips_image_get_height(image)), shrink = 1;
    while (side && shrink < 8 && min >= 4 * shrink * side)
        shrink *= 2;
    return shrink;
}

/* Rotates and flips by an orientation, 1 … 8 (TIFF 6.0, section 8; EXIF has the same). */
static gboolean orient(Pixels *pixels, int orientation, GError **error)
{
    if (orientation < 2 || orientation > 8)
        return TRUE;
    /* Whether they begin at the last row, at the last column */
    gboolean transposed = orientation >= 5, down = strchr("3467", '0' + orientation) != NULL,
             across = strchr("2378", '0' + orientation) != NULL;
    g_auto(Pixels) turned = {0};
    int width = pixels->width, height = pixels->height;
    if (!pixels_allocate(&turned, transposed ? height : width, transposed ? width : height, error))
        return FALSE;
    guint8 *to = turned.rgb;
    for (int y = 0; y < turned.height; y++)
        for (int x = 0; x < turned.width; x++, to += 3) {
            int column = transposed ? y : x, row = transposed ? x : y;
            gsize from_row = (gsize)(down ? height - 1 - row : row);
            gsize from_column = (gsize)(across ? width - 1 - column : column);
            memcpy(to, pixels->rgb + (from_row * (gsize)width + from_column) * 3, 3);
        }
    Pixels held = *pixels;
    *pixels = turned;
    turned = held;
    return TRUE;
}

/* Converts an image with an embedded profile to sRGB. A profile that cannot be used is ignored. */
static void to_srgb(VipsImage **image)
{
    VipsImage *converted = NULL;
    if (!vips_image_get_typeof(*image, VIPS_META_ICC_NAME))
        return;
    if (vips_icc_transform(*image, &converted, "srgb", "embedded", TRUE, NULL) != 0) {
        vips_error_clear();
        return;
    }
    g_object_unref(*image);
    *image = converted;
}

/* FALSE with no error set if libvips fails. */
static gboolean pull(const Source *source, VipsFailOn fail_on, Pixels *pixels, GError **error)
{
    PixelFormat form;
    g_autoptr(VipsImage) image = load(source, fail_on, 1);
    if (!image)
        return FALSE;
    if (!pixel_format(image, &form, error) ||
        !check_size(vips_image_get_width(image), vips_image_get_height(image), source->max_pixels, error))
        return FALSE;
    int shrink = is_of(source, "JPEG") ? jpeg_shrink(image, source->shrink_to) : 1;
    if (shrink > 1) {
        g_object_unref(image);
        if (!(image = load(source, fail_on, shrink)))
            return FALSE;
    }
    if (source->metadata)
        to_srgb(&image);
    if (!pixel_format(image, &form, error))
        return FALSE;
    GifFrame frame;
    gboolean gif = is_of(source, "GIF") && gif_first_frame(source->bytes, source->size, &frame);
    form.blank = gif ? frame.blank : NULL;
    if (!pixels_allocate(pixels, vips_image_get_width(image), vips_image_get_height(image), error) ||
        !pull_rows(image, form, pixels))
        return FALSE;
    if (gif)
        fill_around(pixels, &frame);
    int orientation = vips_image_get_orientation(image);
    gboolean tiff = is_of(source, "TIFF");
    source->facts->turned = source->metadata && !tiff && orientation >= 2 && orientation <= 8;
    return !(source->metadata || tiff) || orient(pixels, orientation, error);
}

/* The first line of libvips's error buffer without the loader's name, or a guess if it is empty. */
static char *last_reason(void)
{
    const char *text = vips_error_buffer(), *colon = strstr(text, ": ");
    gsize length = strcspn(text, "\n");
    if (length == 0)
        return g_strdup("truncated or corrupt");
    const char *start = colon && colon < text + length ? colon + 2 : text;
    return g_strndup(start, (gsize)(text + length - start));
}

/* A JPEG that libvips fails on or warns of has all its pixels if jpeg_damage finds nothing. */
static gboolean pull_damaged_jpeg(const Source *source, Pixels *pixels, char **damage, GError **error)
{
    g_autofree char *remark = NULL;
    pixels_clear(pixels);
    vips_error_clear();
    *damage = jpeg_damage(source->bytes, source->size, &remark);
    if (remark)
        g_strlcpy(source->facts->remark, remark, sizeof source->facts->remark);
    return !*damage && pull(source, VIPS_FAIL_ON_TRUNCATED, pixels, error);
}

static gboolean decode_by_libvips(const Source *source, Pixels *pixels, GError **error)
{
    GError *ours = NULL;
    g_autofree char *reason = NULL;
    gboolean jpeg = is_of(source, "JPEG");
    /* JPEG: libjpeg reports missing and corrupt data as warnings (jpeg_damage.h). PNG, TIFF: warnings are harmless */
    const VipsFailOn fail_on = jpeg ? VIPS_FAIL_ON_WARNING : VIPS_FAIL_ON_ERROR;
    if (!vips_type_find("VipsOperation", source->format->loader))
        return image_unreadable(
            error, "%s is not read by the libvips that is installed: its module for it is missing",
            source->format->name);
    warned = FALSE;
    vips_error_clear();
    gboolean ok = pull(source, fail_on, pixels, &ours) && !(warned && jpeg);
    if (!ok && !ours && jpeg)
        ok = pull_damaged_jpeg(source, pixels, &reason, &ours);
    if (!ok && !ours) {
        reason = reason ? reason : last_reason();
        if (strstr(reason, g_strerror(EAGAIN))) /* libvips reads PNG and others in a thread of its own */
            image_fail(&ours, IMAGE_ERROR_MACHINE, "cannot start a thread to decode it: %s",
                       g_strerror(EAGAIN));
        else
            image_unreadable(&ours, "damaged %s (%s)", source->format->name, reason);
    }
    vips_error_clear();
    if (ours)
        g_propagate_error(error, ours);
    return ok;
}

static gboolean decode_bmp(const Source *source, Pixels *pixels, GError **error)
{
    Bmp image;
    return bmp_open(&image, source->bytes, source->size, error) &&
           check_size(image.width, image.height, source->max_pixels, error) &&
           pixels_allocate(pixels, image.width, image.height, error) && bmp_read(&image, pixels->rgb, error);
}

static gboolean decode_netpbm(const Source *source, Pixels *pixels, GError **error)
{
    Netpbm image;
    return netpbm_open(&image, source->bytes, source->size, error) &&
           check_size(image.width, image.height, source->max_pixels, error) &&
           pixels_allocate(pixels, image.width, image.height, error) &&
           netpbm_read(&image, pixels->rgb, error);
}

/* ---- Presets ---- */

static const Format formats[] = {
    {"JPEG", "\xff\xd8\xff", 3, 0, decode_by_libvips, "jpegload_buffer"},
    {"PNG", "\x89PNG\r\n\x1a\n", 8, 0, decode_by_libvips, "pngload_buffer"},
    {"GIF", "GIF8", 4, 0, decode_by_libvips, "gifload_buffer"},
    {"WebP", "WEBP", 4, 8, decode_by_libvips, "webpload_buffer"},
    {"TIFF", "II*\0", 4, 0, decode_by_libvips, "tiffload_buffer"},
    {"TIFF", "MM\0*", 4, 0, decode_by_libvips, "tiffload_buffer"},
    {"TIFF", "II+\0", 4, 0, decode_by_libvips, "tiffload_buffer"}, /* BigTIFF */
    {"TIFF", "MM\0+", 4, 0, decode_by_libvips, "tiffload_buffer"},
    {"HEIC", "ftyphei", 7, 4, decode_by_libvips, "heifload_buffer"}, /* heic, heix, heim, heis */
    {"HEIF", "ftypmif1", 8, 4, decode_by_libvips, "heifload_buffer"},
    {"AVIF", "ftypavi", 7, 4, decode_by_libvips, "heifload_buffer"}, /* avif, avis */
    {.name = "BMP", "BM", 2, 0, decode_bmp},
    {.name = "PBM", "P1", 2, 0, decode_netpbm},
    {.name = "PGM", "P2", 2, 0, decode_netpbm},
    {.name = "PPM", "P3", 2, 0, decode_netpbm},
    {.name = "PBM", "P4", 2, 0, decode_netpbm},
    {.name = "PGM", "P5", 2, 0, decode_netpbm},
    {.name = "PPM", "P6", 2, 0, decode_netpbm},
};

static const Format *find_format(const guint8 *bytes, gsize size)
{
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        const Format *f = &formats[i];
        if (size >= f->offset + f->length && memcmp(bytes + f->offset, f->signature, f->length) == 0)
            return f;
    }
    return NULL;
}

gboolean image_recognizes(const guint8 *bytes, gsize size, GError **error)
{
    if (size == 0)
        return image_unreadable(error, "empty file");
    return find_format(bytes, size) ||
           image_unreadable(error, "not an image (no JPEG, PNG, GIF, WebP, TIFF, HEIC, AVIF, BMP or PPM)");
}

/* The axis on which the image has this many pixels, and `other` on the other one. */
static ResizeAxis axis_of(const Decoding *how, int pixels, int other)
{
    int side = how->side;
    return how->preset == PRESET_TORCHVISION ? resize_center(pixels, other, side * 256 / 224, side)
           : how->fit == FIT_CROP            ? resize_crop(pixels, other, side)
           : how->fit == FIT_PAD             ? resize_pad(pixels, MAX(pixels, other), side)
                                             : resize_stretch(pixels, side);
}

gboolean image_decode(const guint8 *bytes, gsize size, const Decoding *how, gint64 max_pixels, guint8 *rgb,
                      ImageFacts *facts, GError **error)
{
    g_auto(Pixels) pixels = {0};
    Source source = {.bytes = bytes,
                     .size = size,
                     .format = find_format(bytes, size),
                     .max_pixels = max_pixels,
                     .shrink_to = how->preset == PRESET_VIPS ? how->side : 0,
                     .metadata = how->metadata,
                     .facts = facts};
    *facts = (ImageFacts){0};
    if (!image_recognizes(bytes, size, error) || !source.format->decode(&source, &pixels, error))
        return FALSE;
    facts->width = pixels.width;
    facts->height = pixels.height;
    if (!how->side) {
        measure(pixels.rgb, pixels.width, pixels.height, &facts->brightness, &facts->sharpness);
        return TRUE;
    }
    ResizeAxis across = axis_of(how, pixels.width, pixels.height);
    ResizeAxis down = axis_of(how, pixels.height, pixels.width);
    (how->preset == PRESET_KERAS ? resize_nearest : resize_bilinear)(pixels.rgb, across, down, rgb);
    return TRUE;
}

/* ---- Normalisation ---- */

/* A value 0 … 255 of channel c of red, green, blue. */
static inline float normalized(float value, int c, Normalization normalization)
{
    static const struct {
        float white, means[3], deviations[3];
    } all[] = {[NORMALIZE_CAFFE] = {1, {123.68f, 116.779f, 103.939f}, {1, 1, 1}},
               [NORMALIZE_TORCH] = {255, {.485f, .456f, .406f}, {.229f, .224f, .225f}},
               [NORMALIZE_UNIT] = {255, {0, 0, 0}, {1, 1, 1}}};
    return (value / all[normalization].white - all[normalization].means[c]) /
           all[normalization].deviations[c];
}

/* The position of red in the tensor; blue is at the other end. */
static int place_of_red(Normalization normalization)
{
    return normalization == NORMALIZE_CAFFE ? 2 : 0;
}

void image_normalize(const guint8 *rgb, int side, Normalization normalization, float *tensor)
{
    float values[3][256]; /* of each byte in each of red, green, blue */
    for (int c = 0; c < 3; c++)
        for (int byte = 0; byte < 256; byte++)
            values[c][byte] = normalized((float)byte, c, normalization);
    int red = place_of_red(normalization);
    for (gsize i = 0; i < (gsize)side * (gsize)side; i++, rgb += 3, tensor += 3) {
        tensor[red] = values[0][rgb[0]];
        tensor[1] = values[1][rgb[1]];
        tensor[2 - red] = values[2][rgb[2]];
    }
}

void image_normalize_values(float *tensor, int side, Normalization normalization)
{
    int red = place_of_red(normalization);
    for (gsize i = 0; i < (gsize)side * (gsize)side; i++, tensor += 3) {
        float r = tensor[0], g = tensor[1], b = tensor[2];
        tensor[red] = normalized(r, 0, normalization);
        tensor[1] = normalized(g, 1, normalization);
        tensor[2 - red] = normalized(b, 2, normalization);
    }
}

GBytes *image_jpeg(const guint8 *rgb, int side, int quality)
{
    void *bytes = NULL;
    size_t size = 0;
    VipsImage *image =
        vips_image_new_from_memory(rgb, (size_t)side * (size_t)side * 3, side, side, 3, VIPS_FORMAT_UCHAR);
    if (image)
        image->Type = VIPS_INTERPRETATION_sRGB;
    int failed = !image || vips_jpegsave_buffer(image, &bytes, &size, "Q", quality, "strip", TRUE, NULL);
    g_clear_object(&image);
    return failed ? NULL : g_bytes_new_with_free_func(bytes, size, g_free, bytes);
}
