"""What a person may choose about a conversion; the rest the files decide."""

from dataclasses import dataclass

from conversion.pipeline.filters import Filter
from conversion.pipeline.mags import Sampling
from conversion.pipeline.plan import OutputFormat
from conversion.pipeline.zstd import ZstdProfile
from conversion.readers.raw import RawDescription
from conversion.readers.series import Choice
from datasets.properties import Category, DataFormat, Mag, Vec3Int, VoxelSize


@dataclass(frozen=True, kw_only=True)
class Options:
    """Named as in `webknossos convert` where that has them. None leaves it to the files."""

    name: str = ""
    """Of the dataset; empty for that of its directory."""
    voxel_size: VoxelSize | None = None
    layer_name: str | None = None
    """Of the only layer; of several, what all their names begin with."""
    category: Category | None = None
    """Of all layers."""
    data_format: OutputFormat = DataFormat.ZARR3
    profile: ZstdProfile = ZstdProfile.TUNED
    chunk_shape: Vec3Int = (32, 32, 32)
    shard_shape: Vec3Int | None = None
    downsample: bool = True
    max_mag: Mag | None = None
    sampling: Sampling = Sampling.ANISOTROPIC
    filter: Filter | None = None
    """None for the median of images and the mode of segmentations."""
    differing: Choice | None = None
    """What to do with slices of one folder that differ; None for asking."""
    raw: RawDescription | None = None
    """Where the source is a file of raw voxels that nothing beside it describes."""
