/* next: which images without a label, of a cache, to label next: those between two classes, and of these some that stand for
 * the others (filtered active submodular selection; Wei, Iyer and Bilmes 2015).
 *
 * Of the NEXT_POOL * K images whose two best scores are nearest, the K are chosen one by one by which the similarity
 * (novelty.h) of each to the most similar one chosen grows most, summed over all. Measured on photographs of ten classes of
 * food, 1,500 to choose from, accuracy on 500 others, against labels at random: with linear heads as train makes them, 3.2
 * points more (standard error 0.8, four starts from 60 labels, six rounds of 30). With ridge regression, ten starts: 2.9
 * points (0.6) over ten rounds of 20, the smallest margins alone 2.7 (0.5), k-centre among four times as many 0.7 (0.9),
 * among all -6.4; over ten rounds of 50: 1.8 (0.3), 1.2 (0.6), 0.1 (0.7), -5.5. What is far from all else is seldom worth a
 * label. On 2,997 pictures of 64 x 64 pixels, nine rounds of 50 from 5 a class, accuracy on 1,000 others: linear heads, five
 * starts, 1.8 (0.3), and more at each size; ridge regression, ten starts, 1.9 (0.4), the smallest margins alone 1.1 (0.3)
 * and -0.9 in the first round. A NEXT_POOL of 4 gives 0.8 (0.5), one of 20 2.5 (0.5), but on the photographs 1.6 where 10
 * gives 2.5; leaving out the fifth that is least like others gives 2.9 (0.7) and 1.0.
 *
 * On standard output, the most useful first, with the columns of --predict --format csv --top 2:
 *
 *   path,class_1,probability_1,class_2,probability_2 */
#pragma once
#include "common/cli/cli.h"
#include "evaluate/options.h"

/* error is set where STATUS_FAILED is returned. */
Status next_images(const Options *options, GError **error);
