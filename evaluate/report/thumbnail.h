/* thumbnail: small pictures of images within a page. */
#pragma once
#include "common/image/image.h"

/* A JPEG of the image PATH below the folder; NULL if it cannot be read. Safe from several threads. */
GBytes *thumbnail_new(const char *folder, const char *path, Fit fit);
