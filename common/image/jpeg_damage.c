/* jpeg_damage: see jpeg_damage.h. The only file that uses libjpeg. */
#include "common/image/jpeg_damage.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */

#include <jerror.h>
#include <jpeglib.h>

typedef struct {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr messages;
    jmp_buf end;
    char damage[JMSG_LENGTH_MAX], remark[JMSG_LENGTH_MAX];
} Check;

static G_NORETURN void damaged(j_common_ptr jpeg)
{
    Check *check = jpeg->client_data;
    check->messages.format_message(jpeg, check->damage);
    longjmp(check->end, 1);
}

/* Of libjpeg's warnings (jerror.h, JWRN_…) these leave the pixels whole; the others tell of data that are missing or
 * wrong, or come only from functions that are not called here. */
static gboolean is_harmless(const Check *check)
{
    const int *numbers = check->messages.msg_parm.i;
    switch (check->messages.msg_code) {
    case JWRN_JFIF_MAJOR:     /* a version other than 1 */
    case JWRN_ADOBE_XFORM:    /* an unknown colour transform: YCbCr or YCCK, as without it */
    case JWRN_NOT_SEQUENTIAL: /* the parameters of a scan that has none, as some cameras write them */
        return TRUE;
    case JWRN_EXTRANEOUS_DATA: /* padding before a segment; before a restart marker it was pixels */
        return numbers[1] < JPEG_RST0 || numbers[1] > JPEG_RST0 + 7;
    case JWRN_BOGUS_PROGRESSION: /* scans in an unusual order or sent twice; a refinement lacks what it refines */
        return check->jpeg.Ah == 0;
    default:
        return FALSE;
    }
}

static void heed(j_common_ptr jpeg, int level)
{
    Check *check = jpeg->client_data;
    if (level >= 0) /* no warning */
        return;
    if (!is_harmless(check))
        damaged(jpeg);
    if (!*check->remark)
        check->messages.format_message(jpeg, check->remark);
}

/* Rows at an eighth of the size: the entropy-coded data, which the warnings are about, are read in full. */
static void read_rows(struct jpeg_decompress_struct *jpeg)
{
    jpeg_read_header(jpeg, TRUE);
    jpeg->scale_num = 1;
    jpeg->scale_denom = 8;
    jpeg_start_decompress(jpeg);
    JSAMPARRAY row = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE,
                                             jpeg->output_width * (JDIMENSION)jpeg->output_components, 1);
    while (jpeg->output_scanline < jpeg->output_height)
        jpeg_read_scanlines(jpeg, row, 1);
}

/* A progressive image whose scans came in an unusual order may lack the first one altogether. */
static gboolean lacks_component(const struct jpeg_decompress_struct *jpeg)
{
    for (int c = 0; jpeg->coef_bits && c < jpeg->num_components; c++)
        if (jpeg->coef_bits[c][0] < 0)
            return TRUE;
    return FALSE;
}

char *jpeg_damage(const guint8 *bytes, gsize size, char **remark)
{
    g_autofree Check *check = g_new0(Check, 1);
    check->jpeg.err = jpeg_std_error(&check->messages);
    check->jpeg.client_data = check;
    check->messages.error_exit = damaged;
    check->messages.emit_message = heed;
    if (setjmp(check->end) == 0) {
        jpeg_create_decompress(&check->jpeg);
        jpeg_mem_src(&check->jpeg, bytes, size);
        read_rows(&check->jpeg);
        if (lacks_component(&check->jpeg))
            g_strlcpy(check->damage, "Scans are missing", sizeof check->damage);
    }
    jpeg_destroy_decompress(&check->jpeg);
    *remark = *check->remark ? g_strdup(check->remark) : NULL;
    return *check->damage ? g_strdup(check->damage) : NULL;
}
