/* canvas: the only module that uses Cairo, Pango and Fontconfig. A figure is drawn in memory and written as PNG, SVG or
 * PDF by the ending of the file's name, under a temporary name that is renamed when complete.
 *
 * Units: points at 1x; PNGs are rendered at 2x. y grows downwards. Colours are 0xRRGGBB. Text is set in DejaVu Sans.
 * Drawing calls do not fail: errors, including text without a font, are found when the figure is written. */
#pragma once
#include <glib.h>

typedef struct Canvas Canvas;
typedef enum { CANVAS_PNG, CANVAS_SVG, CANVAS_PDF } CanvasFormat; /* of FIGURE_ENDINGS, in their order */
typedef enum { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT } Align;

typedef struct {
    double size;
    guint32 color;
    gboolean bold;
} CanvasFont;

enum { CANVAS_SERIES = 6, CANVAS_MAX_SIDE = 16000 /* of a figure, in points */ };

/* Colours by role. The series are Okabe & Ito's (2008), distinct for colour-blind readers; the dark theme has lighter
 * shades of them. */
typedef struct {
    guint32 paper, ink, soft, faint; /* background; text; secondary text; grid and frames */
    guint32 series[CANVAS_SERIES];   /* lines and bars, in order of use */
} CanvasTheme;
extern const CanvasTheme canvas_light, canvas_dark;

/* A figure that draws itself, into a file or to embed in another document. */
typedef struct CanvasFigure CanvasFigure;
struct CanvasFigure {
    double width, height;
    void (*draw)(Canvas *canvas, const CanvasFigure *figure);
    gconstpointer of;    /* borrowed: what is drawn, */
    guint n;             /* and, where it is an array, how many */
    const char *refusal; /* why it cannot be drawn; NULL: it can */
};
/* In canvas_light. Refused where the name has no such ending, or a side is outside 1 … CANVAS_MAX_SIDE. */
gboolean canvas_write(CanvasFigure figure, const char *path, GError **error);
/* NULL and error without a name. */
GBytes *canvas_render(CanvasFigure figure, CanvasFormat format, const CanvasTheme *theme, GError **error);

const CanvasTheme *canvas_theme(const Canvas *canvas);

/* opacity 0 … 1 */
void canvas_rectangle(Canvas *canvas, double x, double y, double width, double height, guint32 fill,
                      double opacity);
void canvas_frame(Canvas *canvas, double x, double y, double width, double height, double line,
                  guint32 color);
void canvas_line(Canvas *canvas, const double *xy, guint points, double line, guint32 color, gboolean dashed);
void canvas_polygon(Canvas *canvas, const double *xy, guint points, guint32 fill, double opacity);
void canvas_disc(Canvas *canvas, double x, double y, double radius, guint32 color);
/* x, y: left end, centre or right end of the text, at half its height. degrees: rotation about that point,
 * counter-clockwise. */
void canvas_text(Canvas *canvas, double x, double y, CanvasFont font, Align align, double degrees,
                 const char *text);
/* In points. canvas may be NULL, to measure before the figure's size is known. */
double canvas_text_width(Canvas *canvas, double size, gboolean bold, const char *text);
/* rgb (side, side, 3), scaled to a square of this size. */
void canvas_image(Canvas *canvas, double x, double y, double size, const guint8 *rgb, int side);

/* Drawing between these two calls is clipped to the rectangle. They do not nest. */
void canvas_clip(Canvas *canvas, double x, double y, double width, double height);
void canvas_unclip(Canvas *canvas);
