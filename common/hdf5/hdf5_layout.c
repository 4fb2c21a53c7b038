/* hdf5_layout: see hdf5_layout.h. */
#include "common/hdf5/hdf5_layout.h"

#include <errno.h>
#include <string.h>

/* From 1.14 on, drivers have a header and a number; seen: 1.10.8, 1.10.10 and 1.14.5. */
#define NUMBERED H5_VERSION_GE(1, 14, 0)
#if NUMBERED
#include <H5FDdevelop.h>
#endif

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
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA |
             H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
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

static void note_failure(Hdf5Layout *layout)
{
    layout->code = layout->code ? layout->code : errno ? errno : EIO;
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size, void *bytes)
{
    Hdf5Layout *layout = ((OpenFile *)file)->layout;
    gboolean there = fseeko(layout->stream, (off_t)at, SEEK_SET) == 0;
    gsize got = there ? fread(bytes, 1, size, layout->stream) : 0;
    if (!there || ferror(layout->stream))
        note_failure(layout);
    memset((guint8 *)bytes + got, 0, size - got);
    return 0;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size,
                           const void *bytes)
{
    Hdf5Layout *layout = ((OpenFile *)file)->layout;
    layout->size = MAX(layout->size, at + size);
    if (!layout->code &&
        (fseeko(layout->stream, (off_t)at, SEEK_SET) != 0 || fwrite(bytes, 1, size, layout->stream) != size))
        note_failure(layout);
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
