"""Layers of datasets that are there already: WKW, Zarr, N5, precomputed, with properties or not."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from conversion.pipeline.array_source import ArraySource
from conversion.pipeline.planning.finding import (
    Finding,
    FoundImage,
    FoundLayer,
    with_distinct_names,
)
from conversion.pipeline.planning.names import named
from conversion.pipeline.planning.problem import PlanProblem
from conversion.readers import UnreadableImage
from conversion.uploads.recognising import recognise
from datasets import properties
from datasets.properties import (
    DataFormat,
    DataSource,
    ElementClass,
    Layer,
    Mag,
    MagProperties,
    VoxelSize,
)
from datasets.properties.infer import infer
from datasets.voxels.array import VoxelArray
from datasets.voxels.open import open_mag

_FORMATS = {
    DataFormat.WKW: "WKW",
    DataFormat.ZARR: "Zarr v2",
    DataFormat.ZARR3: "Zarr v3",
    DataFormat.N5: "N5",
    DataFormat.NEUROGLANCER_PRECOMPUTED: "precomputed",
}
_METADATA = ("header.wkw", ".zarray", "zarr.json", "attributes.json", "../info")


def is_dataset(path: Path) -> bool:
    """Whether a folder is a dataset, a layer or a mag in a format that needs no reader."""
    return path.is_dir() and recognise(path) is not None


def finding_of_dataset(directory: Path, name: str) -> Finding:
    """The layers in their finest mags, by the properties file or, without one, by what lies there.

    `name` is what people call the directory.
    Raises PlanProblem, VoxelsError, UnreadableProperties, OSError.
    """
    file = directory / properties.FILE_NAME
    notes: list[str] = []
    size: VoxelSize | None
    layers: Sequence[Layer]
    if file.is_file():
        data_source: DataSource = properties.read(file)
        size, layers, origin = data_source.voxel_size, data_source.layers, f"its {file.name}"
        layers = [layer for layer in layers if not layer.bounding_box.is_empty and layer.mags]
    else:
        inference = infer(directory, name)
        size, layers, origin = inference.voxel_size, inference.layers, "the dataset's metadata"
        notes += inference.problems
        layers = [layer for layer in layers if not layer.bounding_box.is_empty]
    if not layers:
        said = " ".join(notes) or "It has no layer with voxels."
        raise UnreadableImage(directory, said, "Choose another folder.")
    base = _finest(layers[0]).mag
    if base != Mag(1, 1, 1):
        notes.append(f"The finest mag is {base.literal}; it becomes mag 1, of larger voxels.")
    found: list[FoundLayer] = []
    images: list[FoundImage] = []
    for layer in layers:
        mag = _finest(layer)
        if mag.mag != base:
            notes.append(
                f"Layer {layer.name!r} is left out: its finest mag is {mag.mag.literal}, not "
                f"{base.literal}. Convert it into a dataset of its own."
            )
            continue
        array, place = _opened(directory, layer, mag)
        images.append(_image(layer, mag, array, _scaled(size, base), origin))
        found += _found_layers(layer, mag, array, place, images[-1])
        notes += [*_left_behind(layer), *_moved(layer)]
    return Finding(directory, tuple(images), with_distinct_names(found), notes=tuple(notes))


def _finest(layer: Layer) -> MagProperties:
    return min(layer.mags, key=lambda mag: mag.mag)


def _scaled(size: VoxelSize | None, mag: Mag) -> VoxelSize | None:
    if size is None or mag == Mag(1, 1, 1):
        return size
    x, y, z = (length * factor for length, factor in zip(size.factor, mag, strict=True))
    return VoxelSize(factor=(x, y, z), unit=size.unit)


def _opened(dataset: Path, layer: Layer, mag: MagProperties) -> tuple[VoxelArray, Path]:
    directory = _directory(dataset, layer, mag)
    array = open_mag(
        directory,
        layer.data_format.value,
        axis_order=mag.axis_order or None,
        channel_index=mag.channel_index,
        element_class=layer.element_class.value,
        additional_axes={axis.name: axis.index for axis in layer.additional_axes},
    )
    return array, directory


def _image(
    layer: Layer, mag: MagProperties, array: VoxelArray, size: VoxelSize | None, origin: str
) -> FoundImage:
    is_rgb = layer.element_class is ElementClass.UINT24
    return FoundImage(
        name=layer.name,
        format=_FORMATS[layer.data_format],
        shape=layer.bounding_box.in_mag(mag.mag).size,
        element_type="RGB uint8" if is_rgb else array.dtype.name,
        channels=("",) if is_rgb else ("",) * array.num_channels,
        axes=tuple((axis.name, axis.bounds[1] - axis.bounds[0]) for axis in layer.additional_axes),
        voxel_size=size,
        voxel_size_source=origin if size else "",
        files=None,
        stored_bytes=None,
    )


def _found_layers(
    layer: Layer, mag: MagProperties, array: VoxelArray, directory: Path, image: FoundImage
) -> list[FoundLayer]:
    """One of RGB, else one for each channel."""
    box = layer.bounding_box.in_mag(mag.mag)
    is_rgb = layer.element_class is ElementClass.UINT24
    width = array.num_channels if is_rgb else 1
    names = [
        named(layer.name if array.num_channels == width else f"{layer.name}_{channel}")
        for channel in range(0, array.num_channels, width)
    ]
    return [
        FoundLayer(
            name=name,
            called=called,
            image=image,
            source=ArraySource(
                array,
                directory,
                box,
                files=_metadata_files(directory),
                channels=range(channel, channel + width),
                dtype=np.dtype(np.uint8) if is_rgb else array.dtype.newbyteorder("="),
                first={axis.name: axis.bounds[0] for axis in layer.additional_axes},
            ),
            category=layer.category,
            category_reason="the dataset" if layer.is_segmentation else "",
            offset=box.top_left,
            view=layer.default_view_configuration,
        )
        for channel, (name, called) in zip(range(0, array.num_channels, width), names, strict=True)
    ]


def _metadata_files(directory: Path) -> tuple[Path, ...]:
    files = [directory / name for name in _METADATA]
    return tuple(file for file in files if file.is_file())


def _directory(dataset: Path, layer: Layer, mag: MagProperties) -> Path:
    """Where the mag lies. Raises PlanProblem for a path out of the dataset, UnreadableImage."""
    names = [mag.path] if mag.path else layer.default_mag_paths(mag.mag)
    for name in names:
        if problem := properties.path_problem(re.sub(r"^file://", "", name)):
            raise PlanProblem(
                f"Layer {layer.name!r} does not lie in the dataset. {problem}",
                "Convert the place where it lies, or put it into the dataset's folder.",
            )
        if (dataset / name).exists() or layer.data_format is DataFormat.NEUROGLANCER_PRECOMPUTED:
            return dataset / name
    raise UnreadableImage(
        dataset / names[0],
        f"The folder of mag {mag.mag.literal} of layer {layer.name!r} is not there.",
        "Correct the properties file, or put the folder there.",
    )


def _moved(layer: Layer) -> list[str]:
    """Which of its axes are counted anew."""
    return [
        f"The axis {axis.name!r} of layer {layer.name!r} begins at {axis.bounds[0]}; in the new "
        "dataset it begins at 0."
        for axis in layer.additional_axes
        if axis.bounds[0] != 0
    ]


def _left_behind(layer: Layer) -> list[str]:
    """What a conversion does not take along."""
    left = {
        "its mappings": layer.mappings,
        "its attachments (meshes and the like)": layer.attachments.by_kind(),
        "its transformation": layer.coordinate_transformations,
    }
    names = [name for name, value in left.items() if value]
    return [f"Not taken along of layer {layer.name!r}: {', '.join(names)}."] if names else []
