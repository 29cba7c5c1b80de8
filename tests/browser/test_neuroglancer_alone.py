"""A copied link opens in a Neuroglancer that knows nothing of this site: what its own reader reads
are the voxels on disk.
"""

from itertools import product

import pytest

from datasets.services.links import sharing_token
from datasets.streaming.tokens import streaming_url
from sharing.access import actor_for
from tests.browser import data

# Both sides of the border between two chunks, and both ends; x, y, z.
PLACES = list(product((0, 31, 32, 63), repeat=3))

# Of OME-Zarr, whole numbers are the middles of voxels.
GO = "place => { viewer.navigationState.position.value = Float32Array.from(place); }"
# What Neuroglancer shows beside the cursor, once the chunk has come; before, null.
READ = """() => {
  const [{ layer }] = viewer.layerManager.managedLayers;
  const { value } = viewer.navigationState.position;
  const voxel = layer?.getValueAt(value, { pickedRenderLayer: null });
  return voxel === null || voxel === undefined ? null : [String(voxel)];
}"""


@pytest.mark.parametrize(
    ("element_class", "category", "data_format"),
    [
        ("uint8", "color", "zarr3"),
        ("uint16", "color", "wkw"),
        ("uint32", "segmentation", "wkw"),
        ("uint64", "segmentation", "zarr3"),
    ],
)
def test_its_reader_reads_the_voxels_on_disk(
    element_class, category, data_format, place, admin, new_page, live_server
):
    how = {"element_class": element_class, "category": category, "data_format": data_format}
    dataset = place(data.write_noise, **how)
    link = streaming_url(
        dataset.pk, "noise", sharing_token(actor=actor_for(admin), dataset=dataset)
    )
    page = new_page()  # nobody who has signed in
    page.goto("/viewer/v/frame/")
    page.wait_for_function("() => window.viewer !== undefined")
    source = f"{live_server.url}/data/{link.partition('/data/')[2]}|zarr3:"
    kind = "image" if category == "color" else "segmentation"
    layer = {"name": "noise", "type": kind, "source": source}
    axes = {axis: [1e-8, "m"] for axis in "xyz"}
    state = {"dimensions": axes, "layers": [layer], "layout": "xy", "crossSectionScale": 0.1}
    page.evaluate("(state) => viewer.state.restoreState(state)", state)
    page.wait_for_function("() => viewer.navigationState.position.valid")
    voxels = data.noise(element_class)
    for at in PLACES:
        page.evaluate(GO, at)
        assert page.wait_for_function(READ).json_value() == [str(voxels[at])], at
