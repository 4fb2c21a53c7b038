/* seal: see seal.h. */
#include "common/hdf5/seal.h"

#include "common/core/error.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

#define SEAL_WORD   "vggcache-xxh3-64 "
#define SEAL_FORMAT SEAL_WORD "%016" G_GINT64_MODIFIER "x\n"

enum { SEAL_SIZE = sizeof SEAL_WORD - 1 + 16 + 1, BLOCK = 1 << 20 };

/* XXH3-64 of the next `size` bytes. FALSE if there are fewer. */
static gboolean checksum(FILE *stream, gint64 size, guint64 *sum)
{
    XXH3_state_t *state = XXH3_createState();
    g_autofree guint8 *block = g_malloc(BLOCK);
    gsize got = 1;
    XXH3_64bits_reset(state);
    while (size > 0 && got > 0) {
        got = fread(block, 1, (gsize)MIN(size, BLOCK), stream);
        XXH3_64bits_update(state, block, got);
        size -= (gint64)got;
    }
    *sum = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return size == 0;
}

static gint64 file_size(FILE *stream)
{
    return fseeko(stream, 0, SEEK_END) == 0 ? ftello(stream) : -1;
}

gboolean seal_write(FILE *stream)
{
    guint64 sum;
    gint64 size = file_size(stream);
    rewind(stream);
    return size >= 0 && checksum(stream, size, &sum) && fseeko(stream, size, SEEK_SET) == 0 &&
           fprintf(stream, SEAL_FORMAT, sum) == SEAL_SIZE && fflush(stream) == 0;
}

gboolean seal_check(FILE *stream, const char *path, GError **error)
{
    char found[SEAL_SIZE + 1] = "", expected[SEAL_SIZE + 1];
    guint64 sum;
    gint64 content = file_size(stream) - SEAL_SIZE;
    if (content < 0 || fseeko(stream, content, SEEK_SET) != 0 ||
        fread(found, 1, SEAL_SIZE, stream) != SEAL_SIZE || !g_str_has_prefix(found, SEAL_WORD))
        return error_set(error,
                         "%s: does not end with vggcache's checksum: it was not written by vggcache, is "
                         "truncated, or was changed by another program",
                         path);
    rewind(stream);
    if (!checksum(stream, content, &sum))
        return error_set(error, "%s: cannot be read: %s", path, g_strerror(errno));
    g_snprintf(expected, sizeof expected, SEAL_FORMAT, sum);
    return memcmp(found, expected, SEAL_SIZE) == 0 ||
           error_set(error, "%s: its content does not match its checksum: the file is damaged", path);
}
