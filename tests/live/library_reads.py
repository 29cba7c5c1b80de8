"""Run by test_public_library with the public library: reads a box of every layer of datasets.

    library_reads.py FOLDER DATASET...

Prints JSON: by dataset and layer the file of the array, its mag, and the box in that mag's voxels.
"""

import json
import os
import sys
import tempfile

import numpy as np
import webknossos
from webknossos.client import context

folder, *names = sys.argv[1:]
if version := os.environ.get("API"):
    # The library takes the newest version that both sides know: let it know only this one.
    context.LIBRARY_SUPPORTED_API_VERSIONS = {int(version)}

read = {}
for name in names:
    dataset = webknossos.RemoteDataset.open(name)
    read[name] = {}
    for layer in dataset.layers.values():
        mag = layer.get_finest_mag()
        box = layer.bounding_box
        # Unaligned on purpose: it begins and ends inside of chunks.
        offset = tuple(int(start) + 3 for start in box.topleft)
        size = tuple(min(70, int(extent) - 3) for extent in box.size)
        data = mag.read(absolute_offset=offset, size=size)
        file = tempfile.mkstemp(suffix=".npy", dir=folder)[1]
        np.save(file, data)
        read[name][layer.name] = {
            "file": file,
            "mag": str(mag.mag),
            "offset": offset,
            "size": size,
        }
print(json.dumps(read))
