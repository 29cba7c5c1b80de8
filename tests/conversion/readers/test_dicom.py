"""DICOM: files that pydicom ships, a real series, and series written here."""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pack_bits
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGExtended12Bit

from conversion.readers import MissingLibrary, UnreadableImage
from conversion.readers.dicom import DicomReader
from conversion.readers.registry import find, open_file
from tests.conversion.readers.contract import Case, ReaderContract

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
READ = [
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "examples_jpeg2k.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_small_odd.dcm",
    "rtdose_1frame.dcm",
    "ExplVR_BigEnd.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "liver_expb_1frame.dcm",
]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write one slice at a depth in millimetres."""

    def written(name: str, plane: NDArray[Any], depth: float | None, **fields: Any) -> Path:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = "1.2.3"
        file = FileDataset(tmp_path / name, {}, file_meta=meta, preamble=bytes(128))
        file.SeriesInstanceUID, file.SeriesDescription = "1.2.3.4", "scan"
        file.Rows, file.Columns = plane.shape
        file.BitsAllocated = file.BitsStored = plane.itemsize * 8
        file.HighBit, file.PixelRepresentation = file.BitsStored - 1, 0
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.PixelSpacing = [2, 1]
        if depth is not None:
            file.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            file.ImagePositionPatient = [5, 6, depth]
        file.PixelData = plane.tobytes()
        for field, value in fields.items():
            setattr(file, field, value)
        file.save_as(tmp_path / name, enforce_file_format=True)
        return tmp_path / name

    return written


def planes(count: int) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 1000, (count, 4, 6), np.uint16)


class TestShippedFiles(ReaderContract):
    @pytest.fixture(
        params=["CT_small.dcm", "SC_rgb_small_odd.dcm", "JPEG2000.dcm", "liver_1frame.dcm"]
    )
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        path = tmp_path / request.param
        path.write_bytes((SHIPPED / request.param).read_bytes())
        return Case(path, pydicom.dcmread(path).pixel_array[None, None])


class TestManyFrames(ReaderContract):
    @pytest.fixture
    def case(self, write: Write) -> Case:
        voxels = planes(3)
        data = {"NumberOfFrames": 3, "PixelData": voxels.tobytes()}
        return Case(write("frames.dcm", voxels[0], None, **data), voxels[None])


@pytest.mark.parametrize("name", READ)
def test_reads_every_usual_compression(name: str) -> None:
    if not (SHIPPED / name).exists():
        pytest.skip(f"this pydicom ships no {name}")
    for image in open_file(SHIPPED / name):
        assert image.read({}, range(1)).any()


def test_twelve_bits_of_jpeg_are_read(write: Write) -> None:
    plane = np.random.default_rng(1).integers(0, 4096, (16, 24)).astype("u2")
    encoded = imagecodecs.jpeg8_encode(plane, bitspersample=12, lossless=True)
    path = write("a.dcm", plane, 0, BitsStored=12, HighBit=11, PixelData=encapsulate([encoded]))
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    file.save_as(path)
    (image,) = open_file(path)
    np.testing.assert_array_equal(image.read({}, range(1))[0], plane)


def test_each_segment_is_an_image_of_labels(write: Write) -> None:
    masks = np.random.default_rng(1).integers(0, 2, (4, 4, 8), np.uint8)
    segments = Sequence([_item(SegmentNumber=n, SegmentLabel=f"organ {n}") for n in (1, 2)])
    frames = Sequence(
        [
            _item(
                SegmentIdentificationSequence=Sequence([_item(ReferencedSegmentNumber=1 + n // 2)]),
                PlanePositionSequence=Sequence([_item(ImagePositionPatient=[0, 0, n % 2])]),
                PlaneOrientationSequence=Sequence(
                    [_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
                ),
            )
            for n in range(4)
        ]
    )
    path = write(
        "segments.dcm",
        masks[0],
        None,
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        NumberOfFrames=4,
        SegmentSequence=segments,
        PerFrameFunctionalGroupsSequence=frames,
        PixelData=pack_bits(masks),
    )
    first, second = open_file(path)
    assert (first.info.name, second.info.name) == ("organ 1", "organ 2")
    for image, expected in ((first, masks[:2]), (second, masks[2:])):
        assert image.info.is_labels
        assert image.info.dtype == np.uint8
        np.testing.assert_array_equal(image.read({}, range(2)), expected)


def _item(**fields: Any) -> Dataset:
    item = Dataset()
    for name, value in fields.items():
        setattr(item, name, value)
    return item


def test_slices_are_ordered_by_position(write: Write) -> None:
    voxels, depths = planes(4), [10.0, -5.0, 0.0, 5.0]
    paths = [write(f"{i}.dcm", voxels[i], depths[i], InstanceNumber=i) for i in range(4)]
    (image,) = DicomReader().open_group(paths)
    np.testing.assert_array_equal(image.read({}, range(4)), voxels[[1, 2, 3, 0]])
    assert image.info.name == "scan"
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == (1, 2, 5)
    assert image.info.voxel_size.unit == "millimeter"
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(image)).read({}, range(4)), image.read({}, range(4))
    )


def test_slices_without_position_are_ordered_by_number(write: Write) -> None:
    voxels = planes(3)
    paths = [write(f"{i}.dcm", voxels[i], None, InstanceNumber=9 - i) for i in range(3)]
    (image,) = DicomReader().open_group(paths)
    np.testing.assert_array_equal(image.read({}, range(3)), voxels[::-1])
    assert image.info.voxel_size is None
    assert "ordered by their numbers" in image.info.notes[0]


def test_one_position_again_and_again_is_time(write: Write) -> None:
    voxels = planes(6)
    paths = [write(f"{i}.dcm", voxels[i], i % 2, InstanceNumber=i) for i in range(6)]
    (image,) = DicomReader().open_group(paths)
    assert image.info.axes == ("t", "c", "z", "y", "x")
    assert image.info.shape == (3, 1, 2, 4, 6)
    np.testing.assert_array_equal(image.read({"t": 2}, range(2)), voxels[4:])


def test_a_missing_slice_is_told(write: Write) -> None:
    paths = [write(f"{i}.dcm", planes(1)[0], depth) for i, depth in enumerate((0, 1, 2, 4))]
    (image,) = DicomReader().open_group(paths)
    assert "1 to 2 mm apart" in image.info.notes[0]


def test_each_series_and_size_is_an_image(write: Write) -> None:
    plane = planes(1)[0]
    paths = [
        write("a.dcm", plane, 0),
        write("b.dcm", plane, 0, SeriesInstanceUID="1.2.3.5"),
        write("c.dcm", plane[:, :3].copy(), 1),
    ]
    assert len(DicomReader().open_group(paths)) == 3


def test_broken_files_of_a_series_are_left_out_and_told(write: Write) -> None:
    paths = [write(f"{i}.dcm", planes(1)[0], i) for i in range(3)]
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    (image,) = DicomReader().open_group(paths)
    assert image.info.length("z") == 2
    assert image.info.notes[0].startswith("Left out: 1.dcm: ")


def test_of_many_broken_files_the_rest_is_counted(write: Write) -> None:
    paths = [write(f"{i}.dcm", planes(1)[0], i) for i in range(8)]
    for path in paths[1:]:
        path.write_bytes(path.read_bytes()[:200])
    (image,) = DicomReader().open_group(paths)
    told = [note for note in image.info.notes if note.startswith("Left out")]
    assert len(told) == 6
    assert told[-1] == "Left out besides: 2 more files that can't be read."


def test_scaling_and_inversion_are_told(write: Write) -> None:
    fields = {"RescaleSlope": 2, "RescaleIntercept": -5, "PhotometricInterpretation": "MONOCHROME1"}
    (image,) = open_file(write("a.dcm", planes(1)[0], 0, **fields))
    assert any("multiplied by 2, and -5 added" in note for note in image.info.notes)
    assert any("white" in note for note in image.info.notes)


def test_a_real_oblique_series_is_one_image(samples: Path) -> None:
    paths = sorted((samples / "dicoms").glob("*.dcm"))
    (image,) = DicomReader().open_group(paths[::-1])
    assert image.info.shape == (1, 10, 384, 274)
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == pytest.approx((0.69999, 0.66667, 0.667), abs=1e-4)
    assert "oblique" in image.info.notes[0]
    expected = np.stack([pydicom.dcmread(path).pixel_array for path in paths])
    np.testing.assert_array_equal(image.read({}, range(10)), expected)


@pytest.mark.parametrize("name", ["rtplan.dcm", "test-SR.dcm", "dicomdirtests/DICOMDIR"])
def test_files_without_an_image_are_refused(name: str) -> None:
    if not (SHIPPED / name).exists():
        pytest.skip(f"this pydicom ships no {name}")
    with pytest.raises(UnreadableImage, match="without an image"):
        open_file(SHIPPED / name)


def test_names_the_extra_where_it_is_missing(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.dcm", planes(1)[0], 0)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    assert isinstance(find(path), DicomReader)
    with pytest.raises(MissingLibrary, match=r"\[medical\]"):
        open_file(path)
