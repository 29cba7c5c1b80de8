"""The contract every format is held to: one volume, written in that format, reads back the same.

A subclass says how to write the volume; the writers are other people's programs wherever there
are some, so that a mistake of the reader isn't repeated by its test.
"""

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import google_crc32c
import numcodecs
import numpy as np
import pytest
import zstandard

from datasets.voxels.array import ByteCodec, ChunkCodec, StoredBytes, StoredChunk, VoxelArray
from datasets.voxels.box import Box
from datasets.voxels.errors import BoxTooLarge, VoxelsBroken
from datasets.voxels.open import open_mag

SIZE = (45, 38, 29)
# What `broken` reads.
BOX = Box((0, 0, 0), (16, 16, 16))
METADATA_FILES = {"header.wkw", "zarr.json", ".zarray", ".zattrs", "attributes.json"}


def make_volume(dtype: str, channels: int, size: tuple[int, ...] = SIZE) -> np.ndarray:
    """A volume (c, x, y, z) of noise in which one corner is empty, as real data's often is."""
    rng = np.random.default_rng(7)
    if np.dtype(dtype).kind == "f":
        volume = rng.normal(size=(channels, *size)).astype(dtype)
    else:
        info = np.iinfo(dtype)
        volume = rng.integers(info.min, info.max, (channels, *size), dtype, endpoint=True)
    volume[:, 32:, 32:] = 0
    return volume


def expected(volume: np.ndarray, box: Box, fill: Any = 0) -> np.ndarray:
    """What reading `box` must give, voxel by voxel in the plainest way."""
    result = np.full((volume.shape[0], *box.size), fill, volume.dtype)
    grids = [np.arange(low, low + n) for low, n in zip(box.offset, box.size, strict=True)]
    inside = [
        np.nonzero((grid >= 0) & (grid < length))[0]
        for grid, length in zip(grids, volume.shape[1:], strict=True)
    ]
    channels = np.arange(volume.shape[0])
    source = [grid[keep] for grid, keep in zip(grids, inside, strict=True)]
    result[np.ix_(channels, *inside)] = volume[np.ix_(channels, *source)]
    return result


def random_boxes(count: int) -> list[Box]:
    rng = np.random.default_rng(11)
    boxes = []
    for _ in range(count):
        low = [int(rng.integers(-10, length + 5)) for length in SIZE]
        size = [int(rng.integers(1, length + 10)) for length in SIZE]
        boxes.append(Box(tuple(low), tuple(size)))
    return boxes


def decode(stored: StoredChunk, codec: ChunkCodec) -> np.ndarray:
    """Decode a stored chunk by its description alone, into an array along `codec.axes`."""
    if isinstance(stored, StoredBytes):
        with stored.path.open("rb") as file:
            file.seek(stored.offset)
            data = file.read(stored.length)
    else:
        data = stored
    for step in reversed(codec.steps):
        data = undo(step, data)
    return np.frombuffer(data, codec.dtype).reshape(codec.shape)


def undo(step: ByteCodec, data: bytes) -> bytes:
    match step.name:
        case "crc32c":
            assert google_crc32c.value(data[:-4]) == int.from_bytes(data[-4:], "little")
            return data[:-4]
        case "gzip":
            return gzip.decompress(data)
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
        case "blosc":
            assert isinstance(step.configuration["shuffle"], str)
            return bytes(numcodecs.blosc.decompress(data))
    raise AssertionError(f"unexpected step {step}")


def broken(mag: Path, data_format: str) -> VoxelsBroken:
    """Open and read; return what was raised, which must be presentable to people."""
    with pytest.raises(VoxelsBroken) as caught:
        open_mag(mag, data_format).read(BOX)
    message = str(caught.value)
    assert caught.value.file in message
    assert "secret-place" not in message
    assert message.startswith("The mag's file ")
    assert message.endswith(".")
    return caught.value


def put_elsewhere(mag: Path, elsewhere: Path, what: str) -> None:
    """Move the files with voxels, or the folders that hold them, and leave links in their place."""
    elsewhere.mkdir()
    if what == "folders":
        moved = [path for path in mag.iterdir() if path.is_dir()]
    else:
        moved = [path for path in mag.rglob("*") if path.is_file()]
    moved = [path for path in moved if path.name not in METADATA_FILES]
    if not moved:
        pytest.skip("its files lie in the mag's directory itself")
    for number, path in enumerate(moved):
        target = elsewhere / str(number)
        path.rename(target)
        path.symlink_to(target)


class ReadingContract:
    """Subclasses set the class attributes and `write`."""

    data_format: str
    dtype = "uint8"
    channels = 1
    stored_chunks = False

    @classmethod
    def write(cls, mag: Path, volume: np.ndarray) -> None:
        """Store `volume` (c, x, y, z) as the mag in the directory `mag`."""
        raise NotImplementedError

    @classmethod
    def options(cls) -> dict[str, Any]:
        """What datasource-properties.json would say beside the data format."""
        return {}

    @pytest.fixture(scope="class")
    @classmethod
    def volume(cls) -> np.ndarray:
        return make_volume(cls.dtype, cls.channels)

    @pytest.fixture(scope="class")
    @classmethod
    def array(cls, tmp_path_factory: pytest.TempPathFactory, volume: np.ndarray) -> VoxelArray:
        mag = tmp_path_factory.mktemp("layer") / "1"
        cls.write(mag, volume)
        return open_mag(mag, cls.data_format, **cls.options())

    def test_any_box_reads_as_written_and_zero_where_nothing_is(self, array, volume):
        for box in random_boxes(40):
            read = array.read(box)
            assert read.dtype == np.dtype(self.dtype).newbyteorder("<")
            np.testing.assert_array_equal(read, expected(volume, box))

    def test_a_box_outside_is_zero(self, array, volume):
        for offset in [(-1000, 0, 0), (0, 10**6, 0), (2**40, 2**40, 2**40), (-5, -5, -5)]:
            box = Box(offset, (5, 5, 5))
            np.testing.assert_array_equal(array.read(box), expected(volume, box))

    def test_an_empty_box_is_an_empty_array(self, array):
        assert array.read(Box((3, 3, 3), (0, 4, 4))).shape == (self.channels, 0, 4, 4)
        assert array.read(Box((-9, 3, 3), (4, 0, 0))).shape == (self.channels, 4, 0, 0)

    def test_the_declared_shape_holds_all_voxels(self, array, volume):
        assert array.num_channels == self.channels
        assert all(a >= b for a, b in zip(array.shape, volume.shape, strict=True))
        assert len(array.chunk_shape) == 4

    def test_channels_come_in_the_order_asked_for(self, array, volume):
        box = Box((1, 2, 3), (20, 20, 20))
        wanted = list(range(self.channels))[::-1]
        np.testing.assert_array_equal(
            array.read(box, channels=wanted), expected(volume, box)[wanted]
        )
        np.testing.assert_array_equal(
            array.read(box, channels=[self.channels - 1]), expected(volume, box)[-1:]
        )
        assert array.read(box, channels=[]).shape == (0, 20, 20, 20)
        with pytest.raises(ValueError, match="no channel"):
            array.read(box, channels=[self.channels])

    def test_one_channel_can_be_shown_as_a_layer(self, array, volume):
        mag = array._path
        last = open_mag(mag, self.data_format, channel_index=self.channels - 1, **self.options())
        box = Box((-1, 0, 5), (30, 30, 30))
        np.testing.assert_array_equal(last.read(box), expected(volume, box)[-1:])
        assert last.shape[0] == 1

    @pytest.mark.parametrize("linked", ["files", "folders"])
    def test_links_in_the_mag_lead_only_where_they_may(self, tmp_path, volume, linked):
        mag, elsewhere = tmp_path / "layer" / "1", tmp_path / "elsewhere"
        self.write(mag, volume)
        put_elsewhere(mag, elsewhere, linked)
        box = Box((0, 0, 0), (20, 20, 20))
        array = open_mag(mag, self.data_format, **self.options())
        for _ in range(2):  # also once anything of it is remembered
            with pytest.raises(VoxelsBroken, match="outside of the dataset"):
                array.read(box)
        if self.stored_chunks:
            with pytest.raises(VoxelsBroken, match="outside of the dataset"):
                array.stored_chunk((0, 0, 0, 0))

        def may_read(real_path: str) -> bool:
            return Path(real_path).is_relative_to(elsewhere)

        allowed = open_mag(mag, self.data_format, may_read=may_read, **self.options())
        np.testing.assert_array_equal(allowed.read(box), expected(volume, box))
        if self.stored_chunks:
            stored = allowed.stored_chunk((0, 0, 0, 0))
            assert stored is not None
            assert not isinstance(stored, StoredBytes) or not stored.path.is_symlink()

    def test_a_huge_box_is_refused_before_anything_is_allocated(self, array):
        with pytest.raises(BoxTooLarge, match="smaller boxes or a coarser mag"):
            array.read(Box((0, 0, 0), (10**6, 10**6, 10**6)))
        with pytest.raises(BoxTooLarge):
            array.read(Box((0, 0, 0), (10, 10, 10)), max_bytes=999)

    def test_a_box_of_negative_size_is_refused(self, array):
        with pytest.raises(ValueError, match="negative"):
            array.read(Box((0, 0, 0), (1, -1, 1)))

    def test_threads_may_read_at_once(self, array, volume):
        boxes = random_boxes(24)
        with ThreadPoolExecutor(4) as pool:
            for box, read in zip(boxes, pool.map(array.read, boxes), strict=True):
                np.testing.assert_array_equal(read, expected(volume, box))

    def test_stored_chunks_decode_to_what_is_read(self, array):
        if not self.stored_chunks:
            assert array.codec is None
            with pytest.raises(ValueError, match="no codec"):
                array.stored_chunk((0, 0, 0, 0))
            return
        counts = [-(-n // c) for n, c in zip(array.shape, array.chunk_shape, strict=True)]
        found = 0
        for chunk in np.ndindex(*counts):
            offset = [i * n for i, n in zip(chunk, array.chunk_shape, strict=True)]
            end = [
                min(low + n, length)
                for low, n, length in zip(offset, array.chunk_shape, array.shape, strict=True)
            ]
            size = tuple(b - a for a, b in zip(offset, end, strict=True))
            read = array.read(Box(tuple(offset[1:]), size[1:]), channels=range(offset[0], end[0]))
            stored = array.stored_chunk(chunk)
            if stored is None:
                assert not read.any()
                continue
            found += 1
            decoded = decode(stored, array.codec)
            named = [axis for axis in ("c", "x", "y", "z") if axis in array.codec.axes]
            decoded = decoded.transpose([array.codec.axes.index(axis) for axis in named])
            decoded = decoded.reshape((1,) * (4 - len(named)) + decoded.shape)
            np.testing.assert_array_equal(decoded[tuple(map(slice, size))], read)
        assert found > 1
        assert array.stored_chunk((0, counts[1], 0, 0)) is None
        assert array.stored_chunk((0, -1, 0, 0)) is None
