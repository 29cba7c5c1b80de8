"""TIFF in all its dialects is read as tifffile, ImageJ and microscopes wrote it."""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from conversion.readers import Image, UnreadableImage
from conversion.readers.registry import open_file
from datasets.properties import LengthUnit
from tests.conversion.readers.contract import Case, ReaderContract

Write = Callable[[Path], NDArray[Any]]
"""Writes a file and returns what it holds, as `Case.voxels` wants it."""


def noise(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Smooth enough for lossy codecs, without two slices alike."""
    numbers = np.random.default_rng(7).integers(0, 100, shape)
    return (numbers + np.arange(shape[-1])).astype(dtype)


def plain(dtype: str, shape: tuple[int, ...] = (3, 40, 50), **options: Any) -> Write:
    """A stack (z, y, x) as a file that does not name its axes."""

    def write(path: Path) -> NDArray[Any]:
        voxels = noise(shape, dtype)
        tifffile.imwrite(path, voxels, photometric="minisblack", metadata=None, **options)
        return voxels.reshape(1, -1, *shape[-2:])

    return write


def color(dtype: str = "uint8", samples: int = 3, **options: Any) -> Write:
    """A stack of colour slices; alpha, if written, is not read."""

    def write(path: Path) -> NDArray[Any]:
        voxels = noise((2, 40, 50, samples), dtype)
        planar = options.get("planarconfig") == "separate"
        stored = np.moveaxis(voxels, -1, 1) if planar else voxels
        tifffile.imwrite(path, stored, photometric="rgb", metadata=None, **options)
        return voxels[None, ..., :3]

    return write


def named(axes: str, shape: tuple[int, ...], dtype: str = "uint16", **options: Any) -> Write:
    """A file that names its axes."""

    def write(path: Path) -> NDArray[Any]:
        voxels = noise(shape, dtype)
        metadata = {"axes": axes}
        tifffile.imwrite(path, voxels, photometric="minisblack", metadata=metadata, **options)
        missing = "".join(axis for axis in "CZ" if axis not in axes)
        present = missing + axes
        order = [present.index(axis) for axis in "TCZYX" if axis in present]
        return voxels.reshape(*(1 for _ in missing), *shape).transpose(order)

    return write


def tiles(size: int = 16, **options: Any) -> dict[str, Any]:
    return {"tile": (size, size), **options}


FILES: dict[str, Write] = {
    **{
        f"{dtype}": plain(dtype)
        for dtype in (
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "int8",
            "int16",
            "int32",
            "int64",
            "float32",
            "float64",
        )
    },
    **{
        f"{codec}": plain("uint16", compression=codec, rowsperstrip=7)
        for codec in ("lzw", "deflate", "packbits", "zstd", "lzma", "lerc", "png", "jpegxl")
    },
    "one strip of LZW": plain("uint8", compression="lzw", rowsperstrip=40),
    "LZW with predictor": plain("uint16", compression="lzw", predictor=True, rowsperstrip=7),
    "floats with predictor": plain("float32", compression="deflate", predictor=True),
    "big-endian": plain("uint16", byteorder=">"),
    "big-endian LZW": plain("int32", byteorder=">", compression="lzw"),
    "BigTIFF": plain("uint8", bigtiff=True),
    "strips apart": plain("uint8", rowsperstrip=7),
    "tiles": plain("uint8", **tiles()),
    "tiles of LZW": plain("uint16", **tiles(compression="lzw")),
    "tiles larger than the slice": plain("uint8", **tiles(64)),
    "tiles as wide as the slice": plain("uint8", (3, 32, 48), tile=(16, 48)),
    "tiles in depth": plain("uint8", volumetric=True, tile=(2, 16, 16)),
    "one slice": plain("uint8", (40, 50)),
    "many unnamed slices": plain("uint8", (130, 4, 5)),
    "RGB": color(),
    "RGB of 16 bits": color("uint16", compression="deflate", rowsperstrip=7),
    "RGB, planes apart": color(planarconfig="separate"),
    "RGB, planes apart, LZW": color(planarconfig="separate", compression="lzw", rowsperstrip=7),
    "RGB, planes apart, tiles": color(planarconfig="separate", **tiles()),
    "RGBA": color(samples=4, extrasamples=["unassalpha"]),
    "OME": named("TCZYX", (2, 3, 4, 20, 30), ome=True),
    "OME in another order": named("ZTCYX", (2, 3, 4, 20, 30), ome=True),
    "OME of int8, LZW": named("CZYX", (2, 3, 20, 30), "int8", ome=True, compression="lzw"),
    "ImageJ hyperstack": named("TZCYX", (2, 3, 4, 20, 30), imagej=True),
    "ImageJ stack": named("ZYX", (5, 20, 30), "float32", imagej=True),
    "named axes": named("TZYX", (2, 3, 20, 30)),
}


class TestTiff(ReaderContract):
    @pytest.fixture(params=FILES)
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        path = tmp_path / "изображение.tif"
        return Case(path, FILES[request.param](path))


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Image]:
    """Writes a file as tifffile is told to, and opens its one image."""

    def write(voxels: NDArray[Any], **options: Any) -> Image:
        path = tmp_path / "image.tif"
        tifffile.imwrite(path, voxels, **({"photometric": "minisblack"} | options))
        (image,) = open_file(path)
        return image

    return write


SLICES = np.zeros((4, 20, 30), np.uint8)


def test_reads_samples_of_four_channels_as_channels(written: Callable[..., Image]) -> None:
    voxels = noise((20, 30, 5), "uint8")
    image = written(voxels, photometric="minisblack", planarconfig="contig", metadata=None)
    assert image.info.shape == (5, 1, 20, 30) and not image.info.is_rgb
    np.testing.assert_array_equal(image.read({"c": 3}, range(1))[0], voxels[..., 3])
    image.close()


def test_bits_become_black_and_white(written: Callable[..., Image]) -> None:
    bits = noise((20, 30), "uint8") > 60
    with written(bits) as image:
        assert image.info.dtype == np.uint8
        np.testing.assert_array_equal(image.read({}, range(1))[0], bits * 255)


def test_half_floats_become_floats(written: Callable[..., Image]) -> None:
    with written(noise((20, 30), "float16")) as image:
        assert image.info.dtype == np.float32
        np.testing.assert_array_equal(image.read({}, range(1))[0], noise((20, 30), "float16"))


def test_complex_numbers_are_refused(written: Callable[..., Image]) -> None:
    with pytest.raises(UnreadableImage, match="integers or floating"):
        written(noise((20, 30), "complex64"))


def test_unnamed_pages_are_taken_for_slices_and_told(written: Callable[..., Image]) -> None:
    image = written(SLICES, metadata=None, photometric="minisblack")
    assert image.info.length("z") == 4
    assert any("taken for slices" in note for note in image.info.notes)


def test_pages_of_time_stay_times(written: Callable[..., Image]) -> None:
    image = written(SLICES, metadata={"axes": "TYX"}, ome=True)
    assert image.info.axes == ("t", "c", "z", "y", "x") and image.info.length("t") == 4


def test_voxel_size_of_ome_in_mixed_units(written: Callable[..., Image]) -> None:
    image = written(
        SLICES,
        ome=True,
        metadata={
            "axes": "ZYX",
            "PhysicalSizeX": 4.0,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 4.0,
            "PhysicalSizeYUnit": "nm",
            "PhysicalSizeZ": 0.035,
            "PhysicalSizeZUnit": "µm",
        },
    )
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == pytest.approx((4, 4, 35))
    assert image.info.voxel_size.unit is LengthUnit.NANOMETER
    assert image.info.voxel_size_source == "the OME-XML"


def test_channels_of_ome_have_names_and_colors(written: Callable[..., Image]) -> None:
    image = written(
        np.zeros((2, 20, 30), np.uint8),
        ome=True,
        metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"], "Color": [65535, -16776961]}},
    )
    assert image.info.channel_names == ("DAPI", "GFP")
    assert image.info.channel_colors == ((0, 0, 255), (255, 0, 0))


def test_voxel_size_of_imagej(written: Callable[..., Image]) -> None:
    metadata = {"axes": "ZYX", "unit": "micron", "spacing": 0.5}
    image = written(SLICES, imagej=True, resolution=(10, 5), metadata=metadata)
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == pytest.approx((0.1, 0.2, 0.5))
    assert image.info.voxel_size.unit is LengthUnit.MICROMETER


@pytest.mark.parametrize("dpi", [72, 96, 150, 300])
def test_dots_per_inch_are_no_voxel_size(written: Callable[..., Image], dpi: int) -> None:
    image = written(SLICES[0], resolution=(dpi, dpi), resolutionunit="INCH", metadata=None)
    assert image.info.voxel_size is None and not image.info.voxel_size_source


def test_resolution_of_a_stack_is_told_but_lacks_z(written: Callable[..., Image]) -> None:
    options = {"resolution": (1e6, 1e6), "resolutionunit": "CENTIMETER", "metadata": None}
    image = written(SLICES, photometric="minisblack", **options)
    assert image.info.voxel_size is None
    assert any("10 x 10 nm" in note for note in image.info.notes)


def test_the_finest_level_of_a_pyramid_is_read(tmp_path: Path) -> None:
    path, voxels = tmp_path / "pyramid.ome.tif", noise((64, 64), "uint8")
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(voxels, subifds=1, tile=(16, 16))
        file.write(voxels[::2, ::2], subfiletype=1, tile=(16, 16))
    (image,) = open_file(path)
    with image:
        np.testing.assert_array_equal(image.read({}, range(1))[0], voxels)


def write_multi_file_ome(folder: Path) -> NDArray[Any]:
    """Two files of one time point each that name each other."""
    voxels = noise((2, 3, 20, 30), "uint8")
    data = "".join(
        f'<TiffData FirstT="{t}" FirstZ="{z}" IFD="{z}" PlaneCount="1">'
        f'<UUID FileName="t{t}.ome.tif">urn:uuid:0000000{t}</UUID></TiffData>'
        for t in range(2)
        for z in range(3)
    )
    for t in range(2):
        xml = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:0000000{t}"><Image ID="Image:0" Name="cells"><Pixels ID="Pixels:0" '
            'DimensionOrder="XYZTC" Type="uint8" SizeX="30" SizeY="20" SizeZ="3" SizeC="1" '
            f'SizeT="2"><Channel ID="Channel:0" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>'
        )
        options = {"photometric": "minisblack", "metadata": None}
        tifffile.imwrite(folder / f"t{t}.ome.tif", voxels[t], description=xml, **options)
    return voxels[:, None]


class TestMultiFileOme(ReaderContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        return Case(tmp_path / "t0.ome.tif", write_multi_file_ome(tmp_path))

    def test_names_its_files(self, image: Image) -> None:
        assert [file.name for file in image.files] == ["t0.ome.tif", "t1.ome.tif"]

    def test_missing_files_are_told(self, case: Case) -> None:
        case.path.with_name("t1.ome.tif").unlink()
        with case.open() as image:
            assert "3 of its 6 slices are not in the files: left black." in image.info.notes
            assert not image.read({"t": 1}, range(3)).any()

    def test_files_elsewhere_are_not_read(self, case: Case, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        inside = shutil.copy(case.path, tmp_path / "other" / "t0.ome.tif")
        data = Path(inside).read_bytes().replace(b'"t1.ome.tif"', b'"../1.ome.t"')
        Path(inside).write_bytes(data)
        with pytest.raises(UnreadableImage, match="not beside it"):
            open_file(Path(inside))


class TestLsm(ReaderContract):
    """Zeiss' older format: pages of all channels, each followed by its thumbnail."""

    @pytest.fixture(params=[None, "lzw"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        times, depth, channels, rows, columns = shape = (2, 3, 3, 12, 16)
        voxels, path = noise(shape, "uint8"), tmp_path / "cells.lsm"
        about = bytearray(500)  # CZ_LSMINFO
        struct.pack_into("<Ii", about, 0, 0x0400494C, len(about))
        struct.pack_into("<6i", about, 8, columns, rows, depth, channels, times, 1)
        struct.pack_into("<3d", about, 40, 1e-7, 1e-7, 5e-7)
        struct.pack_into("<H", about, 88, 6)  # of time, depth and channels
        options: dict[str, Any] = {"planarconfig": "separate", "metadata": None}
        thumbnail = np.zeros((3, 4, 4), np.uint8)
        with tifffile.TiffWriter(path, byteorder="<") as file:
            for page in voxels.reshape(-1, channels, rows, columns):
                tags = [(34412, 1, len(about), bytes(about), True)] if about else []
                about.clear()
                file.write(
                    page,
                    photometric="minisblack",
                    compression=request.param,
                    extratags=tags,
                    **options,
                )
                file.write(thumbnail, photometric="rgb", subfiletype=1, **options)
        return Case(path, voxels.swapaxes(1, 2))

    def test_tells_the_voxel_size(self, image: Image) -> None:
        assert image.info.voxel_size is not None
        assert image.info.voxel_size.factor == (0.1, 0.1, 0.5)
        assert image.info.voxel_size_source == "the LSM metadata"


def test_imagej_stack_of_one_directory(tmp_path: Path) -> None:
    """ImageJ describes only the first slice of stacks above 4 GB."""
    voxels, path = noise((5, 20, 30), "uint16"), tmp_path / "large.tif"
    tifffile.imwrite(path, voxels, imagej=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as file:
        second = file.pages[1].offset
        first, order = file.pages.first.offset, file.byteorder
    data = bytearray(path.read_bytes())
    end = first + 2 + 12 * struct.unpack_from(f"{order}H", data, first)[0]
    assert struct.unpack_from(f"{order}I", data, end)[0] == second
    struct.pack_into(f"{order}I", data, end, 0)
    path.write_bytes(data)
    (image,) = open_file(path)
    with image:
        np.testing.assert_array_equal(image.read({}, range(5)), voxels)


def test_directories_in_a_circle_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "circle.tif"
    tifffile.imwrite(path, np.zeros((300, 4, 4), np.uint8), metadata=None, photometric="minisblack")
    with tifffile.TiffFile(path) as file:
        offsets = [page.offset for page in file.pages]
    data = bytearray(path.read_bytes())
    end = offsets[-1] + 2 + 12 * struct.unpack_from("<H", data, offsets[-1])[0]
    struct.pack_into("<I", data, end, offsets[0])
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match="lead back"):
        open_file(path)


def test_a_terabyte_in_a_kilobyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.tif"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), metadata=None, compression="deflate")
    with tifffile.TiffFile(path, mode="r+") as file:
        tags = file.pages.first.tags
        tags["ImageWidth"].overwrite(1_400_000)
        tags["ImageLength"].overwrite(1_400_000)
        tags["RowsPerStrip"].overwrite(1_400_000)
    with pytest.raises(UnreadableImage):
        open_file(path)


def test_a_bomb_in_ome_xml_is_refused(tmp_path: Path) -> None:
    write_multi_file_ome(tmp_path)
    path = tmp_path / "t0.ome.tif"
    plain = b'FirstT="0" FirstZ="0" IFD="0"'
    bomb = b'NumPlanes="999999999999"'.ljust(len(plain))
    path.write_bytes(path.read_bytes().replace(plain, bomb))
    with pytest.raises(UnreadableImage, match="more slices"):
        open_file(path)


@pytest.mark.parametrize(
    "name",
    [
        "rgb_tiff/test_rgb.tif",
        "4D/single_channel/single-channel.ome.tiff",
        "4D/4D_series/4D-series.ome.tif",
        "4D/multi_channel_z_series/multi-channel-z-series.ome.tif",
        "tiff_series/test.0012.tiff",
    ],
)
class TestRealTiff(ReaderContract):
    @pytest.fixture
    def case(self, name: str, samples: Path, tmp_path: Path) -> Case:
        path = tmp_path / Path(name).name
        shutil.copy(samples / name, path)
        return Case(path, self.oracle(path))

    def oracle(self, path: Path) -> NDArray[Any]:
        with tifffile.TiffFile(path) as file:
            axes, voxels = file.series[0].axes, file.series[0].asarray()
        for axis in "ZC":
            if axis not in axes:
                axes, voxels = axis + axes, voxels[None]
        order = [axes.index(axis) for axis in "TCZYXS" if axis in axes]
        return voxels.transpose(order)

    def test_every_voxel_is_right(self, case: Case, image: Image, name: str) -> None:
        super().test_every_voxel_is_right(case, image)
