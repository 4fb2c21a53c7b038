/* hdf5_layout: see hdf5_layout.h. */
#include "common/hdf5/hdf5_layout.h"

#include <string.h>

/* From 1.14 on, drivers have a header and a number; seen: 1.10.8, 1.10.10 and 1.14.5. */
#define NUMBERED H5_VERSION_GE(1, 14, 0)
#if NUMBERED
#include <H5FDdevelop.h>
#endif

enum { PAGE = 4096 };

struct Hdf5Layout {
    GHashTable *pages; /* number → PAGE bytes */
    haddr_t size;
};

/* libhdf5's data of an open file. */
typedef struct {
    H5FD_t base; /* must be first */
    Hdf5Layout *layout;
    haddr_t end; /* of the space that libhdf5 has allocated */
} OpenFile;

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t max)
{
    Hdf5Layout *const *layout = H5Pget_driver_info(access);
    OpenFile *file = g_new0(OpenFile, 1);
    file->layout = *layout;
    return &file->base;
}

static herr_t driver_close(H5FD_t *file)
{
    g_free(file);
    return 0;
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags)
{
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    return ((const OpenFile *)file)->end;
}

static herr_t driver_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t end)
{
    ((OpenFile *)file)->end = end;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    return ((const OpenFile *)file)->layout->size;
}

/* The part of [at, at + size) within one page. */
static gsize within_page(haddr_t at, gsize size)
{
    return MIN(size, PAGE - at % PAGE);
}

static guint8 *page_at(const Hdf5Layout *layout, haddr_t at)
{
    return g_hash_table_lookup(layout->pages, GSIZE_TO_POINTER(at / PAGE));
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size, void *bytes)
{
    const Hdf5Layout *layout = ((OpenFile *)file)->layout;
    guint8 *out = bytes;
    for (gsize n; size > 0; at += n, out += n, size -= n) {
        const guint8 *piece = hdf5_layout_piece(layout, (gint64)at, size, &n);
        memcpy(out, piece, n);
    }
    return 0;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size,
                           const void *bytes)
{
    Hdf5Layout *layout = ((OpenFile *)file)->layout;
    const guint8 *in = bytes;
    layout->size = MAX(layout->size, at + size);
    for (gsize n; size > 0; at += n, in += n, size -= n) {
        guint8 *page = page_at(layout, at);
        n = within_page(at, size);
        if (!page) {
            page = g_malloc0(PAGE);
            g_hash_table_insert(layout->pages, GSIZE_TO_POINTER(at / PAGE), page);
        }
        memcpy(page + at % PAGE, in, n);
    }
    return 0;
}

static herr_t driver_truncate(H5FD_t *file, hid_t transfer, hbool_t closing)
{
    OpenFile *open = (OpenFile *)file;
    open->layout->size = open->end;
    return 0;
}

static const H5FD_class_t driver = {
#if NUMBERED
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)(H5_VFD_RESERVED + 1),
#endif
    .name = "vggcache_layout",
    .maxaddr = G_MAXINT64,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(Hdf5Layout *),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t hdf5_layout_access(Hdf5Layout *layout)
{
    static hid_t registered = -1;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (registered < 0)
        registered = H5FDregister(&driver);
    if (registered >= 0 && access >= 0 && H5Pset_driver(access, registered, &layout) >= 0)
        return access;
    H5Pclose(access);
    return -1;
}

Hdf5Layout *hdf5_layout_new(void)
{
    Hdf5Layout *layout = g_new0(Hdf5Layout, 1);
    layout->pages = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    return layout;
}

void hdf5_layout_free(Hdf5Layout *layout)
{
    if (layout)
        g_hash_table_unref(layout->pages);
    g_free(layout);
}

gint64 hdf5_layout_size(const Hdf5Layout *layout)
{
    return (gint64)layout->size;
}

const guint8 *hdf5_layout_piece(const Hdf5Layout *layout, gint64 begin, gsize max, gsize *length)
{
    static const guint8 nothing[PAGE];
    const guint8 *page = page_at(layout, (haddr_t)begin);
    *length = within_page((haddr_t)begin, max);
    return (page ? page : nothing) + begin % PAGE;
}
