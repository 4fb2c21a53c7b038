/* jpeg_damage: whether what libjpeg warns of has cost a JPEG any pixels. libvips reports the first warning only, and
 * not which one it is. */
#pragma once
#include <glib.h>

/* Decodes the whole file. NULL if all pixels are there; else the first thing that is wrong, in libjpeg's words. remark:
 * the first warning that cost none, or NULL. Caller frees both. */
char *jpeg_damage(const guint8 *bytes, gsize size, char **remark);
