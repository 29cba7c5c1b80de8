"""Finds the reader of a file: by its content first, by its name where content leaves a choice.

Readers of other packages (of a licence that this project can't depend on, say) join through the
entry-point group `webknossos_site.readers`: each entry is a subclass of `Reader`.
"""

import logging
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from conversion.readers.czi import CZIReader
from conversion.readers.dicom import DicomReader
from conversion.readers.dm import DigitalMicrographReader
from conversion.readers.errors import UnreadableImage, decoding
from conversion.readers.hdf5 import HDF5Reader
from conversion.readers.mrc import MRCReader
from conversion.readers.nifti import NiftiReader
from conversion.readers.nrrd import NRRDReader
from conversion.readers.others import OtherReader
from conversion.readers.pictures import PictureReader
from conversion.readers.protocol import Image, Reader
from conversion.readers.raw import NEEDS_DESCRIPTION, MetaImageReader, RawReader, RippleReader
from conversion.readers.tiff import TiffReader
from datasets.properties.sentences import printable

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "webknossos_site.readers"
HEAD_BYTES = 4096
"""How much of a file's beginning readers see to recognise it."""

_OWN: tuple[type[Reader], ...] = (
    DigitalMicrographReader,
    MRCReader,
    TiffReader,
    PictureReader,
    MetaImageReader,
    RippleReader,
    RawReader,
    NRRDReader,
    NiftiReader,
    DicomReader,
    CZIReader,
    HDF5Reader,
)

_LAST_RESORT = OtherReader()


@cache
def readers() -> tuple[Reader, ...]:
    """Every reader but the last resort; where several recognise a file, its name and then this
    order decide.
    """
    added = [reader for entry in entry_points(group=ENTRY_POINT_GROUP) for reader in _loaded(entry)]
    return (*added, *(reader() for reader in _OWN))


def _loaded(entry: EntryPoint) -> list[Reader]:
    """The reader of another package; none of a package that is broken, which harms no other."""
    try:
        return [entry.load()()]
    except Exception:
        logger.exception("the reader '%s' of another package can't be used", entry.value)
        return []


def find(path: Path) -> Reader | None:
    """The reader of a file, None for a file that no reader knows. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    found = [reader for reader in readers() if reader.sniff(head, path)]
    by_name = [reader for reader in found if _suits_name(reader, path)]
    if not found and _LAST_RESORT.sniff(head, path):
        return _LAST_RESORT
    return next(iter(by_name or found), None)


def open_file(path: Path) -> list[Image]:
    """The images of one file; a file that is not what its name says is read, and told.

    Raises UnreadableImage, MissingLibrary, OSError.
    """
    reader = find(path)
    if reader is None:
        raise UnreadableImage(path, *_reason(path))
    with decoding(path, reader.name):
        images = reader.open(path)
    if not _suits_name(reader, path) and (expected := _by_name(path)) is not None:
        name = printable(path.name)
        note = f"'{name}' is called like a {expected.name} file, but is a {reader.name} file."
        for image in images:
            image.info = replace(image.info, notes=(*image.info.notes, note))
    return images


def is_named_as_image(path: Path) -> bool:
    """Whether its name makes people expect an image, whatever its content."""
    return _by_name(path) is not None


def _suits_name(reader: Reader, path: Path) -> bool:
    return path.name.lower().endswith(reader.suffixes)


def _by_name(path: Path) -> Reader | None:
    return next((one for one in (*readers(), _LAST_RESORT) if _suits_name(one, path)), None)


def _reason(path: Path) -> tuple[str, str]:
    """Why nothing reads this file, and what to do."""
    if path.stat().st_size == 0:
        return "The file is empty.", "Export or copy it again."
    expected = _by_name(path)
    if isinstance(expected, RawReader):
        return NEEDS_DESCRIPTION
    if expected is not None:
        return (
            f"The file is called like a {expected.name} file, but does not begin like one.",
            "It may be damaged or of another format; export it again.",
        )
    return (
        "No reader knows this format.",
        "Convert it to TIFF or OME-TIFF with the program that made it, or with Fiji.",
    )
