/* canvas: Cairo and Pango, kept in one room. A picture is drawn once by a callback and written as PNG, SVG or PDF, as
 * the file's ending says, to a temporary name that is renamed when whole.
 *
 * Units: points at 1x; PNGs are rendered at 2x. Colours are 0xRRGGBB. */
#pragma once
#include <glib.h>

typedef struct Canvas Canvas;
typedef enum { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT } Align;

Canvas *canvas_new(const char *path, double width, double height, GError **error); /* white; unknown ending: error */
gboolean canvas_finish(Canvas *canvas, GError **error); /* writes, and frees in any case */
gboolean canvas_path_ok(const char *path, GError **error); /* for checking an option before any work */

void canvas_rectangle(Canvas *canvas, double x, double y, double width, double height, guint32 fill);
void canvas_frame(Canvas *canvas, double x, double y, double width, double height, double line, guint32 color);
void canvas_line(Canvas *canvas, const double *xy, guint points, double line, guint32 color, gboolean dashed);
void canvas_disc(Canvas *canvas, double x, double y, double radius, guint32 color);
/* x, y: left, centre or right end of the text's vertical middle. degrees: turned about that point, counter-clockwise. */
void canvas_text(Canvas *canvas, double x, double y, double size, guint32 color, Align align, gboolean bold,
                 double degrees, const char *text);
double canvas_text_width(Canvas *canvas, double size, gboolean bold, const char *text);
/* rgb (height, width, 3), scaled to the rectangle. */
void canvas_image(Canvas *canvas, double x, double y, double width, double height, const guint8 *rgb, int image_width,
                  int image_height);
