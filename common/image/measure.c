/* measure: see measure.h. */
#include "common/image/measure.h"

/* (width); returns their sum. */
static double luma(const guint8 *rgb, int width, double *row)
{
    double sum = 0;
    for (int x = 0; x < width; x++, rgb += 3)
        sum += row[x] = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    return sum;
}

void measure(const guint8 *rgb, int width, int height, double *brightness, double *sharpness)
{
    gsize w = (gsize)width;
    g_autofree double *rows = g_new(double, 3 * w); /* the latest three */
    double light = 0, sum = 0, squares = 0, n = ((double)width - 2) * ((double)height - 2);
    for (int y = 0; y < height; y++) {
        light += luma(rgb + (gsize)y * w * 3, width, rows + (gsize)(y % 3) * w);
        if (y < 2)
            continue;
        const double *above = rows + (gsize)((y + 1) % 3) * w, *row = rows + (gsize)((y + 2) % 3) * w,
                     *below = rows + (gsize)(y % 3) * w;
        for (int x = 1; x + 1 < width; x++) {
            double laplacian = above[x] + below[x] + row[x - 1] + row[x + 1] - 4 * row[x];
            sum += laplacian;
            squares += laplacian * laplacian;
        }
    }
    *brightness = light / ((double)width * height);
    *sharpness = width > 2 && height > 2 ? squares / n - sum / n * (sum / n) : 0;
}
