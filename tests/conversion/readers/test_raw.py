"""Raw voxels are read as they are described, and refused where their length says otherwise."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.readers import Image, UnreadableImage
from conversion.readers.raw import RawDescription, open_raw
from conversion.readers.registry import open_file
from conversion.readers.series import find_images
from datasets.properties import LengthUnit
from tests.conversion.readers.contract import Case, ReaderContract

Write = Callable[[Path], NDArray[Any]]
"""Writes a header, and voxels beside it; returns the voxels as `Case.voxels` wants them."""


def noise(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    return np.random.default_rng(7).integers(0, 120, shape).astype(dtype)


META = """ObjectType = Image
NDims = 3
DimSize = 7 6 5
ElementType = {element}
ElementSpacing = 0.004 0.004 0.04
DistanceUnits = um
{more}ElementDataFile = {file}
"""


def meta(element: str, dtype: str, more: str = "", before: bytes = b"") -> Write:
    def write(path: Path) -> NDArray[Any]:
        voxels = noise((5, 6, 7), dtype)
        path.write_text(META.format(element=element, more=more, file="voxels.raw"))
        path.with_name("voxels.raw").write_bytes(before + voxels.tobytes())
        return voxels.astype(voxels.dtype.newbyteorder("="))[None]

    return write


def meta_in_one_file(path: Path) -> NDArray[Any]:
    voxels = noise((5, 6, 7), "<i2")
    header = META.format(element="MET_SHORT", more="", file="LOCAL")
    path.write_bytes(header.encode() + voxels.tobytes())
    return voxels[None]


def meta_samples(samples: int, dtype: str) -> Write:
    def write(path: Path) -> NDArray[Any]:
        voxels = noise((5, 6, 7, samples), dtype)
        element = {"u1": "MET_UCHAR", "u2": "MET_USHORT"}[dtype]
        more = f"ElementNumberOfChannels = {samples}\n"
        path.write_text(META.format(element=element, more=more, file="voxels.raw"))
        path.with_name("voxels.raw").write_bytes(voxels.tobytes())
        is_rgb = (samples, dtype) == (3, "u1")
        return voxels[None] if is_rgb else np.moveaxis(voxels, -1, 0)

    return write


def meta_of_times(path: Path) -> NDArray[Any]:
    voxels = noise((3, 5, 6, 7), "u1")
    header = META.format(element="MET_UCHAR", more="", file="voxels.raw")
    path.write_text(header.replace("NDims = 3", "NDims = 4").replace("7 6 5", "7 6 5 3"))
    path.with_name("voxels.raw").write_bytes(voxels.tobytes())
    return voxels[:, None]


def ripple(record_by: str, data_type: str, length: int, order: str) -> Write:
    def write(path: Path) -> NDArray[Any]:
        kind = {"unsigned": "u", "signed": "i", "float": "f"}[data_type]
        dtype = f"{'>' if order == 'big-endian' else '<'}{kind}{length}"
        voxels = noise((5, 6, 7), dtype)
        fields = {
            "key": "value", "width": 7, "height": 6, "depth": 5, "offset": 0,
            "data-length": length, "data-type": data_type, "byte-order": order,
            "record-by": record_by,
        }  # fmt: skip
        path.write_text("".join(f"{name}\t{value}\n" for name, value in fields.items()))
        stored = voxels.transpose(1, 2, 0) if record_by == "vector" else voxels
        path.with_suffix(".raw").write_bytes(stored.tobytes())
        return voxels.astype(voxels.dtype.newbyteorder("="))[None]

    return write


FILES: dict[str, Write] = {
    "a.mhd": meta("MET_UCHAR", "u1"),
    "b.mhd": meta("MET_USHORT", "<u2", more="HeaderSize = 3\n", before=b"abc"),
    "c.mhd": meta("MET_FLOAT", ">f4", more="ElementByteOrderMSB = True\n"),
    "d.mhd": meta("MET_DOUBLE", "<f8", more="HeaderSize = -1\n", before=b"abc"),
    "e.mha": meta_in_one_file,
    "f.mhd": meta_samples(3, "u1"),
    "g.mhd": meta_samples(2, "u2"),
    "h.mhd": meta_of_times,
    "a.rpl": ripple("image", "unsigned", 2, "little-endian"),
    "b.rpl": ripple("vector", "float", 4, "big-endian"),
    "c.rpl": ripple("image", "signed", 1, "dont-care"),
}


class TestHeadersBesideRawFiles(ReaderContract):
    @pytest.fixture(params=FILES)
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        path = tmp_path / request.param
        return Case(path, FILES[request.param](path))

    def test_the_folder_is_this_image_alone(self, case: Case) -> None:
        (layer,) = find_images(case.path.parent).layers
        assert layer.images[0].info.shape == case.open().info.shape


class DescribedCase(Case):
    def open(self) -> Image:
        dtype = self.voxels.dtype.name
        return open_raw(RawDescription(self.path, (7, 6, 5), dtype, "big", offset=9, channels=2))


class TestDescribedRawFiles(ReaderContract):
    @pytest.fixture(params=["uint8", "int16", "uint64", "float32"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        voxels = noise((2, 5, 6, 7), request.param)
        path = tmp_path / "voxels.raw"
        path.write_bytes(b"123456789" + voxels.astype(voxels.dtype.newbyteorder(">")).tobytes())
        return DescribedCase(path, voxels)

    def test_a_wrong_length_is_told(self, case: Case) -> None:
        case.path.write_bytes(case.path.read_bytes()[:-1])
        with pytest.raises(UnreadableImage, match="it should have"):
            case.open()


@pytest.mark.parametrize("dtype", ["complex64", "object", "uint7", "U3", "float16"])
def test_a_type_that_voxels_can_not_have_is_refused(tmp_path: Path, dtype: str) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(64))
    with pytest.raises(UnreadableImage, match="of the type"):
        open_raw(RawDescription(tmp_path / "a.raw", (4, 4, 4), dtype))


def test_a_raw_file_alone_asks_for_a_description(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(64))
    with pytest.raises(UnreadableImage, match="does not say what its voxels are"):
        open_file(tmp_path / "a.raw")


def test_voxel_size_of_meta_image(tmp_path: Path) -> None:
    FILES["a.mhd"](tmp_path / "a.mhd")
    (image,) = open_file(tmp_path / "a.mhd")
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == (0.004, 0.004, 0.04)
    assert image.info.voxel_size.unit is LengthUnit.MICROMETER


def test_a_header_reads_no_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(210))
    (tmp_path / "upload").mkdir()
    path = tmp_path / "upload" / "a.mhd"
    path.write_text(META.format(element="MET_UCHAR", more="", file="../secret"))
    with pytest.raises(UnreadableImage, match="not beside it"):
        open_file(path)
