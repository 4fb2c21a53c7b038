/* sha256: by OpenSSL's libcrypto, which uses the processor's SHA instructions and is then 7 times as fast as GLib's
 * GChecksum; a run with nothing to compute spends most of its time hashing files. */
#pragma once
#include <glib.h>

enum { SHA256_SIZE = 32 }; /* bytes */

typedef struct evp_md_ctx_st Sha256; /* OpenSSL's */
Sha256 *sha256_new(void);
void sha256_update(Sha256 *sha256, const void *bytes, gsize size);
void sha256_finish(Sha256 *sha256, guint8 digest[SHA256_SIZE]); /* frees it */

/* Of tables whose keys are digests. */
guint sha256_hash(gconstpointer digest);
gboolean sha256_equal(gconstpointer a, gconstpointer b);

/* All at once. */
void sha256(const void *bytes, gsize size, guint8 digest[SHA256_SIZE]);
