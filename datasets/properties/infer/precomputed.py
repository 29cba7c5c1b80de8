"""Neuroglancer precomputed volumes, as their `info` file describes them.

https://github.com/google/neuroglancer/blob/master/src/datasource/precomputed/volume.md
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from datasets.properties.element_class import ElementClass
from datasets.properties.geometry import BoundingBox, Mag, Vec3Float, Vec3Int
from datasets.properties.infer.arrays import nearest_factor
from datasets.properties.infer.folder import Folder
from datasets.properties.infer.found import FoundLayer
from datasets.properties.infer.layers import (
    CHANNEL_LIMIT,
    guessed_category,
    layer_name,
    layer_per_channel,
)
from datasets.properties.model import (
    Attachment,
    AttachmentDataFormat,
    Attachments,
    Category,
    DataFormat,
    Layer,
    MagProperties,
    VoxelSize,
)
from datasets.properties.units import LengthUnit
from datasets.properties.validation import path_problem

CATEGORIES = {"image": Category.COLOR, "segmentation": Category.SEGMENTATION}
Length = Annotated[int, Field(ge=1, le=2**40)]
Resolution = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Scale(BaseModel):
    key: str
    size: tuple[Length, Length, Length]
    resolution: tuple[Resolution, Resolution, Resolution]  # nanometres
    voxel_offset: Vec3Int = (0, 0, 0)


class _Info(BaseModel):
    type: str = ""
    data_type: str
    num_channels: int = Field(default=1, ge=1, le=CHANNEL_LIMIT)
    scales: list[_Scale] = Field(min_length=1)
    mesh: str | None = None


def precomputed_layers(folder: Folder) -> list[FoundLayer]:
    """The layer that the folder is as a precomputed volume; empty where it is none."""
    document = folder.read_json("info")
    if document is None or "scales" not in document:
        return []
    info = folder.parse(_Info, document, "info")
    if info is None:
        return []
    try:
        dtype = np.dtype(info.data_type)
        is_rgb = info.num_channels == 3 and dtype == "uint8"
        element_class = ElementClass.of(dtype, 3 if is_rgb else 1)
    except (TypeError, ValueError):
        folder.problem(f"The volume {folder.shown} has voxels of unknown type {info.data_type!r}.")
        return []
    finest = min(info.scales, key=lambda scale: (max(scale.resolution), sum(scale.resolution)))
    name = layer_name(folder.name)
    guess = guessed_category(name, element_class, is_image=info.num_channels > 1)
    layer = Layer(
        name=name,
        category=CATEGORIES.get(info.type, guess),
        bounding_box=BoundingBox.of(finest.voxel_offset, finest.size),
        element_class=element_class,
        data_format=DataFormat.NEUROGLANCER_PRECOMPUTED,
        mags=_mags(folder, info, finest.resolution),
        num_channels=element_class.channels,
        attachments=_meshes(folder, info),
    )
    size = VoxelSize(factor=finest.resolution, unit=LengthUnit.NANOMETER)
    layers = [layer] if is_rgb else layer_per_channel(layer, info.num_channels)
    return [FoundLayer(one, size) for one in layers]


def _mags(folder: Folder, info: _Info, finest: Vec3Float) -> tuple[MagProperties, ...]:
    mags: dict[Mag, MagProperties] = {}
    for scale in info.scales:
        if path_problem(scale.key) or "/" in scale.key:
            folder.problem(f"The scale {scale.key!r} of {folder.shown} lies elsewhere; left out.")
            continue
        ratios = [coarse / fine for coarse, fine in zip(scale.resolution, finest, strict=True)]
        factors = [factor for ratio in ratios if (factor := nearest_factor(ratio))]
        if len(factors) != 3 or Mag(*factors) in mags:
            folder.problem(
                f"The scale {scale.key!r} of {folder.shown} is left out: its resolution is not a "
                "new power of two of the finest one."
            )
            continue
        mag = Mag(*factors)
        mags[mag] = MagProperties(mag=mag, path=folder.child(scale.key).relative)
    return tuple(sorted(mags.values(), key=lambda properties: max(properties.mag)))


def _meshes(folder: Folder, info: _Info) -> Attachments:
    if not info.mesh or path_problem(info.mesh):
        return Attachments()
    mesh = Attachment(
        name=info.mesh,
        path=folder.child(info.mesh).relative,
        data_format=AttachmentDataFormat.NEUROGLANCER_PRECOMPUTED,
    )
    return Attachments(meshes=(mesh,))
