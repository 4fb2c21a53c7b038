"""Reads a cache in Python, by lmdb and numpy alone: the layout is drawn in common/cache/cache.h.

    features, labels, classes, paths = read_cache.read("photos.cache")

features (N, D) float32; labels (N,) int64, indices into classes; classes in byte order; paths as bytes below the image
folder, in byte order. Augmented copies, images without a label and those that a review excluded are left out.
verify=True also checks every record's checksum, by the module xxhash.
"""
import json
import re
import struct

import lmdb
import numpy as np

HEADER = struct.Struct("<QII32sIIII")  # checksum, class id, path bytes, content hash, encoding, nonzeros, group, marks


def unpack(data, encoding, nonzeros, count):
    """count features, in one of the four encodings, as float32."""
    kind = np.dtype("<f4" if encoding in (1, 2) else "<f2")
    if encoding in (1, 3):
        return np.frombuffer(data, kind, count).astype(np.float32)
    words = -(-count // 64)
    present = np.unpackbits(np.frombuffer(data, np.uint8, 8 * words), bitorder="little")[:count].astype(bool)
    features = np.zeros(count, np.float32)
    features[present] = np.frombuffer(data, kind, nonzeros, 8 * words)
    return features


def check(key, value):
    import xxhash
    seed = xxhash.xxh3_64_intdigest(key)
    if xxhash.xxh3_64_intdigest(value[8:], seed) != struct.unpack_from("<Q", value)[0]:
        raise ValueError("%r: its checksum is wrong" % key)


def read(folder, verify=False):
    with lmdb.open(folder, readonly=True, lock=False, max_dbs=8) as environment:
        meta, names, items = (environment.open_db(name, create=False) for name in (b"meta", b"classes", b"items"))
        with environment.begin() as transaction:
            about = json.loads(transaction.get(b"cache", db=meta)[8:-1])
            if about["format"] != 2:
                raise ValueError("%s: format %s, not 2" % (folder, about["format"]))
            count = int(np.prod(about["recipe"]["shape"]))
            name = {struct.unpack(">I", key)[0]: value[8:-1] for key, value in transaction.cursor(names)}
            rows = []
            for key, value in transaction.cursor(items):
                if verify:
                    check(key, value)
                _, kind, path_bytes, _, encoding, nonzeros, _, marks = HEADER.unpack_from(value)
                path = value[-path_bytes:]
                if name[kind] and marks & 6 != 6 and not re.search(rb"#\d+$", path):
                    features = unpack(memoryview(value)[HEADER.size:], encoding, nonzeros, count)
                    rows.append((features, name[kind], path))
    classes = sorted({row[1] for row in rows})
    labels = np.array([classes.index(row[1]) for row in rows], np.int64)
    return np.array([row[0] for row in rows]), labels, classes, [row[2] for row in rows]
