"""Reads HDF5: Imaris files by what Imaris writes, others by taking each array as an image."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.readers.errors import MissingLibrary, UnreadableImage, decoding
from conversion.readers.mapped import native
from conversion.readers.protocol import Color, Image, ImageInfo, Reader, is_voxel_dtype
from conversion.readers.voxel_sizes import believable
from datasets.properties import VoxelSize

_MARK = b"\x89HDF\r\n\x1a\n"
MOST_MEMBERS = 10_000
MOST_INDICES = 10_000
"""Of channels or points in time of an Imaris file."""
DEEPEST_GROUP = 16
LARGEST_CHUNK = 1 << 30
SMALLEST_PLANE = 16
"""Rows and columns of an array of two axes that is taken for an image."""
_AXES = ("u", "t", "c", "z", "y", "x")
_LABELS = ("label", "seg")


class HDF5Reader(Reader):
    """Files are never followed out of themselves: not to linked files, nor to voxels elsewhere."""

    name = "HDF5"
    suffixes = (".h5", ".hdf5", ".hdf", ".ims", ".emd", ".nxs")

    def sniff(self, head: bytes, path: Path) -> bool:
        return head.startswith(_MARK)

    def open(self, path: Path) -> list[Image]:
        with decoding(path, self.name), _opened(path) as file:
            about = _member(file, "DataSetInfo/Image")
            images = list(
                _plain(self, path, file)
                if about is None
                else _imaris(self, path, file, about.attrs)
            )
        if not images:
            raise UnreadableImage(
                path,
                "It holds no array of numbers with three axes or more, and no image of two.",
                "Export the image as TIFF.",
            )
        return images


class _Arrays(Image):
    """Datasets by their places on time and channel; without places, one of all axes."""

    reads_bands = True

    def __init__(
        self,
        reader: Reader,
        path: Path,
        number: int,
        info: ImageInfo,
        names: dict[tuple[int, ...], str],
    ) -> None:
        super().__init__(reader, path, number, info)
        self._names = names
        self._file: Any = None
        self._lock = Lock()  # h5py reads one at a time anyway

    def _read_slices(self, index: Mapping[str, int], z: range, y: range, out: NDArray[Any]) -> None:
        place = tuple(index[axis] for axis in (*self.info.further_axes, "c"))
        with self._lock, decoding(self.path, self.reader.name):
            if self._file is None:
                self._file = _opened(self.path)
            name = self._names.get(place)
            dataset = _dataset(self._file, name or self._names[()])
            if dataset is None:
                raise ValueError("its arrays are not where they were")
            columns = self.info.length("x")
            box: tuple[Any, ...] = (
                slice(z.start, z.stop), slice(y.start, y.stop), slice(0, columns)
            )  # fmt: skip
            if name is None:
                box = (*place, *box)[-dataset.ndim :]
            out[...] = dataset[box]

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        self._read_slices(index, range(z, z + 1), y, out[np.newaxis])

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


def _opened(path: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingLibrary(path, "HDF5", "hdf5") from error
    with decoding(path, "HDF5"):
        return h5py.File(path, "r", locking=False)


def _member(file: Any, name: str) -> Any | None:
    """A group or dataset that lies in this file by hard links alone; None for what does not."""
    import h5py

    member = file
    for part in name.split("/"):
        if not isinstance(member, h5py.Group):
            return None
        if not isinstance(member.get(part, getlink=True), h5py.HardLink):
            return None
        member = member[part]
    return member


def _dataset(file: Any, name: str) -> Any | None:
    """An array of numbers whose voxels are in this file; None for anything else."""
    import h5py

    dataset = _member(file, name)
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
        return None
    chunk = int(np.prod(dataset.chunks or (0,), dtype=object)) * dataset.dtype.itemsize
    if not is_voxel_dtype(native(dataset.dtype)) or not dataset.size or chunk > LARGEST_CHUNK:
        return None
    return dataset


def _plain(reader: Reader, path: Path, file: Any) -> Iterator[Image]:
    """An image of each array of three axes, z, y, x, or more: c, t and u before them.

    Where there is none, of each of two axes that is large enough to be no table.
    """
    arrays = {name: _dataset(file, name) for name in _names(file)}
    images = {
        name: dataset
        for name, dataset in arrays.items()
        if dataset is not None and 3 <= dataset.ndim <= len(_AXES)
    } or {
        name: dataset
        for name, dataset in arrays.items()
        if dataset is not None and dataset.ndim == 2 and min(dataset.shape) >= SMALLEST_PLANE
    }
    for number, (name, dataset) in enumerate(images.items()):
        axes = _AXES[-max(dataset.ndim, 4) :]
        axes = ("t", "u", *axes[2:]) if len(axes) == 6 else axes
        stored_type = native(dataset.dtype)
        guess = f"The axes of '{name}' are taken for {', '.join(axes[-dataset.ndim :])}."
        size, source = _element_size(dataset)
        info = ImageInfo(
            name=name,
            axes=axes,
            shape=(*(1 for _ in range(4 - dataset.ndim)), *dataset.shape),
            dtype=stored_type,
            voxel_size=size,
            voxel_size_source=source,
            is_labels=stored_type.kind in "ui" and any(word in name.lower() for word in _LABELS),
            notes=(guess,),
        )
        yield _Arrays(reader, path, number, info, {(): name})


def _names(file: Any) -> list[str]:
    """The paths of all datasets, by hard links only, which may lead in circles."""
    import h5py

    names: list[str] = []
    groups = [(file, "", 0)]
    members = 0
    while groups:
        group, prefix, depth = groups.pop()
        for name in group:
            members += 1
            if members > MOST_MEMBERS:
                return sorted(names)
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            member = group[name]
            if isinstance(member, h5py.Dataset):
                names.append(f"{prefix}{name}")
            elif isinstance(member, h5py.Group) and depth < DEEPEST_GROUP:
                groups.append((member, f"{prefix}{name}/", depth + 1))
    return sorted(names)


def _element_size(dataset: Any) -> tuple[VoxelSize | None, str]:
    """What ilastik and Fiji write beside an array: micrometres, as z, y, x."""
    value = dataset.attrs.get("element_size_um")
    if value is None or np.shape(value) != (3,):
        return None, ""
    z, y, x = (float(length) for length in value)
    depth = dataset.shape[-3] if dataset.ndim > 2 else 1
    return believable(x, y, z, "µm", depth=depth), "the attribute element_size_um"


def _imaris(reader: Reader, path: Path, file: Any, about: Any) -> Iterator[Image]:
    """The finest level of an Imaris file, which is described by the attributes `about`; what it
    pads its chunks with is left out.

    Format: https://imaris.oxinst.com/support/imaris-file-format
    """
    finest = "DataSet/ResolutionLevel 0"
    times = _counted(file, finest, "TimePoint")
    channels = _counted(file, f"{finest}/TimePoint 0", "Channel")
    names = {
        (*((time,) if times > 1 else ()), channel): (
            f"{finest}/TimePoint {time}/Channel {channel}/Data"
        )
        for time in range(times)
        for channel in range(channels)
    }
    lengths = tuple(int(_text(about, axis)) for axis in "ZYX")
    types = {_padded_type(file, name, lengths) for name in names.values()}
    if len(types) != 1:
        raise ValueError("its channels and times are not of one type")
    x, y, z = (
        (float(_text(about, f"ExtMax{axis}")) - float(_text(about, f"ExtMin{axis}"))) / length
        for axis, length in zip(range(3), lengths[::-1], strict=True)
    )
    described = [_member(file, f"DataSetInfo/Channel {channel}") for channel in range(channels)]
    channel_names = tuple(_text(group.attrs, "Name") if group else "" for group in described)
    info = ImageInfo(
        name="",
        axes=(*(("t",) if times > 1 else ()), "c", "z", "y", "x"),
        shape=(*((times,) if times > 1 else ()), channels, *lengths),
        dtype=types.pop(),
        channel_names=channel_names if all(channel_names) else (),
        channel_colors=tuple(_color(group) for group in described),
        voxel_size=believable(x, y, z, _text(about, "Unit"), depth=lengths[0]),
        voxel_size_source="the Imaris metadata",
    )
    yield _Arrays(reader, path, 0, info, names)


def _padded_type(file: Any, name: str, lengths: tuple[int, ...]) -> np.dtype[Any]:
    """The type of an array that has at least these lengths."""
    dataset = _dataset(file, name)
    if dataset is None or dataset.ndim != 3:
        raise ValueError(f"'{name}' is no array of three axes")
    if any(there < needed for there, needed in zip(dataset.shape, lengths, strict=True)):
        raise ValueError(f"'{name}' is smaller than the image")
    return native(dataset.dtype)


def _counted(file: Any, group: str, name: str) -> int:
    """How many members are called `name` 0, `name` 1, ..."""
    count = 0
    while count < MOST_INDICES and _member(file, f"{group}/{name} {count}") is not None:
        count += 1
    return count


def _text(attributes: Any, name: str) -> str:
    """Imaris writes every attribute as an array of characters."""
    value = attributes.get(name, "")
    if isinstance(value, np.ndarray):
        value = value.astype("S").tobytes()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _color(channel: Any) -> Color | None:
    """Of three parts between 0 and 1."""
    parts = [float(part) for part in _text(channel.attrs, "Color").split()] if channel else []
    if len(parts) != 3 or not all(0 <= part <= 1 for part in parts):
        return None
    red, green, blue = (round(255 * part) for part in parts)
    return red, green, blue
