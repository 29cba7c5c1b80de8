"""Which series of pages in a TIFF file are images, and which together are one."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tifffile import TiffFile, TiffPageSeries

_THUMBNAILS = {"Thumbnail", "Label", "Macro", "Map"}


def images_of(file: TiffFile) -> list[TiffPageSeries]:
    """The series that are images, in the file's order, without thumbnails and small levels.

    tifffile's own writer makes a series of each array that it is given, so that a stack written
    slice by slice is as many series: equal ones that follow each other become one of unnamed pages.
    """
    images = [series for series in file.series if _is_image(series)]
    return [one for _, same in groupby(images, _kind_of_slice) for one in _joined(list(same))]


def _is_image(series: TiffPageSeries) -> bool:
    key = series.keyframe
    return not key.is_reduced and series.name not in _THUMBNAILS and key.dtype is not None


def _kind_of_slice(series: TiffPageSeries) -> tuple[Any, ...]:
    """Equal for series that are slices of one stack; unlike any other for what is no slice."""
    key = series.keyframe
    is_slice = len(series) == 1 and key.shaped[1] == 1 and set(series.get_axes(False)) <= set("YXS")
    if series.kind != "shaped" or series.name or not is_slice:
        return (id(series),)
    return (
        series.get_axes(False),
        series.get_shape(False),
        key.shaped,
        key._dtype,
        key.bitspersample,
        key.photometric,
        key.planarconfig,
        key.extrasamples,
    )


def _joined(slices: list[TiffPageSeries]) -> Iterator[TiffPageSeries]:
    first = slices[0]
    if len(slices) == 1:
        yield first
        return
    pages = [one[0] for one in slices]
    shape, axes = (len(pages), *first.get_shape(False)), "Q" + first.get_axes(False)
    yield TiffPageSeries(pages, shape, first.dtype, axes, kind=first.kind, squeeze=False)
