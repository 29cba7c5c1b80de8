"""What inference finds: layers with or without a voxel size, and the sum of it."""

from dataclasses import dataclass

from datasets.properties.model import DataSource, Layer, VoxelSize
from datasets.properties.record import JsonObject


@dataclass(frozen=True)
class FoundLayer:
    """A layer whose boxes and mags count in voxels of `voxel_size`, if its format records one."""

    layer: Layer
    voxel_size: VoxelSize | None = None


@dataclass(frozen=True)
class Inference:
    """What a directory of data says of itself.

    `missing` names what a person has to say, such as `voxel size` or `bounding box of layer
    'color'`; `problems` are sentences about what was left out, and why.
    """

    name: str
    voxel_size: VoxelSize | None
    layers: tuple[Layer, ...]
    missing: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def data_source(self) -> DataSource | None:
        """The data source, where nothing is missing."""
        if self.missing or self.voxel_size is None or not self.layers:
            return None
        return self.completed(self.voxel_size)

    def completed(self, voxel_size: VoxelSize) -> DataSource:
        """The data source with the voxel size that a person gave."""
        identity: JsonObject = {"name": self.name, "team": ""}
        return DataSource(id=identity, voxel_size=voxel_size, layers=self.layers)
