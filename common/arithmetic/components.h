/* components: principal components of N rows of D features from their Gram matrix, which is (N, N).
 *
 * With the rows' mean subtracted, X = U S Vᵀ, G = X Xᵀ = U S² Uᵀ, and U S are the rows' coordinates along the
 * components, the columns of V. The arbitrary sign of a component is chosen so that the coordinate of largest
 * absolute value is positive. */
#pragma once
#include "common/arithmetic/gram.h"

/* scores (N, count): coordinates along the first `count` components; 0 beyond the rank. shares (count): the fraction of
 * the variance that each explains. FALSE and error if memory is short or the user interrupted. */
gboolean principal_components(const Rows *rows, guint count, ThreadPool *thread_pool, double *scores,
                              double *shares, GError **error);
