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
    layer_per_channel,
)
from datasets.properties.infer.n5 import recorded_voxel_size
from datasets.properties.model import DataFormat, Layer, MagProperties
from datasets.voxels.file_start import read_start
from datasets.voxels.wkw_header import HEADER_BYTES, WkwHeader, parse_header

MAG_NAME = re.compile(r"[1-9][0-9]{0,8}(-[1-9][0-9]{0,8}-[1-9][0-9]{0,8})?")


def bare_array_layers(folder: Folder) -> list[FoundLayer]:
    """The layers that the folder holds as a single Zarr or N5 array, if it is one."""
    array = array_in(folder)
    if array is None:
        return []
    axes = array.axes or guessed_axes(array)
    if axes is None:
        folder.problem(f"Which axes the array {folder.shown} has is unknown; it is left out.")
        return []
    layers = ArrayLayer(folder.name, [(Mag(1, 1, 1), array)], axes).as_layers()
    return [FoundLayer(layer, recorded_voxel_size(array.attributes)) for layer in layers]


def bare_wkw_layers(folder: Folder) -> list[FoundLayer]:
    """The layers that the folder holds as a single WKW mag, if it is one."""
    return _wkw_layers(folder, [(Mag(1, 1, 1), folder)])


def layers_of_mags(folder: Folder, subfolders: list[Folder]) -> list[FoundLayer]:
    """The layers that the folder holds by its subfolders named as mags, if there are any."""
    mags = [
        (Mag.parse(child.name), child) for child in subfolders if MAG_NAME.fullmatch(child.name)
    ]
    mags.sort(key=lambda found: max(found[0]))
    if wkw := _wkw_layers(folder, mags):
        return wkw
    arrays = [(mag, array) for mag, child in mags if (array := array_in(child))]
    if not arrays:
        return []
    axes = _axes(arrays[0][1])
    if axes is None:
        folder.problem(f"Which axes the arrays in {folder.shown} have is unknown.")
        return []
    layers = ArrayLayer(folder.name, arrays, axes).as_layers()
    return [FoundLayer(with_found_attachments(layer, folder)) for layer in layers]


def _axes(array: StoredArray) -> tuple[str, ...] | None:
    # In this arrangement four axes are always these, whatever the format.
    return array.axes or (DEFAULT_AXES if len(array.shape) == 4 else guessed_axes(array))


def _wkw_layers(folder: Folder, candidates: list[tuple[Mag, Folder]]) -> list[FoundLayer]:
    found = [(mag, child, header) for mag, child in candidates if (header := _header(child))]
    if not found:
        return []
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
    is_rgb = first.num_channels == 3 and first.dtype == "uint8"
    element_class = ElementClass.of(first.dtype, 3 if is_rgb else 1)
    box = _box_of_files(finest, first.file_len * first.block_len)
    layer = Layer(
        name=name,
        category=guessed_category(name, element_class, is_image=first.num_channels > 1),
        bounding_box=box.from_mag(finest_mag),
        element_class=element_class,
        data_format=DataFormat.WKW,
        mags=tuple(mags),
        num_channels=element_class.channels,
        mappings=_mappings(folder),
    )
    layer = with_found_attachments(layer, folder)
    layers = [layer] if is_rgb else layer_per_channel(layer, first.num_channels)
    return [FoundLayer(one) for one in layers]


def _header(folder: Folder) -> WkwHeader | None:
    try:
        return parse_header(read_start(folder.path / "header.wkw", HEADER_BYTES))
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
