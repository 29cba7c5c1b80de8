"""Finds out what the axes of a series of TIFF pages are to us, and on which page a slice is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tifffile import TiffPage, TiffPageSeries

from conversion.readers.errors import UnreadableImage
from conversion.readers.protocol import SPACE_AXES

_COLOR = {2, 6, 8}  # photometric interpretations RGB, YCbCr (decoded to RGB), CIE L*a*b*
_WHITE_IS_ZERO, _PALETTE = 0, 3
_ALPHA = {1, 2}  # of ExtraSamples
_UNKNOWN = "IQ"  # what tifffile calls an axis that the file does not name


@dataclass(frozen=True)
class Layout:
    """The axes of an image, and where in its series of pages a slice is.

    `leading` are the axes that count pages, by our names, in the file's order. A voxel has
    `channel_samples` samples that count as channels; a page holds `depth` slices.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...]
    leading: tuple[tuple[str, int], ...]
    channel_samples: int
    depth: int
    is_rgb: bool
    is_planar: bool
    notes: tuple[str, ...]

    def find(self, index: Mapping[str, int], z: int) -> tuple[int, int, int]:
        """The number of the page, the sample, and the depth in the page."""
        channel, sample = divmod(index["c"], self.channel_samples)
        first_slice, depth = divmod(z, self.depth)
        at = {**index, "c": channel, "z": first_slice}
        page = 0
        for axis, length in self.leading:
            page = page * length + (at.get(axis, 0) if length > 1 else 0)
        return page, sample, depth


def arrange(path: Path, series: TiffPageSeries) -> Layout:
    """Raises UnreadableImage for an order of axes that is not (pages) (y, x)."""
    letters, lengths = series.get_axes(False), series.get_shape(False)
    key = series.keyframe
    planes, depth, rows, columns, samples = key.shaped
    first = _first_in_page(letters, lengths, math.prod(key.shaped))
    in_page = [
        length
        for letter, length in zip(letters[first:], lengths[first:], strict=True)
        if length > 1 and letter not in "YX"
    ]
    if first < 0 or in_page != [length for length in (planes, depth, samples) if length > 1]:
        raise UnreadableImage(
            path,
            f"The voxels of its pages are in an order that is not known ({letters}).",
            "Save it with one slice a page, for example with Fiji.",
        )
    is_rgb = key.photometric in _COLOR and planes * samples in (3, 4) and series.kind != "lsm"
    channel_samples = 1 if is_rgb or _is_gray_with_alpha(key) else planes * samples
    names, notes = _names(letters[:first], lengths[:first], depth)
    leading = dict(zip(names, lengths[:first], strict=True))
    further = [name for name in names if name not in SPACE_AXES and leading[name] > 1]
    further.sort(key=lambda name: name != "t")
    found = {
        **leading,
        "c": leading.get("c", 1) * channel_samples,
        "z": leading.get("z", 1) * depth,
        "y": rows,
        "x": columns,
    }
    axes = (*further, *SPACE_AXES)
    return Layout(
        axes=axes,
        shape=tuple(found[axis] for axis in axes),
        leading=tuple(leading.items()),
        channel_samples=channel_samples,
        depth=depth,
        is_rgb=is_rgb,
        is_planar=planes > 1,
        notes=(*notes, *_voxel_notes(key)),
    )


def voxel_dtype(path: Path, key: TiffPage) -> np.dtype[Any]:
    """What voxels become: bits 0 and 255, halves floats."""
    dtype = np.dtype(key.dtype)
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype == np.float16:
        return np.dtype(np.float32)
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise UnreadableImage(
            path, f"Its voxels are {dtype}.", "Save them as integers or floating-point numbers."
        )
    return dtype.newbyteorder("=")


def _first_in_page(letters: str, lengths: Sequence[int], page_size: int) -> int:
    """The first of the axes that a page holds; -1 where no cut between axes gives its size."""
    size = 1
    for first in range(len(letters) - 1, -1, -1):
        size *= lengths[first]
        if size == page_size and {"Y", "X"} <= set(letters[first:]):
            return first
    return -1


def _names(letters: str, lengths: Sequence[int], depth: int) -> tuple[list[str], tuple[str, ...]]:
    """Our names of the axes that count pages; what is unnamed counts slices, if nothing else does.

    Axes of length 1 get names, too, so that each stays apart.
    """
    counts_slices = depth > 1 or any(
        letter == "Z" and length > 1 for letter, length in zip(letters, lengths, strict=True)
    )
    unnamed = [n for n, letter in enumerate(letters) if letter in _UNKNOWN and lengths[n] > 1]
    names: list[str] = []
    notes: tuple[str, ...] = ()
    for place, letter in enumerate(letters):
        name = letter.lower()
        if unnamed and place == unnamed[-1] and not counts_slices:
            name = "z"
            notes = (f"What its {lengths[place]} pages are is not said: taken for slices.",)
        elif name == "z" and lengths[place] == 1:
            name = "z1"
        elif name == "s":
            name = "c" if "C" not in letters else "s"
        while name in names:
            name += "2"
        names.append(name)
    return names, notes


def _is_gray_with_alpha(key: TiffPage) -> bool:
    return (
        len(key.extrasamples) == key.samplesperpixel - 1
        and set(key.extrasamples) <= _ALPHA
        and (key.samplesperpixel == 2)
    )


def _voxel_notes(key: TiffPage) -> tuple[str, ...]:
    notes = []
    if key.bitspersample == 1:
        notes.append("It is black and white: the numbers 0 and 255.")
    if key.photometric == _WHITE_IS_ZERO:
        notes.append("It stores white as zero; the numbers are kept, so it looks inverted.")
    if key.photometric == _PALETTE:
        notes.append("It has a colour table, which is left out; the numbers are kept.")
    if (key.samplesperpixel == 4 and key.photometric in _COLOR) or set(key.extrasamples) & _ALPHA:
        notes.append("Its transparency is left out.")
    return tuple(notes)
