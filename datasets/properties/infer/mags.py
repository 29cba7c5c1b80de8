"""Layers as folders of mags named `2` or `2-2-1`, each a WKW directory or a Zarr or N5 array.

Nothing in them records the size of a voxel.
"""

import re
from collections.abc import Iterator

from datasets.properties.element_class import ElementClass
from datasets.properties.geometry import BoundingBox, Mag
from datasets.properties.infer.arrays import StoredArray, array_in, guessed_axes
from datasets.properties.infer.attachments import with_found_attachments
from datasets.properties.infer.folder import Folder
from datasets.properties.infer.found import FoundLayer
from datasets.properties.infer.layers import (
    DEFAULT_AXES,
    ArrayLayer,
    guessed_category,
    layer_name,
)
from datasets.properties.infer.n5 import recorded_voxel_size
from datasets.properties.model import DataFormat, Layer, MagProperties
from datasets.voxels.wkw_header import HEADER_BYTES, WkwHeader, parse_header

MAG_NAME = re.compile(r"[1-9][0-9]{0,8}(-[1-9][0-9]{0,8}-[1-9][0-9]{0,8})?")


def bare_array_layer(folder: Folder) -> FoundLayer | None:
    """The layer that the folder is as a single Zarr or N5 array, or None."""
    array = array_in(folder)
    if array is None:
        return None
    axes = array.axes or guessed_axes(array)
    if axes is None:
        folder.problem(f"Which axes the array {folder.shown} has is unknown; it is left out.")
        return None
    layer = ArrayLayer(folder.name, [(Mag(1, 1, 1), array)], axes).as_layer()
    return FoundLayer(layer, recorded_voxel_size(array.attributes)) if layer else None


def bare_wkw_layer(folder: Folder) -> FoundLayer | None:
    """The layer that the folder is as a single WKW mag, or None."""
    return _wkw_layer(folder, [(Mag(1, 1, 1), folder)])


def layer_of_mags(folder: Folder, subfolders: list[Folder]) -> FoundLayer | None:
    """The layer that the folder is by its subfolders named as mags, or None."""
    mags = [
        (Mag.parse(child.name), child) for child in subfolders if MAG_NAME.fullmatch(child.name)
    ]
    mags.sort(key=lambda found: max(found[0]))
    if wkw := _wkw_layer(folder, mags):
        return wkw
    arrays = [(mag, array) for mag, child in mags if (array := array_in(child))]
    if not arrays:
        return None
    axes = _axes(arrays[0][1])
    if axes is None:
        folder.problem(f"Which axes the arrays in {folder.shown} have is unknown.")
        return None
    layer = ArrayLayer(folder.name, arrays, axes).as_layer()
    return FoundLayer(with_found_attachments(layer, folder)) if layer else None


def _axes(array: StoredArray) -> tuple[str, ...] | None:
    # In this arrangement four axes are always these, whatever the format.
    return array.axes or (DEFAULT_AXES if len(array.shape) == 4 else guessed_axes(array))


def _wkw_layer(folder: Folder, candidates: list[tuple[Mag, Folder]]) -> FoundLayer | None:
    found = [(mag, child, header) for mag, child in candidates if (header := _header(child))]
    if not found:
        return None
    finest_mag, finest, first = found[0]
    mags: list[MagProperties] = []
    for mag, child, header in found:
        if (header.dtype, header.num_channels) != (first.dtype, first.num_channels):
            child.problem(
                f"The mag {child.shown} has another voxel type or number of channels than "
                f"{finest.shown} and is left out."
            )
            continue
        cube_length = header.file_len * header.block_len
        mags.append(MagProperties(mag=mag, path=child.relative or ".", cube_length=cube_length))
    name = layer_name(folder.name)
    element_class = ElementClass.of(first.dtype, first.num_channels)
    box = _box_of_files(finest, first.file_len * first.block_len)
    layer = Layer(
        name=name,
        category=guessed_category(name, element_class, first.num_channels),
        bounding_box=box.from_mag(finest_mag),
        element_class=element_class,
        data_format=DataFormat.WKW,
        mags=tuple(mags),
        num_channels=first.num_channels,
        mappings=_mappings(folder),
    )
    return FoundLayer(with_found_attachments(layer, folder))


def _header(folder: Folder) -> WkwHeader | None:
    try:
        with (folder.path / "header.wkw").open("rb") as file:
            return parse_header(file.read(HEADER_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        folder.broken("header.wkw", error.strerror or "it can't be read")
    except ValueError as error:
        folder.broken("header.wkw", str(error))
    return None


def _box_of_files(folder: Folder, side: int) -> BoundingBox:
    """The box of whole files `z*/y*/x*.wkw`, each a cube of `side` voxels of this mag.

    Empty where there are no files, or too many to look at all of them.
    """
    low, high = [2**31] * 3, [-1] * 3
    for position in _file_positions(folder):
        for axis, index in enumerate(position):
            low[axis], high[axis] = min(low[axis], index), max(high[axis], index)
    if folder.report.entries_left <= 0:
        folder.problem(f"The folder {folder.shown} has too many files to find its bounding box.")
        high = [-1] * 3
    if min(high) < 0:
        return BoundingBox.of((0, 0, 0), (0, 0, 0))
    x, y, z = (index * side for index in low)
    right, bottom, back = ((index + 1) * side for index in high)
    return BoundingBox.between((x, y, z), (right, bottom, back))


def _file_positions(folder: Folder) -> Iterator[tuple[int, int, int]]:
    for z, z_folder in _numbered(folder, r"z([0-9]{1,9})"):
        for y, y_folder in _numbered(z_folder, r"y([0-9]{1,9})"):
            for x, _ in _numbered(y_folder, r"x([0-9]{1,9})\.wkw"):
                yield x, y, z


def _numbered(folder: Folder, pattern: str) -> Iterator[tuple[int, Folder]]:
    for entry in folder.entries():
        if match := re.fullmatch(pattern, entry.name):
            yield int(match[1]), folder.child(entry.name)


def _mappings(folder: Folder) -> tuple[str, ...]:
    names = folder.child("mappings").file_names()
    return tuple(stem for name in names if (stem := name.removesuffix(".json")) != name)
