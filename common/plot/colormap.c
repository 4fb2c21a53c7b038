/* colormap: see colormap.h. */
#include "common/plot/colormap.h"

#include <math.h>

typedef struct {
    double lightness, chroma, hue; /* OKLCh; hue in degrees */
} Shade;

static guint channel(double linear)
{
    double value = CLAMP(linear, 0, 1);
    double encoded = value <= 0.0031308 ? 12.92 * value : 1.055 * pow(value, 1 / 2.4) - 0.055; /* sRGB */
    return (guint)lround(255 * encoded);
}

/* The matrices are Ottosson's, https://bottosson.github.io/posts/oklab */
static guint32 shade_rgb(Shade shade)
{
    double a = shade.chroma * cos(shade.hue * G_PI / 180), b = shade.chroma * sin(shade.hue * G_PI / 180);
    double l = pow(shade.lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    double m = pow(shade.lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    double s = pow(shade.lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    guint red = channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
    guint green = channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
    guint blue = channel(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
    return red << 16 | green << 8 | blue;
}

/* From a to b through a middle of the highest chroma. */
static Shade between(Shade from, Shade middle, Shade to, double value)
{
    Shade a = value < 0.5 ? from : middle, b = value < 0.5 ? middle : to;
    double share = value < 0.5 ? 2 * value : 2 * value - 1;
    return (Shade){a.lightness + share * (b.lightness - a.lightness),
                   a.chroma + share * (b.chroma - a.chroma), a.hue + share * (b.hue - a.hue)};
}

guint32 colormap(const CanvasTheme *theme, double value)
{
    const Shade light[] = {{0.975, 0.008, 235}, {0.66, 0.115, 242}, {0.345, 0.115, 262}};
    const Shade dark[] = {{0.255, 0.012, 250}, {0.565, 0.115, 245}, {0.875, 0.085, 215}};
    const Shade *shades = theme == &canvas_dark ? dark : light;
    return shade_rgb(between(shades[0], shades[1], shades[2], CLAMP(value, 0, 1)));
}

guint32 colormap_sign(double value)
{
    return shade_rgb(value < 0 ? (Shade){0.56, 0.16, 256} : (Shade){0.68, 0.18, 50});
}

static double linear(guint channel)
{
    double value = channel / 255.0;
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

guint32 colormap_ink(guint32 background)
{
    double luminance = 0.2126 * linear(background >> 16 & 255) + 0.7152 * linear(background >> 8 & 255) +
                       0.0722 * linear(background & 255);
    return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? 0x000000 : 0xFFFFFF;
}
