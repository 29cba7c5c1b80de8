"""Run by test_library_conversion with the public library: opens two datasets, compares all voxels.

    library_compares.py DATASET OTHER

Prints JSON: by layer, its category, largest segment id and the mags; fails where voxels differ.
"""

import json
import sys

import numpy as np
import webknossos

ours, theirs = (webknossos.Dataset.open(path) for path in sys.argv[1:3])
assert ours.voxel_size == theirs.voxel_size, (ours.voxel_size, theirs.voxel_size)
assert sorted(ours.layers) == sorted(theirs.layers), (ours.layers, theirs.layers)
told = {}
for name, layer in ours.layers.items():
    other = theirs.get_layer(name)
    for mine, its in ((layer.bounding_box, other.bounding_box), (layer.dtype, other.dtype)):
        assert mine == its, (name, mine, its)
    assert sorted(layer.mags) == sorted(other.mags), (name, layer.mags, other.mags)
    for mag, view in layer.mags.items():
        voxels, expected = view.read(), other.get_mag(mag).read()
        assert expected.any()
        assert voxels.shape == expected.shape, (name, mag, voxels.shape, expected.shape)
        differing = np.count_nonzero(voxels != expected)
        assert not differing, f"{differing} of {voxels.size} voxels differ in {name}, mag {mag}"
    told[name] = {
        "category": layer.category,
        "largestSegmentId": getattr(layer, "largest_segment_id", None),
        "mags": [str(mag) for mag in sorted(layer.mags)],
    }
print(json.dumps(told))
