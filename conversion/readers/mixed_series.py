"""Slices of one folder that differ in size or type, made images in the way a person chose."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from conversion.readers import registry
from conversion.readers.errors import UnreadableImage
from conversion.readers.folder_listing import listed
from conversion.readers.numbered_names import Arrangement, arrange
from conversion.readers.protocol import SPACE_AXES, Image, ImageInfo, Reader
from conversion.readers.series import (
    Choice,
    FoundLayer,
    SeriesProblem,
    Slice,
    info_of_series,
)

Place = tuple[int, int, int]
"""Of a slice: point in time, channel by the files' names, depth."""


class FittedSeriesImage(Image):
    """Slices of one type at their places, with zeros at places without one.

    Smaller ones are padded with zeros, larger ones cut; the top left corners lie upon each other.
    """

    def __init__(
        self,
        reader: Reader,
        folder: Path,
        slices: Mapping[Place, tuple[Path, str]],
        info: ImageInfo,
        *,
        reads_bands: bool = False,
    ) -> None:
        """`info` is of the whole; with each file comes the kind that it was when it was found.
        `reads_bands` is what all of them do.
        """
        self.reads_bands = reads_bands  # first, since limits ask it
        super().__init__(reader, folder, 0, info, files=[file for file, _ in slices.values()])
        self._slices = slices
        self._channels = info.length("c") // (1 + max(channel for _, channel, _ in slices))

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        out[...] = 0
        by_name, channel = divmod(index["c"], self._channels)
        found = self._slices.get((index.get("t", 0), by_name, z))
        if found is None:
            return
        file, kind = found
        (image,) = registry.open_file(file)
        with image:
            if Slice(file, image.info).kind != kind:
                raise UnreadableImage(file, "It was changed while it was read.", "Start again.")
            rows = range(y.start, min(y.stop, image.info.length("y")))
            columns = min(image.info.length("x"), out.shape[1])
            if rows:
                plane = image.read({"c": channel}, range(1), y=rows)[0]
                out[: len(rows), :columns] = plane[:, :columns]

    def __reduce__(self) -> tuple[Any, ...]:
        make = partial(FittedSeriesImage, reads_bands=self.reads_bands)
        return make, (self.reader, self.path, self._slices, self.info)


def resolved(problem: SeriesProblem, choice: Choice) -> list[FoundLayer]:
    """The layers that `choice`, one of the problem's, makes of the slices.

    Each slice keeps its depth among all of them, so that layers lie rightly over each other.
    """
    files = [one.file for one in problem.slices]
    arranged = arrange(files) or Arrangement(tuple(files), 1, ("",))
    places = _places(problem, arranged)
    if choice is Choice.SPLIT:
        return _split(problem, arranged, places)
    chosen = max if choice is Choice.PAD else min
    plane = [chosen(one.info.length(axis) for one in problem.slices) for axis in "yx"]
    done = "padded with zeros" if choice is Choice.PAD else "cut"
    note = f"Of the slices, {len(problem.odd)} are not as large as most; they were {done}."
    return [_layer(problem, problem.layer, arranged, places, plane, (note,))]


def _places(problem: SeriesProblem, arranged: Arrangement) -> dict[Place, Slice]:
    """The slices at their places in the arrangement."""
    by_file = {one.file: one for one in problem.slices}
    grid = product(range(arranged.times), range(len(arranged.channels)), range(len(arranged.stack)))
    return {place: by_file[file] for place, file in zip(grid, arranged.files, strict=True)}


def _split(
    problem: SeriesProblem, arranged: Arrangement, places: Mapping[Place, Slice]
) -> list[FoundLayer]:
    """A layer of each kind of slice, the usual kind first and without a number.

    It reaches from its first slice to its last one; where others lie in between, it is black.
    """
    of_kind: dict[str, dict[Place, Slice]] = {problem.usual: {}}
    for place, one in places.items():
        of_kind.setdefault(one.kind, {})[place] = one
    depths = {kind: {z for _, _, z in own} for kind, own in of_kind.items()}
    names = {
        kind: problem.layer if number == 1 else f"{problem.layer}_{number}"
        for number, kind in enumerate(of_kind, 1)
    }
    layers = []
    for kind, own in of_kind.items():
        notes = []
        if first := min(depths[kind]):
            notes.append(f"It begins at z {first}, the place of its first slice in the folder.")
        if black := sorted(set(range(first, max(depths[kind]))) - depths[kind]):
            others = [f"'{names[other]}'" for other in of_kind if depths[other] & set(black)]
            notes.append(
                f"It is black at z {listed(_stretches(black))}; the slices from there are in "
                f"{listed(others)}."
            )
        plane = next(iter(own.values())).info.shape[-2:]
        layers.append(_layer(problem, names[kind], arranged, own, plane, notes))
    return layers


def _stretches(numbers: Sequence[int]) -> list[str]:
    """Sorted numbers as people write them: 3, 5 to 9."""
    ends = [[number, number] for number in numbers[:1]]
    for number in numbers[1:]:
        if number == ends[-1][1] + 1:
            ends[-1][1] = number
        else:
            ends.append([number, number])
    return [str(first) if first == last else f"{first} to {last}" for first, last in ends]


def _layer(
    problem: SeriesProblem,
    name: str,
    arranged: Arrangement,
    places: Mapping[Place, Slice],
    plane: Sequence[int],
    notes: Sequence[str],
) -> FoundLayer:
    """The slices, of height and width `plane`, as a layer that begins at the first of them."""
    slices = tuple(places.values())
    channels = sorted({channel for _, channel, _ in places})
    depths = [z for _, _, z in places]
    first = min(depths)
    own = replace(arranged, channels=tuple(arranged.channels[channel] for channel in channels))
    by_file = {one.file: one for one in problem.slices}
    info = info_of_series(slices, [by_file[file] for file in arranged.stack])
    channel_count = info.length("c") * len(channels)
    is_named = len(channels) > 1
    own_names = own.channels if len(channels) == channel_count else ()
    time = (arranged.times,) if arranged.times > 1 else ()
    info = replace(
        info,
        axes=(*("t" for _ in time), *SPACE_AXES),
        shape=(*time, channel_count, 1 + max(depths) - first, *plane),
        channel_names=own_names if is_named else info.channel_names,
        channel_colors=() if is_named else info.channel_colors,
        notes=(*info.notes, *((own.note,) if time or is_named else ()), *notes),
    )
    image = FittedSeriesImage(
        problem.reader,
        slices[0].file.parent,
        {
            (t, channels.index(channel), z - first): (one.file, one.kind)
            for (t, channel, z), one in places.items()
        },
        info,
        reads_bands=all(one.reads_bands for one in slices),
    )
    return FoundLayer(name, (image,), first)
