/* bmp: see bmp.h. */
#include "common/image/bmp.h"

#include "common/image/image.h"

#include <string.h>

enum { COMPRESSION_NONE, COMPRESSION_RLE8, COMPRESSION_RLE4, COMPRESSION_BITFIELDS };
enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40, MASKED_HEADER = 52 };

static guint32 u16(const guint8 *p)
{
    return p[0] | (guint32)p[1] << 8;
}

static guint32 u32(const guint8 *p)
{
    return u16(p) | u16(p + 2) << 16;
}

static gboolean refuse(GError **error, const char *reason)
{
    return image_unreadable(error, "damaged or unsupported BMP: %s", reason);
}

/* Reads the sizes by the header's version; *colors: number of palette entries, *entry: bytes of each. */
static gboolean read_sizes(Bmp *bmp, guint32 header, guint32 *colors, gsize *entry, GError **error)
{
    const guint8 *h = bmp->bytes + FILE_HEADER;
    gint64 height;
    if (header == CORE_HEADER) {
        bmp->width = (int)u16(h + 4);
        height = u16(h + 6);
        bmp->bits = (int)u16(h + 10);
        *colors = 0;
    } else {
        bmp->width = (int)MIN(u32(h + 4), (guint32)G_MAXINT);
        height = (gint32)u32(h + 8);
        bmp->bits = (int)u16(h + 14);
        bmp->compression = (int)MIN(u32(h + 16), 255u);
        *colors = u32(h + 32);
    }
    *entry = header == CORE_HEADER ? 3 : 4;
    bmp->top_down = height < 0;
    height = ABS(height);
    if (bmp->width < 1 || height < 1 || height > G_MAXINT)
        return refuse(error, "no width or height");
    bmp->height = (int)height;
    if (bmp->bits <= 8 && *colors == 0)
        *colors = 1u << bmp->bits;
    return TRUE;
}

static gboolean check_kind(const Bmp *bmp, GError **error)
{
    static const struct {
        int bits, compression;
    } kinds[] = {{1, COMPRESSION_NONE},       {4, COMPRESSION_NONE},      {8, COMPRESSION_NONE},
                 {16, COMPRESSION_NONE},      {24, COMPRESSION_NONE},     {32, COMPRESSION_NONE},
                 {4, COMPRESSION_RLE4},       {8, COMPRESSION_RLE8},      {16, COMPRESSION_BITFIELDS},
                 {24, COMPRESSION_BITFIELDS}, {32, COMPRESSION_BITFIELDS}};
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (kinds[i].bits == bmp->bits && kinds[i].compression == bmp->compression)
            return TRUE;
    g_autofree char *kind = g_strdup_printf("%d bits with compression %d", bmp->bits, bmp->compression);
    return refuse(error, kind);
}

static void read_masks(Bmp *bmp)
{
    static const guint32 five[3] = {0x7c00, 0x3e0, 0x1f}, eight[3] = {0xff0000, 0xff00, 0xff};
    memcpy(bmp->mask, bmp->bits == 16 ? five : eight, sizeof bmp->mask);
    if (bmp->compression != COMPRESSION_BITFIELDS || bmp->bits == 24)
        return;
    const guint8 *p = bmp->bytes + FILE_HEADER + INFO_HEADER;
    if (u32(p) | u32(p + 4) | u32(p + 8))
        for (int c = 0; c < 3; c++)
            bmp->mask[c] = u32(p + 4 * c);
}

gboolean bmp_open(Bmp *bmp, const guint8 *bytes, gsize size, GError **error)
{
    guint32 header = size >= FILE_HEADER + CORE_HEADER ? u32(bytes + FILE_HEADER) : 0, colors;
    gsize entry;
    *bmp = (Bmp){.bytes = bytes, .size = size};
    if (header != CORE_HEADER && header < INFO_HEADER)
        return refuse(error, "the header is incomplete or of an unknown kind");
    if (size < FILE_HEADER + (gsize)header)
        return refuse(error, "truncated");
    if (!read_sizes(bmp, header, &colors, &entry, error) || !check_kind(bmp, error))
        return FALSE;

    gsize end = FILE_HEADER + (gsize)header;
    if (bmp->compression == COMPRESSION_BITFIELDS && header < MASKED_HEADER) {
        end += 12;
        if (size < end)
            return refuse(error, "truncated");
    }
    read_masks(bmp);
    if (bmp->bits <= 8) {
        if (colors > 65536 || size - end < colors * entry)
            return refuse(error, "the palette is incomplete");
        for (guint32 i = 0; i < MIN(colors, 256); i++)
            for (int c = 0; c < 3; c++)
                bmp->palette[i][c] = bytes[end + i * entry + 2 - c];
        end += colors * entry;
    }
    /* Some writers do not count the palette in the offset, or write no offset. */
    bmp->pixels = MAX(end, u32(bytes + 10));
    return TRUE;
}

/* The masked bits of a pixel, scaled to 0 … 255 and rounded down, like Pillow's Unpack.c. */
static guint8 field(guint32 pixel, guint32 mask)
{
    if (mask == 0)
        return 0;
    guint shift = (guint)__builtin_ctz(mask);
    return (guint8)((guint64)((pixel & mask) >> shift) * 255 / (mask >> shift));
}

static void convert_row(const Bmp *bmp, const guint8 *row, guint8 *rgb)
{
    int bits = bmp->bits;
    for (int x = 0; x < bmp->width; x++, rgb += 3) {
        if (bits <= 8) {
            gsize bit = (gsize)x * (gsize)bits;
            int index = row[bit / 8] >> (8 - bits - (int)(bit % 8)) & ((1 << bits) - 1);
            memcpy(rgb, bmp->palette[index], 3);
        } else if (bits == 24) {
            const guint8 *p = row + (gsize)x * 3;
            rgb[0] = p[2], rgb[1] = p[1], rgb[2] = p[0];
        } else {
            guint32 pixel = bits == 16 ? u16(row + (gsize)x * 2) : u32(row + (gsize)x * 4);
            for (int c = 0; c < 3; c++)
                rgb[c] = field(pixel, bmp->mask[c]);
        }
    }
}

static gboolean read_plain(const Bmp *bmp, guint8 *rgb, GError **error)
{
    gsize stride = ((gsize)bmp->width * (gsize)bmp->bits + 31) / 32 * 4, width = (gsize)bmp->width;
    /* The padding of the last row may be missing. */
    gsize last = (width * (gsize)bmp->bits + 7) / 8, needed = stride * (gsize)(bmp->height - 1) + last;
    if (bmp->pixels > bmp->size || bmp->size - bmp->pixels < needed)
        return refuse(error, "truncated");
    for (int y = 0; y < bmp->height; y++) {
        int row = bmp->top_down ? y : bmp->height - 1 - y;
        convert_row(bmp, bmp->bytes + bmp->pixels + stride * (gsize)y, rgb + (gsize)row * width * 3);
    }
    return TRUE;
}

/* Run-length codes unpacked to one palette index per pixel, rows in the file's order; at: the next one to write. */
typedef struct {
    guint8 *indices;
    gsize total, width, at;
    gboolean nibbles;
} Unpacker;

static void put(Unpacker *u, guint8 index)
{
    if (u->at < u->total)
        u->indices[u->at++] = index;
}

static void put_run(Unpacker *u, guint count, guint8 code)
{
    gsize left = u->width - u->at % u->width; /* a run ends with its row at the latest */
    for (guint i = 0; i < MIN(count, left); i++)
        put(u, u->nibbles ? (i % 2 ? code & 15 : code >> 4) : code);
}

static void skip(Unpacker *u, gsize count)
{
    u->at += MIN(count, u->total - u->at);
}

/* Number of bytes used by the literal codes at p, padded to an even number; 0 if they are incomplete. */
static gsize put_literals(Unpacker *u, guint count, const guint8 *p, gsize available)
{
    gsize bytes = u->nibbles ? (count + 1) / 2 : count, padded = (bytes + 1) & ~(gsize)1;
    if (available < bytes)
        return 0;
    for (guint i = 0; i < count; i++)
        put(u, u->nibbles ? (i % 2 ? p[i / 2] & 15 : p[i / 2] >> 4) : p[i]);
    return MIN(padded, available);
}

static gboolean unpack(Unpacker *u, const guint8 *p, gsize size)
{
    while (u->at < u->total && size >= 2) {
        guint count = p[0], code = p[1];
        p += 2, size -= 2;
        gsize used = 0;
        if (count)
            put_run(u, count, (guint8)code);
        else if (code == 0) /* end of row */
            skip(u, (u->width - u->at % u->width) % u->width);
        else if (code == 1) /* end of bitmap */
            break;
        else if (code == 2) { /* a jump right and down */
            if (size < 2)
                break;
            skip(u, p[0] + p[1] * u->width);
            used = 2;
        } else if ((used = put_literals(u, code, p, size)) == 0)
            break;
        p += used, size -= used;
    }
    return u->at == u->total;
}

static gboolean read_packed(const Bmp *bmp, guint8 *rgb, GError **error)
{
    gsize width = (gsize)bmp->width, total = width * (gsize)bmp->height;
    g_autofree guint8 *indices = g_try_malloc0(total);
    if (!indices)
        return refuse(error, "too large for the available memory");
    Unpacker unpacker = {indices, total, width, 0, bmp->compression == COMPRESSION_RLE4};
    if (bmp->pixels > bmp->size || !unpack(&unpacker, bmp->bytes + bmp->pixels, bmp->size - bmp->pixels))
        return refuse(error, "truncated");
    for (gsize i = 0; i < total; i++) {
        gsize y = i / width, row = bmp->top_down ? y : (gsize)bmp->height - 1 - y;
        memcpy(rgb + (row * width + i % width) * 3, bmp->palette[indices[i]], 3);
    }
    return TRUE;
}

gboolean bmp_read(const Bmp *bmp, guint8 *rgb, GError **error)
{
    gboolean packed = bmp->compression == COMPRESSION_RLE8 || bmp->compression == COMPRESSION_RLE4;
    return packed ? read_packed(bmp, rgb, error) : read_plain(bmp, rgb, error);
}
