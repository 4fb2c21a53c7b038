/* decoder_box: decodes image files, which are untrusted input, in sandboxed processes.
 *
 *     this process --bytes--> decoder --pixels--> this process
 *
 * A decoder may compute, allocate memory, and read and write the one socket it was given; seccomp refuses every other
 * system call (EPERM), so that an attacker who takes it over can open no file, make no connection and start no program. It
 * has no other file descriptor, and no_new_privs is set. If it crashes or never ends, only its image is lost; the next one
 * gets a new decoder. Decoders are started when needed, one per thread that is decoding, by a process that was forked for
 * this purpose before any thread started, so that this process never forks later. All end with this process. */
#pragma once
#include "common/image/image.h"

/* The function that runs in the box: image_decode, or a test's. */
typedef gboolean (*DecoderBoxTask)(const guint8 *bytes, gsize size, const Decoding *how, gint64 max_pixels,
                                   guint8 *rgb, ImageFacts *facts, GError **error);

typedef struct DecoderBox DecoderBox;

/* Call while the process has one thread. limit: ms of processor time per image, and of waiting for a decoder that uses
 * hardly any. NULL and error if no process can be started. */
DecoderBox *decoder_box_new(DecoderBoxTask task, guint limit, GError **error);
void decoder_box_free(DecoderBox *box);

/* Runs the task in a decoder; from any thread. IMAGE_ERROR_UNREADABLE if the decoder crashes or exceeds the limit,
 * IMAGE_ERROR_MACHINE if it gets no memory or none can be started, IMAGE_ERROR_INTERRUPTED if a signal ended it. */
gboolean decoder_box_decode(DecoderBox *box, GBytes *content, const Decoding *how, gint64 max_pixels,
                            guint8 *rgb, ImageFacts *facts, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DecoderBox, decoder_box_free)
