/* decode: image_decode's pixels of files, for the Python tests.
 *   decode PRESET[,FIT][,metadata] SIDE MAX_PIXELS FILE…    raw RGB of each file to stdout; for files that fail, only a line
 * "FILE: REASON" on stderr */
#include "common/image/image.h"

#include <stdio.h>
#include <stdlib.h>

/* "PRESET[,FIT][,metadata]" */
static gboolean parse(const char *text, Decoding *how)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    gboolean good = words[0] && preset_parse(words[0], &how->preset);
    for (char **word = words + 1; good && *word; word++)
        good = fit_parse(*word, &how->fit) || (how->metadata = g_str_equal(*word, "metadata"));
    return good;
}

int main(int argc, char **argv)
{
    Decoding how = {0};
    if (argc < 5 || !parse(argv[1], &how))
        return 2;
    int side = how.side = atoi(argv[2]), failures = 0;
    ImageFacts facts;
    gint64 max_pixels = g_ascii_strtoll(argv[3], NULL, 10);
    g_autofree guint8 *rgb = g_malloc((gsize)side * (gsize)side * 3);
    image_startup(argv[0]);
    image_load_module();
    for (int i = 4; i < argc; i++) {
        g_autofree char *bytes = NULL;
        g_autoptr(GError) error = NULL;
        gsize size;
        if (g_file_get_contents(argv[i], &bytes, &size, &error) &&
            image_decode((guint8 *)bytes, size, &how, max_pixels, rgb, &facts, &error))
            fwrite(rgb, 3, (gsize)side * (gsize)side, stdout);
        else {
            fprintf(stderr, "%s: %s\n", argv[i], error->message);
            failures++;
        }
    }
    return failures ? 1 : 0;
}
