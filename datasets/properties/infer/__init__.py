"""What a directory of data without datasource-properties.json must be, by its metadata files and
folder names alone; no voxel is read.

Each folder is a layer if one of the formats knows it, else it is looked into. The order of the
formats is that in which remote data are explored.
"""

from pathlib import Path

from datasets.properties.infer.attachments import with_found_attachments
from datasets.properties.infer.combine import combined
from datasets.properties.infer.folder import Folder, Report
from datasets.properties.infer.found import FoundLayer, Inference
from datasets.properties.infer.mags import bare_array_layers, bare_wkw_layers, layers_of_mags
from datasets.properties.infer.n5 import n5_layers
from datasets.properties.infer.ome import ome_layers
from datasets.properties.infer.precomputed import precomputed_layers
from datasets.properties.model import DataSource

__all__ = ["Inference", "discover_attachments", "infer"]

DEPTH = 3  # levels of folders below the dataset's that may be layers


def infer(directory: Path, name: str) -> Inference:
    """What the dataset in `directory` must be; `name` is for itself and for a layer that it is.

    The directory may be a folder of layers, a layer or a single mag or array. Never raises for
    what it finds: whatever is broken or unknown is left out and told in `problems`.
    """
    report = Report()
    found = _layers(Folder(directory, "", name, report), DEPTH)
    voxel_size, layers = combined(found, report)
    missing = ["voxel size"] if layers and voxel_size is None else []
    missing += [
        f"bounding box of layer {layer.name!r}" for layer in layers if layer.bounding_box.is_empty
    ]
    missing += report.missing if layers else []
    if not layers:
        report.problems.append(
            "No data in a known format was found; expected are folders of layers in WKW, Zarr, "
            "N5 or Neuroglancer's precomputed format."
        )
    problems = tuple(dict.fromkeys(report.problems))
    return Inference(name, voxel_size, tuple(layers), tuple(missing), problems)


def discover_attachments(directory: Path, data_source: DataSource) -> DataSource:
    """The data source with attachments added that lie in its layers' folders undeclared."""
    dataset = Folder(directory, "", directory.name, Report())
    layers = tuple(
        with_found_attachments(layer, dataset.child(layer.name)) for layer in data_source.layers
    )
    return data_source.model_copy(update={"layers": layers})


def _layers(folder: Folder, depth: int) -> list[FoundLayer]:
    for of_format in (ome_layers, n5_layers, precomputed_layers):
        if layers := of_format(folder):
            return layers
    if layers := bare_array_layers(folder) or bare_wkw_layers(folder):
        return layers
    subfolders = folder.subfolders()
    if layers := layers_of_mags(folder, subfolders):
        return layers
    if depth == 0:
        return []
    return [layer for child in subfolders for layer in _layers(child, depth - 1)]
