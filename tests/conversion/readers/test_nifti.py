"""NIfTI files: those that nibabel ships, and ones that nibabel writes."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.readers import UnreadableImage
from conversion.readers.registry import open_file
from conversion.readers.series import find_images
from tests.conversion.readers.contract import Case, ReaderContract

SHIPPED = Path(nibabel.__file__).parent / "tests" / "data"
TYPES = ["uint8", "int16", "int32", "float32", "float64", "int8", "uint16", "uint32", "uint64"]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write (x, y, z, ...) voxels."""

    def written(
        voxels: NDArray[Any],
        name: str = "image.nii",
        *,
        steps: tuple[float, ...] = (1, 1, 1),
        unit: str = "mm",
        version: int = 1,
        big: bool = False,
        scaling: tuple[float, float] = (1, 0),
        intent: str = "none",
    ) -> Path:
        classes: dict[tuple[int, bool], Any] = {
            (1, False): nibabel.Nifti1Image,
            (1, True): nibabel.Nifti1Pair,
            (2, False): nibabel.Nifti2Image,
        }
        image_class = classes[version, name.endswith(".hdr")]
        header = image_class.header_class(endianness=">" if big else "<")
        header.set_data_dtype(voxels.dtype)
        header.set_data_shape(voxels.shape)
        header.set_zooms((*steps, *(1 for _ in voxels.shape[3:]))[: voxels.ndim])
        header.set_xyzt_units(unit)
        header.set_intent(intent)
        image = image_class(voxels, None, header)
        image.header.set_slope_inter(*scaling)
        nibabel.save(image, tmp_path / name)
        return tmp_path / name

    return written


def numbers(dtype: str, *shape: int) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 100, shape).astype(dtype)


class TestWrittenFiles(ReaderContract):
    @pytest.fixture(params=["image.nii", "image.nii.gz", "image.hdr"])
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        voxels = numbers("int16", 5, 6, 4)
        return Case(write(voxels, request.param), voxels.T[None])


class TestAnalyze(ReaderContract):
    """The format that NIfTI grew from: always a pair of .hdr and .img."""

    @pytest.fixture(params=["<", ">"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        voxels = numbers("int16", 5, 6, 4)
        header = nibabel.AnalyzeHeader(endianness=request.param)
        header.set_data_dtype(voxels.dtype)
        header.set_data_shape(voxels.shape)
        header.set_zooms((0.5, 0.5, 2))
        nibabel.save(nibabel.AnalyzeImage(voxels, None, header), tmp_path / "brain.img")
        return Case(tmp_path / "brain.hdr", voxels.T[None])

    def test_lengths_are_millimetres(self, case: Case) -> None:
        size = case.open().info.voxel_size
        assert size is not None
        assert (size.factor, size.unit) == ((0.5, 0.5, 2), "millimeter")
        assert case.open().info.voxel_size_source == "the Analyze header"

    def test_both_files_are_one_image_of_a_folder(self, case: Case) -> None:
        (layer,) = find_images(case.path.parent).layers
        (image,) = layer.images
        assert {file.name for file in image.files} == {"brain.hdr", "brain.img"}


class TestTimeAndChannels(ReaderContract):
    @pytest.fixture(params=[1, 2])
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        voxels = numbers("float32", 5, 6, 4, 2, 3)
        path = write(voxels, version=request.param, big=request.param == 1)
        return Case(path, np.moveaxis(voxels.T, 0, 1))


class TestColour(ReaderContract):
    @pytest.fixture
    def case(self, write: Write) -> Case:
        rgb = numbers("uint8", 4, 6, 5, 3)
        voxels = rgb.view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0].T
        return Case(write(voxels), rgb[None])


class TestShippedFile(ReaderContract):
    @pytest.fixture(params=["anatomical.nii", "example4d.nii.gz"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        path = tmp_path / request.param
        path.write_bytes((SHIPPED / request.param).read_bytes())
        voxels = nibabel.load(path).dataobj.get_unscaled().T
        voxels = voxels.astype(voxels.dtype.newbyteorder("="))
        return Case(path, voxels[:, None] if voxels.ndim == 4 else voxels[None])


@pytest.mark.parametrize("dtype", TYPES)
def test_reads_every_type(dtype: str, write: Write) -> None:
    voxels = numbers(dtype, 4, 3, 2)
    (image,) = open_file(write(voxels))
    assert image.info.dtype == dtype
    np.testing.assert_array_equal(image.read({}, range(2)), voxels.T)


@pytest.mark.parametrize(
    ("unit", "expected"), [("mm", "millimeter"), ("micron", "micrometer"), ("unknown", None)]
)
def test_tells_the_voxel_size(unit: str, expected: str | None, write: Write) -> None:
    (image,) = open_file(write(numbers("uint8", 4, 3, 2), steps=(0.5, 0.5, 2), unit=unit))
    size = image.info.voxel_size
    assert (size and size.unit) == expected
    assert size is None or size.factor == (0.5, 0.5, 2)
    assert bool(image.info.notes) == (expected is None)


def test_scaling_is_told_and_not_done(write: Write) -> None:
    voxels = numbers("int16", 4, 3, 2)
    path = write(voxels)
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([2, -1024], "<f4").tobytes()
    path.write_bytes(data)
    (image,) = open_file(path)
    assert image.info.notes == (
        "Its voxels are to be multiplied by 2, and -1024 added; they are kept as they are stored.",
    )
    np.testing.assert_array_equal(image.read({}, range(2)), voxels.T)


def test_labels_are_labels(write: Write) -> None:
    (image,) = open_file(write(numbers("int32", 4, 3, 2), intent="label"))
    assert image.info.is_labels


def test_a_header_without_voxels_names_their_file(write: Write, tmp_path: Path) -> None:
    path = write(numbers("int16", 4, 3, 2), "brain.hdr")
    (tmp_path / "brain.img").unlink()
    with pytest.raises(UnreadableImage, match=r"should be in 'brain\.img'"):
        open_file(path)


def test_complex_numbers_are_refused(write: Write) -> None:
    with pytest.raises(UnreadableImage, match="number 32"):
        open_file(write(numbers("complex64", 4, 3, 2)))


def test_a_bomb_is_refused(write: Write, tmp_path: Path) -> None:
    header = bytearray(write(numbers("uint8", 4, 3, 2)).read_bytes())
    header[40:48] = np.array([3, 30000, 30000, 30000], "<i2").tobytes()
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(bytes(header)))
    with pytest.raises(UnreadableImage, match="claims to hold"):
        open_file(path)
