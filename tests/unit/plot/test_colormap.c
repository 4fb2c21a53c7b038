/* Colour maps: distinguishable shades, and readable numbers on them. */
#include "common/plot/colormap.h"

#include <math.h>

/* WCAG 2.1's relative luminance, from its definition. */
static double luminance(guint32 color)
{
    const double weights[] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int c = 0; c < 3; c++) {
        double value = (color >> (16 - 8 * c) & 255) / 255.0;
        sum += weights[c] * (value <= 0.03928 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static void test_colormap(void)
{
    const CanvasTheme *const themes[] = {&canvas_light, &canvas_dark};
    for (int t = 0; t < 2; t++) {
        double direction = t == 0 ? -1 : 1, before = luminance(colormap(themes[t], 0));
        for (int i = 1; i <= 64; i++) {
            guint32 color = colormap(themes[t], i / 64.0);
            double now = luminance(color), ink = luminance(colormap_ink(color));
            g_assert_cmpfloat(direction * (now - before), >, 0); /* luminance keeps the order of the values */
            g_assert_cmpfloat((MAX(now, ink) + 0.05) / (MIN(now, ink) + 0.05), >=,
                              4.5); /* WCAG AA for text */
            before = now;
        }
        g_assert_cmphex(colormap(themes[t], -1), ==, colormap(themes[t], 0));
        g_assert_cmphex(colormap(themes[t], 2), ==, colormap(themes[t], 1));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/colormap/shades keep their order in grey and numbers on them are readable",
                    test_colormap);
    return g_test_run();
}
