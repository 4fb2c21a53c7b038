/* rng: reproducible random numbers in streams, so that a number depends on the seed and on its purpose (an image, an
 * epoch, a layer), never on the order of threads.
 *
 * Generator: xoshiro256++ (Blackman & Vigna, "Scrambled linear pseudorandom number generators", 2021), its state
 * filled by splitmix64 from the seed and the stream. */
#pragma once
#include <glib.h>

typedef struct {
    guint64 state[4];
    double spare; /* second half of the last Box-Muller pair */
    gboolean has_spare;
} Rng;

/* Streams of one seed are independent of one another. */
Rng rng_new(guint64 seed, guint64 stream);
double rng_uniform(Rng *rng);                          /* [0, 1), 53 bits */
guint32 rng_below(Rng *rng, guint32 n);                /* 0 … n-1 without bias; n >= 1 */
double rng_normal(Rng *rng);                           /* mean 0, variance 1 (Box & Muller 1958) */
void rng_shuffle(Rng *rng, guint32 *items, guint32 n); /* Fisher-Yates, in place */
