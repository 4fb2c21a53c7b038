#!/usr/bin/env python3
"""Writes hdf5.h5: strings and arrays in all the ways in which h5py and Keras store them, and some to be refused.

    apt-get install python3-h5py; /usr/bin/python3 tests/golden/make_hdf5.py
"""
import os
import h5py
import numpy as np

names = ["input_1", "block1_conv1", "größe"]
values = np.arange(6, dtype="<f4").reshape(2, 3) / 4

with h5py.File(os.path.join(os.path.dirname(os.path.abspath(__file__)), "hdf5.h5"), "w", track_order=False) as f:
    # Lists of names: numpy bytes (Keras 2), str (Keras 3), split over several attributes, and nothing, in three ways.
    f.attrs["fixed"] = np.array([n.encode() for n in names])
    f.attrs["variable"] = names
    f.attrs["split0"] = np.array([b"input_1"])
    f.attrs["split1"] = np.array([b"block1_conv1", "größe".encode()])
    f.attrs["empty_list"] = []
    f.attrs["empty_bytes"] = np.zeros((0,), dtype="S1")
    f.attrs["empty"] = h5py.Empty("S1")

    # Texts.
    f.attrs["text"] = "größe"
    f.attrs["bytes"] = b"tensorflow"
    f.attrs["numpy_bytes"] = np.bytes_("2.15.0")

    # Refused: not strings, not a list, not UTF-8.
    f.attrs["number"] = 3
    f.attrs["matrix"] = np.array([[b"a", b"b"], [b"c", b"d"]])
    f.attrs["latin1"] = np.bytes_("größe".encode("latin-1"))

    # Arrays.
    f["group/plain"] = values
    f["big_endian"] = values.astype(">f4")
    f.create_dataset("gzip", data=values, chunks=(1, 3), compression="gzip")
    f["float64"] = values.astype("f8")
    f["float16"] = values.astype("f2")
    f["int32"] = values.astype("i4")
    f["scalar"] = np.float32(1)

    # Links that lead out of the file.
    f["soft"] = h5py.SoftLink("/group/plain")
    f["elsewhere"] = h5py.ExternalLink("hdf5.h5", "/group/plain")
    f.create_dataset("external", (2, 3), "<f4", external=[("/etc/hostname", 0, 24)])
    layout = h5py.VirtualLayout((2, 3), "<f4")
    layout[:] = h5py.VirtualSource(".", "group/plain", (2, 3))
    f.create_virtual_dataset("virtual", layout)
