"""Run by test_library_datasets with the public library: does everything to a dataset that the
library can do to its settings, and says after each step what the server then tells.

    library_datasets.py DATASET_ID TEAM_ID

Prints JSON: a list of [step, what was seen]. WK_URL, WK_TOKEN and API (the version) come from the
environment.
"""

import json
import os
import sys
import warnings

import webknossos
from webknossos import BoundingBox, LayerViewConfiguration, RemoteDataset, RemoteFolder
from webknossos.client import context
from webknossos.client.api_client.errors import UnexpectedStatusError
from webknossos.dataset_properties import (
    AffineCoordinateTransformation,
    DatasetViewConfiguration,
)

warnings.simplefilter("ignore")
dataset_id, team_id = sys.argv[1:]
# The library takes the newest version that both sides know: let it know only this one.
context.LIBRARY_SUPPORTED_API_VERSIONS = {int(os.environ["API"])}

seen = []


def note(step, value):
    seen.append([step, value])


def again():
    """The dataset as the server tells it now."""
    return RemoteDataset.open(dataset_id=dataset_id)


dataset = again()
note("url", dataset.url)
dataset.name = "Mouse: brain, sample A"
note("name", again().name)
dataset.description = "acquired on *June 1st*"
note("description", again().description)
del dataset.description
note("description deleted", again().description)
dataset.tags = ["verified", "published"]
note("tags", sorted(again().tags))
dataset.metadata = {"species": "mouse", "age": 42, "ratio": 7, "checks": ["a", "b"]}
note("metadata", dict(again().metadata.items()))
dataset.metadata["species"] = "rat"
del dataset.metadata["ratio"]
note("metadata edited singly", dict(again().metadata.items()))
note("tags after that", sorted(again().tags))
dataset.is_public = True
note("public", again().is_public)
dataset.is_public = False
note("not public", again().is_public)
dataset.allowed_teams = [team_id]
note("teams", [team.id for team in again().allowed_teams])
dataset.allowed_teams = []
note("no team", [team.id for team in again().allowed_teams])

folder = RemoteFolder.get_root().add_subfolder(f"folder of {dataset_id}")
dataset.folder = folder
note("moved to a folder", again().folder.id == folder.id)

token = dataset.sharing_token
with webknossos.webknossos_context(url=os.environ["WK_URL"], token=None):
    shared = RemoteDataset.open(dataset_id=dataset_id, sharing_token=token)
    note("opened by link", sorted(shared.layers))
note("token kept", again().sharing_token == token)

note("found by name", RemoteDataset.open("Mouse: brain, sample A").dataset_id == dataset_id)
note("found by id", RemoteDataset.open(dataset_id).dataset_id == dataset_id)
note("found by url", RemoteDataset.open(dataset.url).dataset_id == dataset_id)
note("listed by name", list(RemoteDataset.list(name="Mouse: brain, sample A")) == [dataset_id])
note("listed by tag", list(RemoteDataset.list(tags="verified")) == [dataset_id])
note("not listed", list(RemoteDataset.list(tags="verified", name="another")))
note("listed in its folder", dataset_id in RemoteDataset.list(folder=dataset.folder))

layer = dataset.get_layer("color")
layer.name = "em"
note("layer renamed", sorted(again().layers))
note("read under its new name", int(again().get_layer("em").get_finest_mag().read().max()) > 0)
layer.bounding_box = BoundingBox((0, 0, 0), (16, 16, 16))
note("box", str(again().get_layer("em").bounding_box))
layer.default_view_configuration = LayerViewConfiguration(color=(255, 0, 0), alpha=50.0)
note("layer's view", list(again().get_layer("em").default_view_configuration.color))
note("resolved view", list(again().get_layer("em").view_configuration.color))
shift = [[1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
layer.coordinate_transformations = [AffineCoordinateTransformation(matrix=shift)]
note("transformation", len(again().get_layer("em").coordinate_transformations))
dataset.default_view_configuration = DatasetViewConfiguration(zoom=2.0, position=(1, 2, 3))
note("dataset's view", list(again().default_view_configuration.position))

segments = dataset.get_segmentation_layer("segmentation")
segments.largest_segment_id = 1234
note("largest id", again().get_segmentation_layer("segmentation").largest_segment_id)
segments.largest_segment_id = None
note("no largest id", again().get_segmentation_layer("segmentation").largest_segment_id)

added = dataset.add_layer("new", "color", dtype="uint16", data_format="zarr3")
note("layer added", [sorted(again().layers), added.dtype.name, len(added.mags)])
rgb = dataset.add_layer("rgb", "color", dtype="uint8", num_channels=3)
note("colour layer added", again().get_layer("rgb").num_channels)
big = dataset.add_layer("big", "segmentation", dtype="uint64", largest_segment_id=2**53 + 1)
note("big id", again().get_segmentation_layer("big").largest_segment_id)
note("others untouched", sorted(str(mag) for mag in again().get_layer("em").mags))
for name in ("new", "rgb", "big"):
    dataset.delete_layer(name)
note("layers deleted", sorted(again().layers))
segments.delete_mag(max(segments.mags))
note("mag deleted", sorted(str(mag) for mag in again().get_layer("segmentation").mags))

for name in ("segmentation", "em"):
    try:
        dataset.delete_layer(name)
    except UnexpectedStatusError as error:
        note("last layer", str(error))
again().delete()
try:
    again()
except UnexpectedStatusError as error:
    note("deleted", "no such dataset" in str(error))
note("not listed any more", dataset_id in RemoteDataset.list())
print(json.dumps(seen))
