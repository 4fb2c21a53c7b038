/* overlay: see overlay.h. */
#include "evaluate/explanation/overlay.h"

#include "common/plot/colormap.h"

#include <math.h>

#define OPACITY 0.75 /* of the strongest place */
enum { BLANK = 205 /* grey in the place of an image */ };

double overlay_scale(const Explanation *explanation)
{
    double scale = 0;
    for (guint m = 0; m < explanation->n_maps; m++)
        for (guint p = 0; p < explanation->maps[m].side * explanation->maps[m].side; p++)
            scale = MAX(scale, fabs(explanation->maps[m].map[p]));
    return scale > 0 ? scale : 1;
}

/* The place before a coordinate in places, 0.5 in the middle of the first, and how far it is on the way to the next. */
static guint place_before(double coordinate, guint side, double *share)
{
    double at = CLAMP(coordinate - 0.5, 0, side - 1);
    guint place = MIN((guint)at, side - 2);
    *share = at - place;
    return place;
}

static double value_at(const ExplanationMap *map, double x, double y)
{
    double right, down;
    guint side = map->side, column = place_before(x, side, &right), row = place_before(y, side, &down);
    const double *corner = map->map + row * side + column;
    double upper = corner[0] + right * (corner[1] - corner[0]);
    double lower = corner[side] + right * (corner[side + 1] - corner[side]);
    return upper + down * (lower - upper);
}

/* ITU-R BT.601's luma, as Pillow's convert("L"). */
static double grey(const guint8 *pixel)
{
    return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
}

void overlay_draw(const guint8 *rgb, int side, const ExplanationMap *map, double scale, guint8 *out)
{
    const guint32 colors[] = {colormap_sign(-1), colormap_sign(1)};
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            gsize at = 3 * ((gsize)y * (gsize)side + (gsize)x);
            double value = value_at(map, (x + 0.5) * map->side / side, (y + 0.5) * map->side / side);
            double opacity = OPACITY * MIN(fabs(value) / scale, 1), under = rgb ? grey(rgb + at) : BLANK;
            guint32 color = colors[value >= 0];
            for (int c = 0; c < 3; c++)
                out[at + c] =
                    (guint8)lround(under + opacity * ((double)(color >> (16 - 8 * c) & 255) - under));
        }
}
