/* tar_scan: which images a tar archive has, and which class each belongs to.
 *
 * Two layouts; the second if there are members whose names end in .cls:
 *
 *   folders      CLASS/…/NAME.jpg, as dataset.h has it for a folder. Folders that hold all of the images, as the one that was
 *                archived, are left away, as long as each image still has one, its class.
 *   webdataset   KEY.jpg and KEY.cls, KEY being all up to the first dot of the last part of the name; the .cls has the
 *                class in it, as a name or as a number.
 *
 * Images are called CLASS/NAME in both, so that a cache made of an archive and one made of the folder are the same.
 * Images in no folder, names with a part that begins with a dot, and all other members are passed over. */
#pragma once
#include "common/dataset/dataset.h"

/* Adds the classes and the images of the archive dataset->root, an empty dataset. class_names: a file whose line i
 * (from 0) names the class that a .cls calls i; NULL: what the .cls says is the name. FALSE and error, one sentence,
 * where the archive is damaged or no more to be trusted (tar_reader.h), has a name twice, or an image's .cls is missing
 * or makes no sense. */
gboolean tar_scan(Dataset *dataset, const char *class_names, GError **error);
