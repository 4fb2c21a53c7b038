/* averages: what all places of an image have in common counts for more than what differs between them.
 *
 * With M x each channel's average over the P places, put at every place, a row x becomes x' = x + (W - 1) M x, and what
 * it has in common counts W times. As M = Mᵀ, a layer with kernel K on x' is one with K + (W - 1) M K on x, where M takes
 * the average over the places of a kernel as of a row: the same function does both. training_set.h has it for inner
 * products. */
#pragma once
#include <glib.h>

/* x (places, each): a row, each = C, or the kernel of a dense layer, each = C times its units. As it is if there is but
 * one place. */
void averages_count(float *x, gsize places, gsize each, double w);
