"""What every reader has to do: the tests of each one subclass `ReaderContract`."""

import pickle
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.readers import Image, UnreadableImage
from conversion.readers.registry import open_file

MUTANTS = 40
LARGEST_MUTANT_SLICE = 1 << 24  # voxels; decoding larger ones would test patience only


@dataclass(frozen=True)
class Case:
    """A file, and the voxels that another program, or the one that wrote it, finds in it.

    `voxels` has the image's axes in their order: further axes, c, z, y, x, then 3 for colours.
    """

    path: Path
    voxels: NDArray[Any]
    number: int = 0
    """Which of the file's images it is."""

    def open(self) -> Image:
        return open_file(self.path)[self.number]


def places(image: Image) -> Iterator[dict[str, int]]:
    """Every channel at every index of the further axes."""
    axes = (*image.info.further_axes, "c")
    for index in product(*(range(image.info.length(axis)) for axis in axes)):
        yield dict(zip(axes, index, strict=True))


def whole(image: Image) -> range:
    return range(image.info.length("z"))


class ReaderContract:
    """Subclasses give a fixture `case`, usually parametrised, with a file in `tmp_path`.

    The file is overwritten, so it has to be a copy; each test gets a new one.
    """

    @pytest.fixture
    def case(self) -> Case:
        raise NotImplementedError

    @pytest.fixture
    def image(self, case: Case) -> Iterator[Image]:
        with case.open() as image:
            yield image

    def expected(self, case: Case, index: Mapping[str, int]) -> NDArray[Any]:
        """(z, y, x) or (z, y, x, 3) at `index`."""
        return case.voxels[tuple(index.values())]

    def test_tells_shape_and_type(self, case: Case, image: Image) -> None:
        shape = image.info.shape + ((3,) if image.info.is_rgb else ())
        assert shape == case.voxels.shape
        assert image.info.dtype == case.voxels.dtype

    def test_every_voxel_is_right(self, case: Case, image: Image) -> None:
        for index in places(image):
            np.testing.assert_array_equal(
                image.read(index, whole(image)), self.expected(case, index)
            )

    def test_one_slice_is_right(self, case: Case, image: Image) -> None:
        last = list(places(image))[-1]
        for z in {0, len(whole(image)) // 2, len(whole(image)) - 1}:
            expected = self.expected(case, last)[z : z + 1]
            np.testing.assert_array_equal(image.read(last, range(z, z + 1)), expected)

    def test_bands_are_parts_of_slices(self, case: Case, image: Image) -> None:
        rows = image.info.length("y")
        for index in places(image):
            for start, stop in {(0, 1), (rows // 3, rows // 3 + (rows + 1) // 2), (rows - 1, rows)}:
                band = image.read(index, whole(image), y=range(start, stop))
                np.testing.assert_array_equal(band, self.expected(case, index)[:, start:stop])

    def test_fills_the_given_room_only(self, case: Case, image: Image) -> None:
        index = next(places(image))
        expected = self.expected(case, index)
        room = np.full((len(expected) + 2, 2, *expected.shape[1:]), 77, expected.dtype)
        result = image.read(index, whole(image), out=room[1:-1, 0])
        assert np.shares_memory(result, room)
        np.testing.assert_array_equal(room[1:-1, 0], expected)
        assert (room[:, 1] == 77).all() and (room[[0, -1]] == 77).all()

    def test_refuses_what_lies_outside(self, image: Image) -> None:
        index, depth, rows = next(places(image)), len(whole(image)), image.info.length("y")
        with pytest.raises(ValueError, match="axis z"):
            image.read(index, range(depth + 1))
        with pytest.raises(ValueError, match="axis y"):
            image.read(index, range(1), y=range(rows, rows + 1))
        with pytest.raises(ValueError, match="axis c"):
            image.read(index | {"c": image.info.length("c")}, range(1))
        with pytest.raises(ValueError, match="no room"):
            image.read(index, range(1), out=np.empty((1, 1), image.info.dtype))

    def test_threads_agree(self, case: Case, image: Image) -> None:
        indices = list(places(image)) * 4
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda index: image.read(index, whole(image)), indices))
        for index, voxels in zip(indices, found, strict=True):
            np.testing.assert_array_equal(voxels, self.expected(case, index))

    def test_opens_again_where_it_is_unpickled(self, case: Case, image: Image) -> None:
        index = next(places(image))
        image.read(index, range(1))
        pickled = pickle.dumps(image)
        assert len(pickled) < 100_000
        with pickle.loads(pickled) as copy:
            assert copy.info == image.info
            np.testing.assert_array_equal(copy.read(index, whole(copy)), self.expected(case, index))

    def test_reads_after_closing(self, case: Case, image: Image) -> None:
        index = next(places(image))
        image.read(index, range(1))
        image.close()
        np.testing.assert_array_equal(image.read(index, range(1)), self.expected(case, index)[:1])

    def test_a_damaged_file_is_read_or_refused(self, case: Case) -> None:
        original = case.path.read_bytes()
        for seed in range(MUTANTS):
            mutated = mutate(original, random.Random(seed))
            case.path.write_bytes(mutated)
            read_or_refuse(case.path)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A file with a few wrong bytes, mostly in its header, or one that is cut short."""
    if chance.random() < 0.15:
        return data[: chance.randrange(len(data))]
    mutated = bytearray(data)
    for _ in range(chance.choice((1, 2, 4, 16))):
        within = min(len(data), chance.choice((64, 512, 4096, len(data))))
        place = chance.randrange(within) if chance.random() < 0.7 else -1 - chance.randrange(within)
        mutated[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(mutated)


def read_or_refuse(path: Path) -> None:
    """Read a slice or two of every image; all that may be raised is UnreadableImage."""
    try:
        for image in open_file(path):
            with image:
                size = image.info.length("y") * image.info.length("x")
                for index in (
                    next(places(image)),
                    {a: image.info.length(a) - 1 for a in image.info.axes[:-3]},
                ):
                    if size <= LARGEST_MUTANT_SLICE:
                        image.read(index, range(1))
    except UnreadableImage as problem:
        assert problem.what.endswith(".") and str(problem).startswith(path.name)
