/* decoder_box: image files are untrusted input, so they are decoded in processes that can do nothing else.
 *
 *     this process --bytes--> decoder --pixels--> this process
 *
 * A decoder may compute, take memory, and read and write the one socket it was given; seccomp refuses every other system
 * call (EPERM), so that an attacker who takes it over can open no file, make no connection and start no program. It
 * holds no other file descriptor, and no_new_privs is set. One that crashes, or does not come to an end, costs the
 * image it was given; the next gets another decoder. Decoders are started as they are needed, one for each thread that
 * decodes at a time, by a process that was forked for it before any thread began: this process never forks later. All
 * end with this process. */
#pragma once
#include "common/image/image.h"

/* What runs in the box: image_decode, or a test's own. */
typedef gboolean (*DecoderBoxTask)(const guint8 *bytes, gsize size, Preset preset, int side,
                                   gint64 max_pixels, guint8 *rgb, GError **error);

typedef struct DecoderBox DecoderBox;

/* Call while the process has one thread. limit: ms of processor time that an image may take; a decoder that takes next to
 * none is waited for as long. NULL and a sentence where no process can be started. */
DecoderBox *decoder_box_new(DecoderBoxTask task, guint limit, GError **error);
void decoder_box_free(DecoderBox *box);

/* As task(…) would, from any thread. Where the decoder crashes or is over the limit:
 * IMAGE_ERROR_UNREADABLE. Where it gets no memory, or none
 * can be started: IMAGE_ERROR_MACHINE. */
gboolean decoder_box_decode(DecoderBox *box, const guint8 *bytes, gsize size, Preset preset, int side,
                            gint64 max_pixels, guint8 *rgb, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DecoderBox, decoder_box_free)
