"""Finds the largest segment id that a layer's voxels hold."""

from conversion.tools.blocks import read_blocks
from conversion.tools.opened import OpenedDataset
from conversion.tools.problem import ToolProblem
from conversion.tools.progress import Meter, Report, say_nothing
from datasets.properties import Layer


def find_largest_segment_id(
    dataset: OpenedDataset, layer_name: str, *, threads: int = 2, report: Report = say_nothing
) -> int:
    """The largest value in the layer's finest mag, 0 for a layer of zeros.

    Raises ToolProblem where the layer is no segmentation of whole numbers, or can't be read.
    """
    mag = dataset.mags(require_segmentation(dataset, layer_name))[0]
    meter, largest = Meter(report, mag.total_bytes), 0
    for block in read_blocks(mag, threads=threads):
        largest = max(largest, int(block.voxels.max()))
        meter.add(f"Layer '{layer_name}', mag {mag.mag.literal}", block.voxels.nbytes)
    return largest


def require_segmentation(dataset: OpenedDataset, layer_name: str) -> Layer:
    """The layer; raises ToolProblem where there is none, or one without segment ids."""
    (layer,) = dataset.layers(layer_name)
    if not layer.is_segmentation or not layer.element_class.is_integer:
        raise ToolProblem(
            f"Layer '{layer_name}' is a {layer.category.value} layer of {layer.element_class.value}"
            " voxels, which hold no segment ids.",
            "Choose a segmentation layer.",
        )
    return layer
