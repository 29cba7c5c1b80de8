"""Reads TIFF and what is built upon it: BigTIFF, OME-TIFF, ImageJ hyperstacks, LSM, pyramids.

tifffile finds the series of pages and what their axes are; `tiff_pages` decodes them.
"""

import math
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray
from tifffile import TiffFile, TiffPage, TiffPageSeries

from conversion.readers import tiff_metadata, tiff_pages
from conversion.readers.errors import UnreadableImage
from conversion.readers.protocol import Image, ImageInfo, Reader
from conversion.readers.tiff_directories import MAGICS, check_directories, parse_ome
from conversion.readers.tiff_layout import arrange, voxel_dtype
from conversion.readers.tiff_series import images_of

T = TypeVar("T")


class TiffReader(Reader):
    name = "TIFF"
    suffixes = (".tif", ".tiff", ".btf", ".tf8", ".lsm", ".stk", ".svs", ".ndpi", ".scn", ".qptiff")

    def sniff(self, head: bytes, path: Path) -> bool:
        return head.startswith(MAGICS)

    def open(self, path: Path) -> list[Image]:
        cut_off = check_directories(path)
        with TiffFile(path) as file:
            if cut_off and not file.is_ndpi:  # of NDPI, offsets may go on elsewhere
                raise cut_off
            ome = parse_ome(path, file.ome_metadata or "") if file.is_ome else []
            images = images_of(file)
            if not images:
                raise UnreadableImage(path, "It holds no image.", "Export it again.")
            return [
                TiffImage(self, path, number, file, images, _ome_image(ome, file, images[number]))
                for number in range(len(images))
            ]


def _of_channels(values: tuple[T, ...], channels: int) -> tuple[T, ...]:
    """Names or colours, unless the file tells of other channels than it has."""
    return values if len(values) == channels else ()


def _as_named(file: Path, path: Path) -> Path:
    """`file`, whose links tifffile has followed, as it is called beside `path`, if it is there."""
    if file == path.resolve():
        return path
    beside = path.with_name(file.name)
    return beside if beside.resolve() == file else file


def _ome_image(ome: list[Any], file: TiffFile, series: TiffPageSeries) -> Any:
    """tifffile leaves out images without planes; then only names tell which is which."""
    if series.kind != "ome":
        return None
    if len(ome) == len(file.series):
        return ome[file.series.index(series)]
    return next((image for image in ome if image.get("Name") == series.name), None)


class TiffImage(Image):
    """A series of pages; its files are open after the first read, and only they."""

    def __init__(
        self,
        reader: TiffReader,
        path: Path,
        number: int,
        file: TiffFile,
        images: list[TiffPageSeries],
        ome: Any,
    ) -> None:
        series = images[number]
        key = series.keyframe
        keys = [key, *(page.keyframe for page in series._pages if isinstance(page, TiffPage))]
        for one in keys:
            tiff_pages.check_segments(one)
        self._layout = layout = arrange(path, series)
        axes, shape, notes = layout.axes, layout.shape, layout.notes
        depth = shape[axes.index("z")]
        metadata = tiff_metadata.read(file, series, depth, ome)
        missing = sum(page is None for page in series._pages)
        if missing:
            notes += (f"{missing} of its {len(series)} slices are not in the files: left black.",)
        channels = shape[axes.index("c")]
        info = ImageInfo(
            name=metadata.name or (series.name if len(images) > 1 else ""),
            axes=axes,
            shape=shape,
            dtype=voxel_dtype(path, key),
            is_rgb=self._layout.is_rgb,
            channel_names=_of_channels(metadata.channel_names, channels),
            channel_colors=_of_channels(metadata.channel_colors, channels),
            voxel_size=metadata.voxel_size,
            voxel_size_source=metadata.voxel_size_source,
            notes=notes + metadata.notes,
        )
        files = {Path(page.parent.filehandle.path) for page in series._pages if page is not None}
        if any(file.resolve().parent != path.resolve().parent for file in files):
            raise UnreadableImage(path, "It names files outside of its folder.", "Export it again.")
        named = sorted({path, *(_as_named(file, path) for file in files)})
        self.reads_bands = all(tiff_pages.reads_bands(one) for one in keys)
        self._lock = threading.Lock()
        self._series: TiffPageSeries | None = None
        self._descriptors: dict[str, int] = {}
        super().__init__(reader, path, number, info, files=named)

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        number, sample, depth = self._layout.find(index, z)
        room = out if self._layout.is_rgb else out[..., None]
        series = self._opened()
        if not self._layout.is_planar:
            samples = slice(0, 3) if self._layout.is_rgb else slice(sample, sample + 1)
            self._read_page(series, number, 0, depth, y, samples, room)
            return
        planes = range(3) if self._layout.is_rgb else (sample,)
        for place, plane in enumerate(planes):
            one = room[..., place : place + 1]
            self._read_page(series, number, plane, depth, y, slice(0, 1), one)

    def _read_page(
        self,
        series: TiffPageSeries,
        number: int,
        plane: int,
        depth: int,
        rows: range,
        samples: slice,
        out: NDArray[Any],
    ) -> None:
        with self._lock:  # tifffile reads directories lazily, through one file handle
            first = series._pages[0]
            start = series.dataoffset if len(series._pages) == 1 < self._page_count else None
            page = first if start is not None else series[number]
            if page is None:
                out[...] = 0
                return
            stored = tiff_pages.Page(page, self._descriptor(page))
        if start is None:
            stored.read(plane, depth, rows, samples, out)
        else:  # many slices behind each other, of which the file describes the first only
            start += number * math.prod(stored.shaped) * stored.stored_dtype.itemsize
            stored.read_from(start, plane, depth, rows, samples, out)

    @property
    def _page_count(self) -> int:
        return math.prod(length for _, length in self._layout.leading)

    def _opened(self) -> TiffPageSeries:
        with self._lock:
            if self._series is None:
                file = TiffFile(self.path)
                self._series = images_of(file)[self.number]
                self._file = file
            return self._series

    def _descriptor(self, page: Any) -> int:
        path = page.parent.filehandle.path
        if path not in self._descriptors:
            self._descriptors[path] = os.open(path, os.O_RDONLY)
        return self._descriptors[path]

    def close(self) -> None:
        with self._lock:
            if self._series is not None:
                self._file.close()
                self._series = None
            for descriptor in self._descriptors.values():
                os.close(descriptor)
            self._descriptors = {}
