/* tar_scan: lists the images of a tar archive, with their classes.
 *
 * Two layouts; the second if there are members whose names end in .cls:
 *
 *   folders      CLASS/…/NAME.jpg, as in dataset.h. Outer folders that contain all images, such as the one that was
 *                archived, are removed from the names, as long as each image still has a folder, its class.
 *   webdataset   KEY.jpg and KEY.cls, KEY being the name up to the first dot of its last part; the .cls contains the
 *                class, as a name or a number.
 *
 * Images are named CLASS/NAME in both, so that a cache made from an archive and one made from the folder are the same.
 * Images outside of folders, names with a part that begins with a dot, and all other members are ignored,
 * and counted (dataset_passed). */
#pragma once
#include "common/dataset/dataset.h"
#include "common/dataset/labels.h"

/* Adds the classes and images of the archive dataset->root to the empty dataset. class_names: a file whose line i
 * (from 0) is the name of class i; NULL: the .cls contains the name. FALSE and error if the archive is damaged
 * (tar_reader.h), has a duplicate name, or an image's .cls is missing or invalid.
 *
 * With a table, whatever their folders, all images with label 0. Outer folders that contain all images are removed from the
 * names as far as the names agree best with the table's paths. */
gboolean tar_scan(Dataset *dataset, const char *class_names, const Labels *table, GError **error);
