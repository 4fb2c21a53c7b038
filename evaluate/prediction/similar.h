/* similar: the images of a cache that are most similar to new images, by the cosine of their features: each image of
 * the cache is compared. On standard output, and where asked for as CSV and as a contact sheet.
 *
 *   photo.jpg                          (or "photo.jpg, in the cache as ants/1.jpg")
 *     0.8731  bees  bees/12.jpg
 *     0.8520  ants  ants/7.jpg
 *
 *   image,rank,path,class,similarity
 *   photo.jpg,1,bees/12.jpg,bees,0.873104
 *
 * Images of the cache with the content (SHA-256) of the new one are not its neighbours. Ties go to the image that comes
 * first in the cache. */
#pragma once
#include "common/cli/cli.h"
#include "evaluate/options.h"

/* error is set where STATUS_FAILED is returned. */
Status similar_images(const Options *options, GError **error);
