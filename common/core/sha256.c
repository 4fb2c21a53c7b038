/* sha256: see sha256.h. */
#include "common/core/sha256.h"

#include <openssl/evp.h>
#include <string.h>

Sha256 *sha256_new(void)
{
    Sha256 *sha256 = EVP_MD_CTX_new();
    if (!sha256 || !EVP_DigestInit_ex(sha256, EVP_sha256(), NULL))
        g_error("OpenSSL has no SHA-256");
    return sha256;
}

void sha256_update(Sha256 *sha256, const void *bytes, gsize size)
{
    EVP_DigestUpdate(sha256, bytes, size);
}

void sha256_finish(Sha256 *sha256, guint8 digest[SHA256_SIZE])
{
    EVP_DigestFinal_ex(sha256, digest, NULL);
    EVP_MD_CTX_free(sha256);
}

guint sha256_hash(gconstpointer digest)
{
    guint first;
    memcpy(&first, digest, sizeof first);
    return first;
}

gboolean sha256_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, SHA256_SIZE) == 0;
}

void sha256(const void *bytes, gsize size, guint8 digest[SHA256_SIZE])
{
    Sha256 *sum = sha256_new();
    sha256_update(sum, bytes, size);
    sha256_finish(sum, digest);
}
