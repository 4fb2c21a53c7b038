/* netpbm: see netpbm.h. */
#include "common/image/netpbm.h"

#include "common/image/image.h"

#include <math.h>

static gboolean refuse(GError **error, const char *reason)
{
    return image_unreadable(error, "damaged PPM: %s", reason);
}

static gboolean at_digit(const Netpbm *image, gsize at)
{
    return at < image->size && g_ascii_isdigit(image->bytes[at]);
}

/* Skips white space and comments, which extend from # to the end of the line. */
static void skip_space(const Netpbm *image, gsize *at)
{
    gboolean comment = FALSE;
    for (; *at < image->size; ++*at) {
        guint8 c = image->bytes[*at];
        if (!comment && c != '#' && !g_ascii_isspace(c))
            return;
        comment = (comment || c == '#') && c != '\n';
    }
}

/* The decimal number at *at, which is moved behind it; -1 if there is none or it exceeds G_MAXINT. */
static int read_number(const Netpbm *image, gsize *at)
{
    gint64 number = 0;
    skip_space(image, at);
    if (!at_digit(image, *at))
        return -1;
    for (; at_digit(image, *at); ++*at)
        if ((number = number * 10 + image->bytes[*at] - '0') > G_MAXINT)
            return -1;
    return (int)number;
}

gboolean netpbm_open(Netpbm *image, const guint8 *bytes, gsize size, GError **error)
{
    gsize at = 2;
    *image = (Netpbm){.bytes = bytes, .size = size, .white = 1};
    if (size < 2 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '6')
        return refuse(error, "no header");
    image->kind = bytes[1] - '0';
    image->width = read_number(image, &at);
    image->height = read_number(image, &at);
    if (image->kind != 1 && image->kind != 4)
        image->white = read_number(image, &at);
    if (image->width < 1 || image->height < 1 || image->white < 1 || image->white > 65535)
        return refuse(error, "the header has no valid width, height and maximum value");
    if (at >= size || !g_ascii_isspace(bytes[at]))
        return refuse(error, "truncated");
    image->pixels = at + 1; /* one byte of white space, then pixels */
    return TRUE;
}

static guint8 scale(const Netpbm *image, int value)
{
    return (guint8)nearbyint((double)MIN(value, image->white) / image->white * 255);
}

/* One bit per pixel, 1 for black, each row padded to whole bytes. */
static gboolean read_raw_bits(const Netpbm *image, guint8 *rgb, GError **error)
{
    gsize width = (gsize)image->width, height = (gsize)image->height, stride = (width + 7) / 8;
    if ((image->size - image->pixels) / stride < height)
        return refuse(error, "truncated");
    for (gsize y = 0; y < height; y++)
        for (gsize x = 0; x < width; x++, rgb += 3) {
            guint8 byte = image->bytes[image->pixels + y * stride + x / 8];
            rgb[0] = rgb[1] = rgb[2] = byte >> (7 - x % 8) & 1 ? 0 : 255;
        }
    return TRUE;
}

/* One or two bytes per value, big-endian. */
static gboolean read_raw_values(const Netpbm *image, gsize values, int repeat, guint8 *rgb, GError **error)
{
    gsize bytes = image->white > 255 ? 2 : 1;
    const guint8 *p = image->bytes + image->pixels;
    if ((image->size - image->pixels) / bytes < values)
        return refuse(error, "truncated");
    guint8 bytewise[256];
    for (int value = 0; value < 256; value++)
        bytewise[value] = scale(image, value);
    for (gsize i = 0; i < values; i++, p += bytes) {
        guint8 byte = bytes == 1 ? bytewise[*p] : scale(image, p[0] << 8 | p[1]);
        for (int c = 0; c < repeat; c++)
            *rgb++ = byte;
    }
    return TRUE;
}

/* Decimal numbers; in P1 single digits that need no space between them, 1 for black. */
static gboolean read_plain(const Netpbm *image, gsize values, int repeat, guint8 *rgb, GError **error)
{
    gsize at = image->pixels;
    for (gsize i = 0; i < values; i++) {
        int value;
        if (image->kind == 1) {
            skip_space(image, &at);
            value = at_digit(image, at) ? image->bytes[at++] == '0' : -1;
        } else
            value = read_number(image, &at);
        if (value < 0)
            return refuse(error,
                          at < image->size ? "something other than a number among the pixels" : "truncated");
        for (int c = 0; c < repeat; c++)
            *rgb++ = scale(image, value);
    }
    return TRUE;
}

gboolean netpbm_read(const Netpbm *image, guint8 *rgb, GError **error)
{
    gboolean colour = image->kind == 3 || image->kind == 6;
    gsize values = (gsize)image->width * (gsize)image->height * (colour ? 3 : 1);
    int repeat = colour ? 1 : 3; /* grey: the same value in red, green and blue */
    if (image->kind == 4)
        return read_raw_bits(image, rgb, error);
    return (image->kind > 4 ? read_raw_values : read_plain)(image, values, repeat, rgb, error);
}
