"""Every local format, variant by variant, held to the contract."""

import struct
from pathlib import Path

import lz4.block
import numcodecs
import numpy as np
import tensorstore as ts
import wkw
import zarr
from zarr.codecs import BloscCodec, BytesCodec, GzipCodec, TransposeCodec, ZstdCodec

from datasets.voxels.open import open_mag
from tests.datasets.voxels.voxel_contract import ReadingContract, decode


class WkwContract(ReadingContract):
    data_format = "wkw"
    stored_chunks = True
    block_type = wkw.Header.BLOCK_TYPE_RAW
    block_len = 32
    file_len = 2

    @classmethod
    def write(cls, mag: Path, volume: np.ndarray) -> None:
        header = wkw.Header(
            np.dtype(cls.dtype).type,
            cls.channels,
            block_len=cls.block_len,
            file_len=cls.file_len,
            block_type=cls.block_type,
        )
        side = cls.block_len * cls.file_len
        padding = [(0, 0), *((0, -length % side) for length in volume.shape[1:])]
        with wkw.Dataset.create(str(mag), header) as dataset:
            dataset.write((0, 0, 0), np.asfortranarray(np.pad(volume, padding)))


class TestWkwRaw(WkwContract):
    pass


class TestWkwLz4(WkwContract):
    block_type = wkw.Header.BLOCK_TYPE_LZ4
    dtype = "uint16"
    channels = 2


class TestWkwLz4hc(WkwContract):
    block_type = wkw.Header.BLOCK_TYPE_LZ4HC
    dtype = "uint64"


class TestWkwRgb(WkwContract):
    block_type = wkw.Header.BLOCK_TYPE_LZ4
    channels = 3


def test_lz4_as_long_as_its_voxels_is_handed_on_readable(tmp_path: Path) -> None:
    # Blosc takes a block of this length for one that is not compressed.
    size = 32**3
    noise = np.random.default_rng(1).bytes(size)
    made = (noise[: size - zeros] + bytes(zeros) for zeros in range(100, 300))
    voxels, block = next(
        (raw, block)
        for raw in made
        if len(block := lz4.block.compress(raw, store_size=False)) == size
    )
    header = struct.pack("<3sBBBBBQ", b"WKW", 1, 0x05, 2, 1, 1, 24)
    (tmp_path / "z0/y0").mkdir(parents=True)
    (tmp_path / "z0/y0/x0.wkw").write_bytes(header + struct.pack("<Q", 24 + size) + block)
    (tmp_path / "header.wkw").write_bytes(header)
    array = open_mag(tmp_path, "wkw")
    stored = array.stored_chunk((0, 0, 0, 0))
    assert stored is not None
    assert array.codec is not None
    assert decode(stored, array.codec).tobytes() == voxels


class TestWkwSmallBlocks(WkwContract):
    stored_chunks = False
    block_len = 4
    file_len = 8


class TestWkwOneBlockPerFile(WkwContract):
    dtype = "int32"
    file_len = 1


class TestWkwDouble(WkwContract):
    dtype = "float64"


class Zarr2Contract(ReadingContract):
    data_format = "zarr"
    stored_chunks = True
    compressor: object = None
    order = "C"
    separator = "."
    byte_order = "<"
    chunk = (16, 16, 16)

    @classmethod
    def write(cls, mag: Path, volume: np.ndarray) -> None:
        array = zarr.create_array(
            str(mag),
            shape=volume.shape,
            chunks=(1, *cls.chunk),
            dtype=np.dtype(cls.dtype).newbyteorder(cls.byte_order),
            zarr_format=2,
            compressors=cls.compressor,
            filters=None,
            order=cls.order,
            chunk_key_encoding={"name": "v2", "separator": cls.separator},
            config={"write_empty_chunks": False},
            fill_value=0,
        )
        array[:] = volume


class TestZarr2Plain(Zarr2Contract):
    pass


class TestZarr2FortranBlosc(Zarr2Contract):
    order = "F"
    dtype = "uint16"
    channels = 2
    compressor = numcodecs.Blosc("zstd", shuffle=numcodecs.Blosc.BITSHUFFLE)


class TestZarr2SlashZstd(Zarr2Contract):
    separator = "/"
    dtype = "uint32"
    compressor = numcodecs.Zstd(level=3)


class TestZarr2Gzip(Zarr2Contract):
    dtype = "float32"
    compressor = numcodecs.GZip(level=1)


class TestZarr2BigEndian(Zarr2Contract):
    dtype = "int16"
    byte_order = ">"
    order = "F"
    separator = "/"
    compressor = numcodecs.Blosc("lz4", shuffle=numcodecs.Blosc.AUTOSHUFFLE)


class Zarr3Contract(ReadingContract):
    data_format = "zarr3"
    stored_chunks = True
    shards: tuple[int, int, int] | None = None
    chunk = (16, 16, 16)
    compressors: object = None
    transpose: tuple[int, ...] | None = None
    endian = "little"
    keys: dict[str, str] = {"name": "default", "separator": "/"}

    @classmethod
    def write(cls, mag: Path, volume: np.ndarray) -> None:
        array = zarr.create_array(
            str(mag),
            shape=volume.shape,
            chunks=(1, *cls.chunk),
            shards=cls.shards and (1, *cls.shards),
            dtype=cls.dtype,
            zarr_format=3,
            compressors=cls.compressors,
            filters=[TransposeCodec(order=cls.transpose)] if cls.transpose else None,
            serializer=BytesCodec(endian=cls.endian),
            chunk_key_encoding=cls.keys,
            config={"write_empty_chunks": False},
            fill_value=0,
        )
        array[:] = volume


class TestZarr3Plain(Zarr3Contract):
    pass


class TestZarr3Zstd(Zarr3Contract):
    dtype = "uint64"
    channels = 2
    compressors = ZstdCodec(level=1)
    keys = {"name": "v2", "separator": "."}


class TestZarr3BigEndian(Zarr3Contract):
    dtype = "int64"
    endian = "big"
    compressors = GzipCodec(level=1)
    keys = {"name": "default", "separator": "."}


class TestZarr3Sharded(Zarr3Contract):
    shards = (32, 32, 32)
    compressors = BloscCodec(cname="lz4")


class TestZarr3ShardedTransposed(Zarr3Contract):
    """As the public library for Python writes it."""

    dtype = "uint16"
    channels = 3
    shards = (64, 64, 64)
    compressors = ZstdCodec(level=1, checksum=True)
    transpose = (3, 2, 1, 0)


class TestZarr3Rotated(Zarr3Contract):
    """A transposition that is not its own inverse, so that its direction matters."""

    dtype = "int8"
    channels = 2
    shards = (32, 32, 48)
    chunk = (8, 16, 24)
    transpose = (1, 3, 0, 2)


class TestZarr3IndexAtStart(ReadingContract):
    """Written by tensorstore, which can put the index first."""

    data_format = "zarr3"
    stored_chunks = True
    dtype = "float64"

    @classmethod
    def write(cls, mag: Path, volume: np.ndarray) -> None:
        to_bytes = {"name": "bytes", "configuration": {"endian": "little"}}
        sharding = {
            "chunk_shape": [1, 8, 8, 8],
            "codecs": [
                to_bytes,
                {"name": "gzip", "configuration": {"level": 1}},
                {"name": "crc32c"},
            ],
            "index_codecs": [to_bytes, {"name": "crc32c"}],
            "index_location": "start",
        }
        write_with_tensorstore(
            mag,
            "zarr3",
            volume,
            {
                "chunk_grid": {
                    "name": "regular",
                    "configuration": {"chunk_shape": [1, 32, 32, 32]},
                },
                "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            },
        )


class TestN5(ReadingContract):
    data_format = "n5"
    dtype = "uint32"
    channels = 2

    @classmethod
    def write(cls, mag: Path, volume: np.ndarray) -> None:
        write_with_tensorstore(
            mag, "n5", volume, {"blockSize": [1, 16, 16, 16], "compression": {"type": "gzip"}}
        )


class TestN5WithoutChannels(ReadingContract):
    data_format = "n5"
    dtype = "uint8"

    @classmethod
    def write(cls, mag: Path, volume: np.ndarray) -> None:
        write_with_tensorstore(
            mag, "n5", volume[0], {"blockSize": [16, 8, 16], "compression": {"type": "raw"}}
        )


class TestN5Blosc(ReadingContract):
    data_format = "n5"
    dtype = "float64"

    @classmethod
    def write(cls, mag: Path, volume: np.ndarray) -> None:
        blosc = {"type": "blosc", "cname": "lz4", "clevel": 1, "shuffle": 1}
        write_with_tensorstore(
            mag, "n5", volume, {"blockSize": [1, 16, 16, 16], "compression": blosc}
        )


class PrecomputedContract(ReadingContract):
    data_format = "neuroglancerPrecomputed"
    scale: dict[str, object] = {}

    @classmethod
    def write(cls, mag: Path, volume: np.ndarray) -> None:
        store = ts.open(
            {
                "driver": "neuroglancer_precomputed",
                "kvstore": {"driver": "file", "path": f"{mag.parent}/"},
                "multiscale_metadata": {
                    "type": "segmentation" if cls.dtype == "uint64" else "image",
                    "data_type": cls.dtype,
                    "num_channels": cls.channels,
                },
                "scale_metadata": {
                    "key": mag.name,
                    "size": volume.shape[1:],
                    "resolution": [1, 1, 1],
                    "chunk_size": [16, 16, 16],
                    "encoding": "raw",
                    **cls.scale,
                },
            },
            create=True,
        ).result()
        store[...] = volume.transpose(1, 2, 3, 0)


class TestPrecomputedRaw(PrecomputedContract):
    dtype = "uint16"
    channels = 2


class TestPrecomputedSharded(PrecomputedContract):
    dtype = "uint64"
    scale = {
        "encoding": "compressed_segmentation",
        "compressed_segmentation_block_size": [8, 8, 8],
        "sharding": {
            "@type": "neuroglancer_uint64_sharded_v1",
            "preshift_bits": 1,
            "hash": "murmurhash3_x86_128",
            "minishard_bits": 1,
            "shard_bits": 1,
            "minishard_index_encoding": "gzip",
            "data_encoding": "gzip",
        },
    }


def write_with_tensorstore(
    mag: Path, driver: str, volume: np.ndarray, metadata: dict[str, object]
) -> None:
    store = ts.open(
        {
            "driver": driver,
            "kvstore": {"driver": "file", "path": f"{mag}/"},
            "metadata": metadata,
            "dtype": volume.dtype.name,
        },
        create=True,
        shape=volume.shape,
    ).result()
    store[...] = volume
