"""Makes images of folders: one of a folder of slices, one layer of each folder within.

What is odd about a folder is told, never silently mended: files that are no images, gaps in the
numbering (notes), and slices of differing size or type (`SeriesProblem`, for a person to decide).
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from conversion.readers import numbered_names, registry
from conversion.readers.errors import MissingLibrary, UnreadableImage
from conversion.readers.folder_listing import is_foreign, listed, natural_key, numbering_notes
from conversion.readers.protocol import SPACE_AXES, Image, ImageInfo, Reader
from datasets.properties.sentences import printable

MOST_LEVELS = 10
"""Of folders in folders."""
MOST_NOTES = 10
"""That the slices of a series add."""


class Choice(StrEnum):
    """What can be done with slices that differ."""

    PAD = "pad"
    """Enlarge smaller slices with zeros, to the largest width and height."""
    CROP = "crop"
    """Cut larger slices, to the smallest width and height."""
    SPLIT = "split"
    """Make a layer of each kind of slice."""


@dataclass(frozen=True)
class Slice:
    """A file that holds one slice."""

    file: Path
    info: ImageInfo
    reads_bands: bool = False

    @property
    def kind(self) -> str:
        """Size and type, for people: slices of one kind can be one image."""
        return self.kind_of(self.info.length("c"))

    def kind_of(self, channels: int) -> str:
        """The kind with that many channels."""
        info = self.info
        colors = "RGB " if info.is_rgb else ""
        of_channels = f" of {channels} channels" if channels > 1 else ""
        return f"{info.length('x')} x {info.length('y')}, {colors}{info.dtype}{of_channels}"


@dataclass(frozen=True)
class SeriesProblem:
    """Slices of one folder that can't be one image as they are."""

    layer: str
    slices: tuple[Slice, ...]
    """All of them, in order."""
    usual: str
    """The kind that most slices are of."""
    choices: tuple[Choice, ...]
    reader: Reader

    @property
    def odd(self) -> tuple[Slice, ...]:
        """The slices that are not as usual."""
        return tuple(one for one in self.slices if one.kind != self.usual)

    def __str__(self) -> str:
        of_kind: dict[str, list[str]] = {}
        for one in self.odd:
            of_kind.setdefault(one.kind, []).append(one.file.name)
        named = [
            f"{listed(names)} {'is' if len(names) == 1 else 'are'} {kind}"
            for kind, names in of_kind.items()
        ]
        return f"Most slices are {self.usual}, but {listed(named, between='; ')}."


@dataclass(frozen=True)
class FoundLayer:
    """Images of one file or folder, more than one where a file holds several scenes."""

    name: str
    images: tuple[Image, ...]
    z: int = 0
    """Where they begin in the dataset."""


@dataclass(frozen=True)
class Found:
    """What a file or folder holds."""

    layers: tuple[FoundLayer, ...] = ()
    problems: tuple[SeriesProblem, ...] = ()
    notes: tuple[str, ...] = ()


class SeriesImage(Image):
    """Files of one slice each as one image; a file is open only while it is read."""

    def __init__(
        self,
        reader: Reader,
        folder: Path,
        slices: Sequence[Path],
        info: ImageInfo,
        *,
        reads_bands: bool = False,
    ) -> None:
        """`info` is of the whole; every file holds one image that is a slice of it. The files count
        depth fastest, then channels (of several in each file, or none), then time. `reads_bands` is
        what all of them do.
        """
        self.reads_bands = reads_bands  # first, since limits ask it
        super().__init__(reader, folder, 0, info, files=slices)
        times = info.length("t") if "t" in info.axes else 1
        self._stacks = len(slices) // (times * info.length("z"))
        self._channels = info.length("c") // self._stacks
        self._kind = Slice(folder, info).kind_of(self._channels)

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        stack, channel = divmod(index["c"], self._channels)
        stack += index.get("t", 0) * self._stacks
        file = self.files[stack * self.info.length("z") + z]
        (image,) = registry.open_file(file)
        with image:
            if Slice(file, image.info).kind != self._kind:
                raise UnreadableImage(file, "It was changed while it was read.", "Start again.")
            image.read({"c": channel}, range(1), y=y, out=out[None])

    def __reduce__(self) -> tuple[Any, ...]:
        make = partial(SeriesImage, reads_bands=self.reads_bands)
        return make, (self.reader, self.path, self.files, self.info)


def find_images(path: Path) -> Found:
    """The layers of a file, of a folder of slices, or of a folder of such folders.

    The slices in a folder become one layer; files that hold more than a slice, one each. Raises
    UnreadableImage where there is nothing to read or a file is broken, MissingLibrary, OSError.
    """
    if not path.is_dir():
        if os.path.lexists(path) and not path.is_file():
            raise UnreadableImage(path, _no_file(path), "Choose a file or a folder of images.")
        return Found(layers=(FoundLayer(path.stem, tuple(registry.open_file(path))),))
    found = _found_in(path, ())
    if not found.layers and not found.problems:
        said = " ".join(found.notes) or "The folder is empty."
        raise UnreadableImage(path, f"There is no image. {said}", "Choose a folder of images.")
    return found


def _found_in(folder: Path, parents: tuple[str, ...]) -> Found:
    entries = sorted(folder.iterdir(), key=natural_key)
    kept = [entry for entry in entries if not is_foreign(entry)]
    found = [_of_files(folder, parents, [entry for entry in kept if entry.is_file()])]
    for entry in kept:
        if not entry.is_dir():
            if not entry.is_file():
                found.append(_left_out(entry, _no_file(entry)))
        elif len(parents) >= MOST_LEVELS:
            found.append(_left_out(entry, f"It lies more than {MOST_LEVELS} folders deep."))
        elif folder.resolve().is_relative_to(entry.resolve()):
            found.append(_left_out(entry, "It is a link to a folder that it lies in."))
        else:
            found.append(_found_in(entry, (*parents, entry.name)))
    return Found(
        layers=tuple(layer for one in found for layer in one.layers),
        problems=tuple(problem for one in found for problem in one.problems),
        notes=tuple(note for one in found for note in one.notes),
    )


def _left_out(entry: Path, why: str) -> Found:
    return Found(notes=(f"Left out: {printable(entry.name)}. {why}",))


def _no_file(path: Path) -> str:
    """What is there that is neither a file nor a folder."""
    return "It is a link that leads nowhere." if path.is_symlink() else "It is no plain file."


def _of_files(folder: Path, parents: tuple[str, ...], files: Sequence[Path]) -> Found:
    name = "_".join(parents) or folder.name
    layers: list[FoundLayer] = []
    slices: list[tuple[Reader, Slice]] = []
    images, unknown = _opened(files)
    for file, of_file in images:
        first = of_file[0]
        if len(of_file) == 1 and first.files == (file,) and _is_slice(first.info):
            slices.append((first.reader, Slice(file, first.info, first.reads_bands)))
        else:
            layers.append(FoundLayer("_".join((*parents, file.stem)), of_file))
    problems: tuple[SeriesProblem, ...] = ()
    notes: tuple[str, ...] = ()
    if unknown:
        names = listed([file.name for file in unknown])
        notes = (f"Left out, since no reader knows them: {names}.",)
    ordered = tuple(one for _, one in slices)
    if len({one.kind for one in ordered}) > 1:
        problems = (_problem(name, ordered, slices[0][0]),)
    elif slices:
        layers.insert(0, FoundLayer(name, (_series(slices[0][0], folder, ordered),)))
    return Found(tuple(layers), problems, notes)


def _opened(files: Sequence[Path]) -> tuple[list[tuple[Path, tuple[Image, ...]]], list[Path]]:
    """The images of each file that begins some, in order, and the files that no reader knows.

    A file that is called like an image and is none is no foreign file, but a broken one. Broken
    ones are told together, by UnreadableImage.
    """
    readers = {file: registry.find(file) for file in files}
    images: list[tuple[Path, tuple[Image, ...]]] = []
    broken: list[UnreadableImage] = []
    for reader in dict.fromkeys(readers.values()):
        if reader is not None and reader.groups_files:
            group = reader.open_group([file for file in files if readers[file] is reader])
            images += [(image.files[0], (image,)) for image in group]
    taken = {part for _, of_file in images for image in of_file for part in image.files}
    # Files with a reader come first: what they are made of beside themselves needs none.
    for file in sorted(files, key=lambda file: readers[file] is None):
        if file not in taken and (readers[file] is not None or registry.is_named_as_image(file)):
            try:
                of_file = tuple(registry.open_file(file))
            except MissingLibrary:
                raise
            except UnreadableImage as error:
                broken.append(error)
                continue
            images.append((file, of_file))
            taken |= {part for image in of_file for part in image.files}
    if broken:
        raise _all_of(files[0].parent, broken, len(files))
    unknown = [file for file in files if file not in taken]
    return sorted(images, key=lambda found: natural_key(found[0])), unknown


def _all_of(folder: Path, broken: Sequence[UnreadableImage], files: int) -> UnreadableImage:
    """What to say of the broken ones among so many files of a folder."""
    first = broken[0]
    if len(broken) == 1:
        advice = f"To convert the rest, take it out of the folder. {first.advice}"
        return UnreadableImage(first.file, first.what, advice)
    names = listed([error.file.name for error in broken])
    return UnreadableImage(
        folder,
        f"{len(broken)} of its {files} files can't be read: {names}. The first one: {first.what}",
        f"To convert the rest, take them out of the folder. {first.advice}",
    )


def _is_slice(info: ImageInfo) -> bool:
    return all(
        length == 1
        for axis, length in zip(info.axes, info.shape, strict=True)
        if axis not in ("c", "y", "x")
    )


def _series(reader: Reader, folder: Path, slices: Sequence[Slice]) -> SeriesImage:
    """The slices as one image, with the channels and times that their names tell of."""
    names = numbered_names.arrange([one.file for one in slices])
    make = partial(SeriesImage, reads_bands=all(one.reads_bands for one in slices))
    if names is None:
        files = [one.file for one in slices]
        return make(reader, folder, files, info_of_series(slices))
    by_file = {one.file: one for one in slices}
    info = info_of_series([by_file[file] for file in names.stack])
    channels, depth, *plane = info.shape
    channels *= len(names.channels)
    time = (names.times,) if names.times > 1 else ()
    info = replace(
        info,
        axes=(*("t" for _ in time), *SPACE_AXES),
        shape=(*time, channels, depth, *plane),
        channel_names=names.channels if 1 < len(names.channels) == channels else (),
        channel_colors=(),
        notes=(names.note, *info.notes),
    )
    return make(reader, folder, names.files, info)


def info_of_series(slices: Sequence[Slice], stack: Sequence[Slice] = ()) -> ImageInfo:
    """What the slices are together. Of their voxel size, z is believed only where it is not x.

    `stack` is all that lies over each other, where that is not these slices.
    """
    stack = stack or slices
    first = slices[0].info
    size, notes = first.voxel_size, list(dict.fromkeys(n for s in slices for n in s.info.notes))
    if size is not None and len(stack) > 1 and size.factor[2] == size.factor[0]:
        x, y, _ = size.factor
        notes.append(
            f"A voxel is {x:g} x {y:g} {size.unit.symbol} by {first.voxel_size_source}; "
            "no distance of slices is given."
        )
        size = None
    more = len(notes) - MOST_NOTES
    if more > 0:
        notes[MOST_NOTES:] = [f"{more} more notes are of the same kind."]
    return replace(
        first,
        name="",
        axes=SPACE_AXES,
        shape=(first.length("c"), len(slices), *first.shape[-2:]),
        voxel_size=size,
        voxel_size_source=first.voxel_size_source if size else "",
        notes=(*notes, *numbering_notes([one.file for one in stack])),
    )


def _problem(name: str, slices: tuple[Slice, ...], reader: Reader) -> SeriesProblem:
    usual = Counter(one.kind for one in slices).most_common(1)[0][0]
    first = slices[0].info
    differ_in_size_only = all(
        (one.info.dtype, one.info.is_rgb, one.info.length("c"))
        == (first.dtype, first.is_rgb, first.length("c"))
        for one in slices
    )
    choices = tuple(Choice) if differ_in_size_only else (Choice.SPLIT,)
    return SeriesProblem(name, slices, usual, choices, reader)
