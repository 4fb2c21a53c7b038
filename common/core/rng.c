/* rng: see rng.h. */
#include "common/core/rng.h"

#include <math.h>

static guint64 splitmix64(guint64 *x)
{
    guint64 z = (*x += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

Rng rng_new(guint64 seed, guint64 stream)
{
    Rng rng = {0};
    guint64 x = seed;
    x = splitmix64(&x) ^ stream;
    for (int i = 0; i < 4; i++)
        rng.state[i] = splitmix64(&x);
    return rng;
}

static guint64 rotate(guint64 x, int k)
{
    return (x << k) | (x >> (64 - k));
}

/* 64 uniform bits. */
static guint64 next(Rng *rng)
{
    guint64 *s = rng->state, result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double rng_uniform(Rng *rng)
{
    return (double)(next(rng) >> 11) * 0x1.0p-53;
}

guint32 rng_below(Rng *rng, guint32 n)
{
    /* The top 32 bits, drawn again below 2^32 mod n, so that every remainder is equally frequent. */
    guint32 limit = (guint32)(-n) % n, x;
    do
        x = (guint32)(next(rng) >> 32);
    while (x < limit);
    return x % n;
}

double rng_normal(Rng *rng)
{
    if (rng->has_spare) {
        rng->has_spare = FALSE;
        return rng->spare;
    }
    double radius = sqrt(-2.0 * log(1.0 - rng_uniform(rng))), angle = 2.0 * G_PI * rng_uniform(rng);
    rng->spare = radius * sin(angle);
    rng->has_spare = TRUE;
    return radius * cos(angle);
}

void rng_shuffle(Rng *rng, guint32 *items, guint32 n)
{
    for (guint32 i = n; i > 1; i--) {
        guint32 j = rng_below(rng, i), held = items[i - 1];
        items[i - 1] = items[j];
        items[j] = held;
    }
}
