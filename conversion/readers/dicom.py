"""Reads DICOM: single files, files of many frames, and series of one file for each slice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from conversion.readers.errors import MissingLibrary, UnreadableImage, decoding
from conversion.readers.protocol import Image, ImageInfo, Reader
from conversion.readers.voxel_sizes import believable
from datasets.properties import LengthUnit, VoxelSize

_TAGS = [
    "BitsAllocated", "Columns", "ImageOrientationPatient", "ImagePositionPatient",
    "InstanceNumber", "ImagerPixelSpacing", "NumberOfFrames", "PerFrameFunctionalGroupsSequence",
    "PhotometricInterpretation", "PixelRepresentation", "PixelSpacing", "RescaleIntercept",
    "RescaleSlope", "Rows", "SamplesPerPixel", "SegmentSequence", "SeriesDescription",
    "SeriesInstanceUID", "SharedFunctionalGroupsSequence", "SpacingBetweenSlices",
]  # fmt: skip
"""What is read of a header; nothing of it tells who the patient is."""
MOST_FRAMES = 1 << 20
_MOST_TOLD = 5
"""Broken files that are told one by one."""
_EVEN = 0.01
"""How much distances between slices may differ, as a part of them, and still count as one."""


@dataclass(frozen=True)
class _Slice:
    """A frame of a file, and what its header says of it."""

    path: Path
    frame: int
    frames: int
    """Of the file."""
    syntax: str
    """How the file is encoded: the UID of its transfer syntax."""
    series: str
    name: str
    shape: tuple[int, int]
    samples: int
    dtype: str
    is_bits: bool
    photometric: str
    spacing: tuple[float, float] | None
    """Between columns (x) and between rows (y), in millimetres."""
    thickness: float | None
    """Between slices, as the header claims."""
    orientation: tuple[float, ...]
    position: tuple[float, ...]
    number: int
    rescale: tuple[float, float]
    segment: int
    """Whose mask it is, in a file of segments; else 0."""

    @property
    def image_key(self) -> tuple[Any, ...]:
        """Equal for slices of one image."""
        direction = tuple(round(part, 2) for part in self.orientation)
        return self.series, self.shape, self.samples, self.dtype, direction, self.segment

    @property
    def depth(self) -> float | None:
        """Where it lies along the direction in which slices are stacked, in millimetres."""
        if len(self.orientation) != 6 or len(self.position) != 3:
            return None
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        return round(float(np.dot(normal, self.position)), 3)


class DicomReader(Reader):
    """Files are grouped by series and ordered by position; equal positions are points in time.

    Each segment of a segmentation is an image of its own: segments may overlap. Where it is of one
    bit, 1 is the segment.
    """

    name = "DICOM"
    suffixes = (".dcm", ".dicom", ".ima")
    groups_files = True

    def sniff(self, head: bytes, path: Path) -> bool:
        if head[128:132] == b"DICM":
            return True
        # Old files lack the preamble, and begin with a group of tags.
        return path.name.lower().endswith(self.suffixes) and head[:2] in (b"\2\0", b"\x08\0")

    def open(self, path: Path) -> list[Image]:
        return self.open_group([path])

    def open_group(self, paths: Sequence[Path]) -> list[Image]:
        slices: list[_Slice] = []
        unread: list[UnreadableImage] = []
        for path in paths:
            try:
                with decoding(path, self.name):
                    slices += _slices(path)
            except MissingLibrary:
                raise
            except UnreadableImage as problem:
                unread.append(problem)
        if not slices:
            raise unread[0]
        told = tuple(f"Left out: {problem}" for problem in unread[:_MOST_TOLD])
        if more := len(unread) - len(told):
            told += (f"Left out besides: {more} more files that can't be read.",)
        slices.sort(key=lambda one: one.image_key)
        images = groupby(slices, key=lambda one: one.image_key)
        return [
            _Series(self, tuple(paths), number, list(members), told if number == 0 else ())
            for number, (_, members) in enumerate(images)
        ]


class _Series(Image):
    """Slices of one size and direction: `_order` is (t, z)."""

    def __init__(
        self,
        reader: Reader,
        group: tuple[Path, ...],
        number: int,
        slices: list[_Slice],
        told: tuple[str, ...],
    ) -> None:
        self._group = group
        self._order, notes = _ordered(slices)
        first = self._order[0][0]
        times, depth = len(self._order), len(self._order[0])
        notes = [*told, *notes, *_remarks(first)]
        size = _voxel_size(self._order[0], notes)
        axes = ("t", "c", "z", "y", "x") if times > 1 else ("c", "z", "y", "x")
        info = ImageInfo(
            name=first.name,
            axes=axes,
            shape=(*((times,) if times > 1 else ()), 1, depth, *first.shape),
            dtype=np.dtype(first.dtype),
            is_rgb=first.samples > 1,
            is_labels=bool(first.segment) and first.is_bits,
            voxel_size=size,
            voxel_size_source="the DICOM header",
            notes=tuple(notes),
        )
        files = tuple(dict.fromkeys(one.path for one in slices))
        super().__init__(reader, files[0], number, info, files=files)

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        one = self._order[index.get("t", 0)][z]
        with decoding(one.path, self.reader.name):
            plane = _decoded(one)
            expected = (*one.shape, *((one.samples,) if one.samples > 1 else ()))
            if plane.shape != expected or plane.dtype.itemsize != out.dtype.itemsize:
                raise ValueError(f"its pixels are {plane.shape} of {plane.dtype}")
            out[...] = plane[y.start : y.stop]

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.reader, self._group, self.number)


def _decoded(one: _Slice) -> NDArray[Any]:
    """(y, x) or (y, x, samples), read from the file's frame alone where that can be."""
    from pydicom import dcmread, uid  # an extra
    from pydicom.encaps import get_frame
    from pydicom.pixels.utils import pixel_array

    plane: NDArray[Any]
    syntax = one.syntax
    if syntax == uid.JPEGExtended12Bit:  # no plugin of pydicom decodes its 12 bits
        pixels = dcmread(one.path, specific_tags=["PixelData"], force=True).PixelData
        frame = get_frame(pixels, one.frame, number_of_frames=one.frames)
        plane = imagecodecs.jpeg8_decode(frame)
    elif syntax == uid.DeflatedExplicitVRLittleEndian:
        plane = pixel_array(dcmread(one.path, force=True), index=one.frame)
    else:
        plane = pixel_array(one.path, index=one.frame)
    return plane


def _reopened(reader: Reader, group: tuple[Path, ...], number: int) -> Image:
    return reader.open_group(group)[number]


def _slices(path: Path) -> Iterator[_Slice]:
    """The frames of a file."""
    pydicom = _library(path)
    head = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
    if not head.get("Rows") or not head.get("Columns") or not head.get("BitsAllocated"):
        raise UnreadableImage(path, "It is a DICOM file without an image.", "Leave it out.")
    bits, samples = int(head.BitsAllocated), int(head.get("SamplesPerPixel") or 1)
    if bits not in (1, 8, 16, 32) or samples not in (1, 3) or (bits == 1 and samples > 1):
        raise UnreadableImage(
            path,
            f"Its pixels have {samples} samples of {bits} bits.",
            "Export it with 1, 8, 16 or 32 bits, grey or in colour.",
        )
    frames = int(head.get("NumberOfFrames") or 1)
    if not 1 <= frames <= MOST_FRAMES:
        raise UnreadableImage(path, f"It claims to have {frames} frames.", "Export it again.")
    meta = getattr(head, "file_meta", {})
    labels = {
        int(segment.get("SegmentNumber") or 0): str(segment.get("SegmentLabel") or "")
        for segment in head.get("SegmentSequence") or []
    }
    shared = _first(head, "SharedFunctionalGroupsSequence")
    each = head.get("PerFrameFunctionalGroupsSequence") or []
    for frame in range(frames):
        own = each[frame] if frame < len(each) else None
        measures = _first(own, "PixelMeasuresSequence") or _first(shared, "PixelMeasuresSequence")
        plane = _first(own, "PlanePositionSequence")
        turn = _first(own, "PlaneOrientationSequence") or _first(shared, "PlaneOrientationSequence")
        # Frames of a simple file all have the one position that its header gives: the first one's.
        position = _numbers(plane, "ImagePositionPatient")
        if frames == 1:
            position = position or _numbers(head, "ImagePositionPatient")
        spacing = _numbers(measures, "PixelSpacing") or _numbers(head, "PixelSpacing")
        spacing = spacing or _numbers(head, "ImagerPixelSpacing")
        between = _numbers(measures, "SpacingBetweenSlices") or _numbers(
            head, "SpacingBetweenSlices"
        )
        slope, intercept = _numbers(head, "RescaleSlope"), _numbers(head, "RescaleIntercept")
        whose = _first(own, "SegmentIdentificationSequence") or _first(
            shared, "SegmentIdentificationSequence"
        )
        segment = int(whose.get("ReferencedSegmentNumber") or 0) if whose is not None else 0
        yield _Slice(
            path=path,
            frame=frame,
            frames=frames,
            syntax=str(meta.get("TransferSyntaxUID") or ""),
            series=str(head.get("SeriesInstanceUID") or ""),
            name=labels.get(segment) or str(head.get("SeriesDescription") or ""),
            shape=(int(head.Rows), int(head.Columns)),
            samples=samples,
            dtype=f"{'i' if head.get('PixelRepresentation') else 'u'}{max(bits // 8, 1)}",
            is_bits=bits == 1,
            photometric=str(head.get("PhotometricInterpretation") or ""),
            spacing=(spacing[1], spacing[0]) if len(spacing) == 2 else None,
            thickness=between[0] if between else None,
            orientation=_numbers(turn, "ImageOrientationPatient")
            or _numbers(head, "ImageOrientationPatient"),
            position=position,
            number=int(head.get("InstanceNumber") or 0),
            rescale=((slope or (1.0,))[0], (intercept or (0.0,))[0]),
            segment=segment,
        )


def _library(path: Path) -> Any:
    """pydicom, set to take what files say as it is, and to leave to GDCM only what nothing else
    decodes: that crashes over damaged JPEG 2000."""
    try:
        import pydicom
        from pydicom import config, uid
        from pydicom.pixels.decoders.base import get_decoder
    except ImportError as error:
        raise MissingLibrary(path, "DICOM", "medical") from error
    config.settings.reading_validation_mode = config.IGNORE
    for syntax in (
        uid.JPEG2000Lossless,
        uid.JPEG2000,
        uid.JPEGLSLossless,
        uid.JPEGLSNearLossless,
        uid.JPEGBaseline8Bit,
    ):
        decoder = get_decoder(syntax)
        if set(decoder.available_plugins) > {"gdcm"}:
            decoder.remove_plugin("gdcm")
    return pydicom


def _first(group: Any, name: str) -> Any:
    """The first item of a sequence, None where there is none."""
    items = group.get(name) if group is not None else None
    return items[0] if items else None


def _numbers(group: Any, name: str) -> tuple[float, ...]:
    value = group.get(name) if group is not None else None
    if value is None or value == "":
        return ()
    values = [value] if isinstance(value, int | float | str) else list(value)
    return tuple(float(number) for number in values)


def _ordered(slices: list[_Slice]) -> tuple[list[list[_Slice]], list[str]]:
    """The slices by time and depth, and what has to be said of the order."""
    slices = sorted(slices, key=lambda one: (one.number, one.path.name, one.frame))
    depths = [one.depth for one in slices]
    if len(slices) == 1:
        return [slices], []
    if any(depth is None for depth in depths):
        return [slices], ["Its slices tell no position; they are ordered by their numbers."]
    places = sorted({depth for depth in depths if depth is not None})
    stacks = [[one for one in slices if one.depth == place] for place in places]
    times = len(stacks[0])
    if any(len(stack) != times for stack in stacks):
        return [slices], ["Some of its slices lie at one place; they are ordered by their numbers."]
    return [[stack[time] for stack in stacks] for time in range(times)], []


def _voxel_size(stack: list[_Slice], notes: list[str]) -> VoxelSize | None:
    first = stack[0]
    if first.spacing is None:
        return None
    z = first.thickness
    depths = [one.depth for one in stack]
    known = [depth for depth in depths if depth is not None]
    if len(stack) > 1 and len(known) == len(stack):
        steps = np.diff(known)
        z = float(np.median(steps))
        if z > 0 and np.ptp(steps) > _EVEN * z:
            notes.append(
                f"Its slices are {steps.min():g} to {steps.max():g} mm apart; "
                f"{z:g} mm is taken for all. Is one missing?"
            )
    return believable(*first.spacing, z, LengthUnit.MILLIMETER, depth=len(stack))


def _remarks(one: _Slice) -> Iterator[str]:
    if any(0.01 < abs(part) < 0.99 for part in one.orientation):
        yield "Its slices lie oblique to the body's axes; they are stacked in their own direction."
    if one.photometric == "MONOCHROME1":
        yield "Its smallest number stands for white; numbers are kept as they are stored."
    if one.photometric == "PALETTE COLOR":
        yield "Its numbers stand for colours of a palette; they are kept as they are stored."
    if one.rescale != (1, 0):
        slope, intercept = one.rescale
        yield (
            f"Its voxels are to be multiplied by {slope:g}, and {intercept:g} added; "
            "they are kept as they are stored."
        )
