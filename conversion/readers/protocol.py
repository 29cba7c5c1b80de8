"""What a reader of an image format is: it opens a file and yields images, read slice by slice.

A reader subclasses `Reader` and `Image`, joins the list in `registry` (or the entry-point group
named there) and passes the contract suite in tests/conversion/readers/contract.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from conversion.readers import limits
from conversion.readers.errors import decoding
from datasets.properties import VoxelSize

SPACE_AXES = ("c", "z", "y", "x")
"""The last axes of every image."""

Color = tuple[int, int, int]
"""Red, green, blue; 0 to 255."""


@dataclass(frozen=True)
class ImageInfo:
    """What an image is, known without decoding a voxel.

    `axes` ends in c, z, y, x, with length 1 where the file has no such axis; before them come `t`,
    if there is one, then further axes by their lower-case names. Colour samples are no axis:
    where `is_rgb`, a voxel is three numbers of `dtype`, red, green, blue; alpha is left out.
    """

    name: str
    """Of the image, scene or series in its file; empty where the file names none."""
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """Integers of 8 to 64 bits, float32 or float64, in native byte order."""
    is_rgb: bool = False
    channel_names: tuple[str, ...] = ()
    """One for each channel, or none at all."""
    channel_colors: tuple[Color | None, ...] = ()
    """One for each channel, or none at all."""
    voxel_size: VoxelSize | None = None
    """From the file's metadata where they are believable (`voxel_sizes.believable`), else None."""
    voxel_size_source: str = ""
    """Where the voxel size stands, to follow "from": "the OME-XML", "the ImageJ metadata"."""
    is_labels: bool = False
    """Whether metadata say that the numbers are segment ids."""
    notes: tuple[str, ...] = ()
    """Sentences for the person who brought the file: what was guessed, left out or odd."""

    def __post_init__(self) -> None:
        if self.axes[-4:] != SPACE_AXES or len(set(self.axes)) != len(self.axes):
            raise ValueError(f"Axes {self.axes} do not end in c, z, y, x, each once.")
        if len(self.axes) != len(self.shape) or min(self.shape) < 1:
            raise ValueError(f"Axes {self.axes} do not have the lengths {self.shape}.")
        if not is_voxel_dtype(self.dtype):
            raise ValueError(f"Voxels can't be {self.dtype}.")
        for of_channels in (self.channel_names, self.channel_colors):
            if of_channels and len(of_channels) != self.length("c"):
                raise ValueError(f"{of_channels} are not of {self.length('c')} channels.")

    def length(self, axis: str) -> int:
        return self.shape[self.axes.index(axis)]

    @property
    def further_axes(self) -> tuple[str, ...]:
        """Time and what else comes before the channels."""
        return self.axes[:-4]

    def slices_shape(self, depth: int, rows: int) -> tuple[int, ...]:
        """The shape of what `Image.read` gives: (z, y, x), or (z, y, x, 3) of colour images."""
        return (depth, rows, self.length("x"), *((3,) if self.is_rgb else ()))


def is_voxel_dtype(dtype: np.dtype[Any]) -> bool:
    """Whether voxels can be of this type: others have to be converted by the reader, or refused."""
    return dtype.isnative and (dtype.kind in "ui" or dtype in (np.float32, np.float64))


class Image(ABC):
    """One image of a file.

    Reading is thread-safe. An open image holds no voxels, and file handles only after the first
    read, until `close()`. Pickled, it is its file, reader and number, opened again where it is
    unpickled.
    """

    reads_bands: bool = False
    """Whether reading a few rows costs about their share of time and memory of the whole slice."""

    def __init__(
        self,
        reader: "Reader",
        path: Path,
        number: int,
        info: ImageInfo,
        *,
        files: Sequence[Path] = (),
    ) -> None:
        """`number` is the image's place in what `reader.open(path)` gives; `files` are all that
        it is made of, if there are more than `path`.

        Raises UnreadableImage for an image that its files can't hold (`limits.check`).
        """
        self.reader = reader
        self.path = path
        self.number = number
        self.info = info
        self.files: tuple[Path, ...] = tuple(files) or (path,)
        limits.check(self)

    def read(
        self,
        index: Mapping[str, int],
        z: range,
        *,
        y: range | None = None,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """The slices `z` at `index`, whole or the rows `y` of them: `info.slices_shape`, C-order.

        `index` gives one index on `c` and each of the further axes; an axis of length 1 may be
        left out. Ranges have step 1. Voxels go into `out` where that is given (of the right shape
        and type, any strides). Raises UnreadableImage for broken files, ValueError for what lies
        outside of the image.
        """
        info = self.info
        rows = range(info.length("y")) if y is None else y
        place = self._checked_index(index)
        _check_range("z", z, info.length("z"))
        _check_range("y", rows, info.length("y"))
        shape = info.slices_shape(len(z), len(rows))
        if out is None:
            out = np.empty(shape, info.dtype)
        elif out.shape != shape or out.dtype != info.dtype:
            raise ValueError(f"{out.shape} of {out.dtype} has no room for {shape} of {info.dtype}.")
        with decoding(self.path, self.reader.name):
            self._read_slices(place, z, rows, out)
        return out

    def _read_slices(self, index: Mapping[str, int], z: range, y: range, out: NDArray[Any]) -> None:
        """Fill `out`, slice by slice; for a reader to replace that is faster with several."""
        for number, plane in zip(z, out, strict=True):
            self._read_plane(index, number, y, plane)

    @abstractmethod
    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        """Fill `out`, (y, x) or (y, x, 3), with the rows `y` of one slice.

        Called by several threads at once, with a whole, checked index. `out` may be strided.
        What decoders raise becomes UnreadableImage (`errors.decoding`).
        """

    def close(self) -> None:  # noqa: B027 (most images hold nothing open)
        """Close what reading has opened; reading opens it again."""

    def _checked_index(self, index: Mapping[str, int]) -> dict[str, int]:
        place = {}
        for axis in (*self.info.further_axes, "c"):
            length = self.info.length(axis)
            if axis not in index and length > 1:
                raise ValueError(f"Which of {length} on axis {axis}?")
            place[axis] = index.get(axis, 0)
            if not 0 <= place[axis] < length:
                raise ValueError(f"There is no {place[axis]} on axis {axis} of length {length}.")
        if unknown := index.keys() - place.keys():
            raise ValueError(f"There are no axes {sorted(unknown)} in {self.info.axes}.")
        return place

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.reader, self.path, self.number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Reader(ABC):
    """One format, or a family of them; without state, and picklable by its class."""

    name: ClassVar[str]
    """The format's name for people, as in "'a.png' is a TIFF file"."""
    suffixes: ClassVar[tuple[str, ...]]
    """Lower-case, with the dot; what files of this format are usually called."""
    groups_files: ClassVar[bool] = False
    """Whether the files of a folder tell by themselves what image they belong to (DICOM)."""

    @abstractmethod
    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether a file that begins with `head` (up to `registry.HEAD_BYTES`) is of this format.

        Needs no optional library. By its content; a format without a mark asks `path`'s name.
        """

    @abstractmethod
    def open(self, path: Path) -> list[Image]:
        """The images of a file, one at least, without decoding voxels or keeping the file open.

        Raises UnreadableImage, MissingLibrary.
        """

    def open_group(self, paths: Sequence[Path]) -> list[Image]:
        """The images of the files of one folder, where the reader `groups_files`."""
        raise NotImplementedError(f"{self.name} files stand alone.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


def _reopened(reader: Reader, path: Path, number: int) -> Image:
    with decoding(path, reader.name):
        return reader.open(path)[number]


def _check_range(axis: str, indices: range, length: int) -> None:
    if indices.step != 1 or not 0 <= indices.start < indices.stop <= length:
        raise ValueError(f"{indices} is not a stretch of axis {axis} of length {length}.")
