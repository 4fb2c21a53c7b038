/* canvas: the only module that uses Cairo, Pango and Fontconfig. A picture is drawn by calls and written as PNG, SVG
 * or PDF, as the file's ending says, to a temporary name that is renamed when whole. It is held in memory
 * until then.
 *
 * Units: points at 1x; PNGs are rendered at 2x. y grows downwards. Colours are 0xRRGGBB. Text is set in
 * DejaVu Sans. Drawing calls do not fail: canvas_finish reports what went wrong, text without a font included. */
#pragma once
#include <glib.h>

typedef struct Canvas Canvas;
typedef enum { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT } Align;

enum { CANVAS_SERIES = 6, CANVAS_MAX_SIDE = 16000 }; /* the longest side of a picture, in points */

/* Colours by role. The series are Okabe & Ito's (2008), distinct for colour-blind readers; the dark theme
 * has their lighter shades. */
typedef struct {
    guint32 paper, ink, soft, faint; /* background; text; secondary text; grid and frames */
    guint32 series[CANVAS_SERIES];   /* lines and bars, in order of use */
} CanvasTheme;
extern const CanvasTheme canvas_light, canvas_dark;

/* White paper (canvas_light). NULL and error for an unknown ending or a side out of 1 … CANVAS_MAX_SIDE. */
Canvas *canvas_new(const char *path, double width, double height, GError **error);
gboolean canvas_finish(Canvas *canvas, GError **error);    /* writes, and frees in any case */
gboolean canvas_path_ok(const char *path, GError **error); /* to check an option before any work */

/* A picture for another document. ending: "png", "svg" or "pdf". */
Canvas *canvas_new_memory(const char *ending, double width, double height, const CanvasTheme *theme,
                          GError **error);
GBytes *canvas_finish_memory(Canvas *canvas, GError **error); /* frees canvas in any case; NULL and error */
void canvas_free(Canvas *canvas);                             /* without writing */

const CanvasTheme *canvas_theme(const Canvas *canvas);

void canvas_rectangle(Canvas *canvas, double x, double y, double width, double height, guint32 fill);
void canvas_frame(Canvas *canvas, double x, double y, double width, double height, double line,
                  guint32 color);
void canvas_line(Canvas *canvas, const double *xy, guint points, double line, guint32 color, gboolean dashed);
void canvas_polygon(Canvas *canvas, const double *xy, guint points, guint32 fill,
                    double opacity); /* opacity 0 … 1 */
void canvas_disc(Canvas *canvas, double x, double y, double radius, guint32 color);
/* x, y: left, centre or right end of the text's vertical middle. degrees: turned about that point,
 * counter-clockwise. */
void canvas_text(Canvas *canvas, double x, double y, double size, guint32 color, Align align, gboolean bold,
                 double degrees, const char *text);
/* canvas NULL: to measure before the picture's size is known. */
double canvas_text_width(Canvas *canvas, double size, gboolean bold, const char *text);
/* rgb (height, width, 3), scaled to the rectangle. */
void canvas_image(Canvas *canvas, double x, double y, double width, double height, const guint8 *rgb,
                  int image_width, int image_height);

/* Drawing between the two is clipped to the rectangle. Does not nest. */
void canvas_clip(Canvas *canvas, double x, double y, double width, double height);
void canvas_unclip(Canvas *canvas);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Canvas, canvas_free)
