"""Slices of one folder that differ in size or type, made images in the way a person chose."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from conversion.readers import registry
from conversion.readers.errors import UnreadableImage
from conversion.readers.protocol import Image, ImageInfo, Reader
from conversion.readers.series import (
    Choice,
    FoundLayer,
    SeriesImage,
    SeriesProblem,
    Slice,
    info_of_series,
)


class FittedSeriesImage(Image):
    """Slices of one type and differing size, each padded with zeros or cut to one width and height.

    The top left corners lie upon each other.
    """

    def __init__(
        self,
        reader: Reader,
        folder: Path,
        slices: Sequence[Path],
        info: ImageInfo,
        kinds: tuple[str, ...],
    ) -> None:
        """`info` is of the whole; `kinds` are what the slices were when they were found."""
        super().__init__(reader, folder, 0, info, files=slices)
        self._kinds = kinds

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        file = self.files[z]
        (image,) = registry.open_file(file)
        with image:
            if Slice(file, image.info).kind != self._kinds[z]:
                raise UnreadableImage(file, "It was changed while it was read.", "Start again.")
            rows = range(y.start, min(y.stop, image.info.length("y")))
            columns = min(image.info.length("x"), out.shape[1])
            out[...] = 0
            if rows:
                plane = image.read({"c": index["c"]}, range(1), y=rows)[0]
                out[: len(rows), :columns] = plane[:, :columns]

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.reader, self.path, self.files, self.info, self._kinds)
        return FittedSeriesImage, arguments


def resolved(problem: SeriesProblem, choice: Choice) -> list[FoundLayer]:
    """The layers that `choice`, one of the problem's, makes of the slices."""
    if choice is Choice.SPLIT:
        return _split(problem)
    widths = [one.info.length("x") for one in problem.slices]
    heights = [one.info.length("y") for one in problem.slices]
    chosen = max if choice is Choice.PAD else min
    first = problem.slices[0]
    whole = info_of_series(problem.slices)
    done = "padded with zeros" if choice is Choice.PAD else "cut"
    note = f"Of the slices, {len(problem.odd)} are not as large as most; they were {done}."
    image = FittedSeriesImage(
        problem.reader,
        first.file.parent,
        [one.file for one in problem.slices],
        replace(
            whole,
            shape=(*whole.shape[:2], chosen(heights), chosen(widths)),
            notes=(*whole.notes, note),
        ),
        tuple(one.kind for one in problem.slices),
    )
    return [FoundLayer(problem.layer, (image,))]


def _split(problem: SeriesProblem) -> list[FoundLayer]:
    """A layer of each kind of slice, the usual kind first and without a number."""
    kinds = sorted({one.kind for one in problem.slices}, key=lambda kind: kind != problem.usual)
    layers = []
    for number, kind in enumerate(kinds, 1):
        slices = [one for one in problem.slices if one.kind == kind]
        image = SeriesImage(
            problem.reader,
            slices[0].file.parent,
            [one.file for one in slices],
            info_of_series(slices),
            reads_bands=all(one.reads_bands for one in slices),
        )
        name = problem.layer if number == 1 else f"{problem.layer}_{number}"
        layers.append(FoundLayer(name, (image,)))
    return layers
