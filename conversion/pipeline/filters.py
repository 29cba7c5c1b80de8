"""What coarser mags can be made by; here alone, since `downsample` takes long to import."""

from enum import StrEnum


class Filter(StrEnum):
    """What one coarse voxel keeps of the finer ones it is made of."""

    MEDIAN = "median"
    MEAN = "mean"
    MODE = "mode"
