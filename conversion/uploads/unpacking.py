"""Opening an uploaded ZIP archive without trusting it.

Names stay inside the target, links and devices are refused, and bytes are counted as they are
written. The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import contextlib
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from conversion.uploads.names import BadUpload, checked_path, refusing_file_as_folder, shown

RATIO_FLOOR = 64 * 1024 * 1024  # bytes that any archive may unpack to, whatever its ratio
PIECE = 1024 * 1024  # bytes decompressed at a time
PROGRESS_STEP = 0.001

UNSUPPORTED = (".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".rar", ".7z")
COMPRESSED_IMAGES = (".nii.gz",)

TABLE_BYTES = 512 * 1024 * 1024  # of the archive's table of contents
CENTRAL_SIGNATURE = b"PK\x01\x02"
LOCAL_ENTRY = struct.Struct("<4s22x2H")  # signature, then the lengths of name and extra fields
IS_ENCRYPTED = 0x1 | 0x40
IS_UTF8 = 0x800
# Python's reader holds all that one piece of bzip2 or LZMA expands to in memory.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What the reader raises for broken archives, none of which is a fault of the disk.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much an archive may hold: entries, bytes in all, and bytes for each byte of its own."""

    max_entries: int = 1_000_000
    max_bytes: int
    max_ratio: int = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the archive that may be unpacked."""

    info: zipfile.ZipInfo
    path: PurePosixPath


def find_archive(root: Path) -> Path | None:
    """The ZIP archive that the upload consists of, or None where it is no archive.

    Hidden files don't count. Raises BadUpload for several archives and for other kinds of them.
    """
    archives: list[Path] = []
    other_files = 0
    for path in _visible_files(root):
        if _is_archive(path):
            archives.append(path)
        else:
            other_files += 1
    if not archives:
        return None
    # Formats for huge arrays may store each chunk as a file that is compressed on its own.
    if other_files and all(_is_single_gzip(path) for path in archives):
        return None
    unsupported = [path for path in archives if path.suffix.lower() != ".zip"]
    if unsupported:
        raise BadUpload(
            f"{_listed(root, unsupported)} can't be unpacked; upload the files themselves or one "
            "ZIP archive."
        )
    if len(archives) > 1:
        raise BadUpload(
            f"The upload holds several archives ({_listed(root, archives)}); upload one ZIP "
            "archive or the files themselves."
        )
    return None if other_files else archives[0]


def unpack(
    archive: Path, target: Path, limits: Limits, *, progress: Callable[[float], None]
) -> None:
    """Write the files of the archive into `target`, telling the done fraction now and then.

    Names that are not marked as UTF-8 but are valid UTF-8 are taken as that, as most programs
    mean it, others as code page 437, as the format says. Entries for folders are skipped.
    Raises BadUpload for an archive that is broken, unsafe or too large; `target` is then the
    caller's to remove. Faults of the disk pass through as OSError.
    """
    target.mkdir(parents=True, exist_ok=True)
    allowed = min(limits.max_bytes, max(RATIO_FLOOR, limits.max_ratio * archive.stat().st_size))
    with _Archive(archive, limits) as file, _open(file, archive) as opened:
        entries = _checked_entries(opened, file)
        total = sum(entry.info.file_size for entry in entries)
        if total > allowed:
            raise _too_large(archive, allowed)
        written = 0
        told = 0.0
        for entry in entries:
            for length in _unpack_entry(opened, entry, target / entry.path):
                written += length
                if written > allowed:
                    raise _too_large(archive, allowed)
                if written >= total * (told + PROGRESS_STEP):
                    told = written / total
                    progress(told)
    # One call for all files: syncing each of a million small ones would take an hour.
    os.sync()
    progress(1.0)


def _visible_files(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _visible_files(Path(entry.path))
            else:
                yield Path(entry.path)


def _is_archive(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith((".zip", *UNSUPPORTED)) and not name.endswith(COMPRESSED_IMAGES)


def _is_single_gzip(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(".gz") and not name.endswith(".tar.gz")


def _listed(root: Path, paths: list[Path]) -> str:
    names = sorted(shown(path.relative_to(root)) for path in paths)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


class _Archive(io.BufferedReader):
    """The archive's file, which hands out the table of contents only if it is not too large.

    Python's reader asks for the whole table at once and makes an object of each entry.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(io.FileIO(path))
        self.is_opened = False
        self._path = path
        self._max_entries = limits.max_entries

    def read(self, size: int | None = -1) -> bytes:
        if self.is_opened:
            return super().read(size)
        if size is None or size <= TABLE_BYTES:
            found = super().read(size)
            if found.count(CENTRAL_SIGNATURE) <= self._max_entries:
                return found
        raise BadUpload(
            f"The archive {shown(self._path.name)} holds more than {self._max_entries:,} files; "
            "upload it in parts."
        )


def _open(file: _Archive, archive: Path) -> zipfile.ZipFile:
    with _refusing_broken(archive.name):
        opened = zipfile.ZipFile(file)
    file.is_opened = True
    return opened


@contextlib.contextmanager
def _refusing_broken(name: object) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise BadUpload(
            f"{shown(name)} can't be unpacked: the archive is damaged or of an unusual kind. "
            "Pack it again as an ordinary ZIP archive."
        ) from error


def _checked_entries(opened: zipfile.ZipFile, file: _Archive) -> list[Entry]:
    """The files in the archive, in the order in which they lie there."""
    infos = sorted(opened.infolist(), key=lambda info: info.header_offset)
    ends = [*(info.header_offset for info in infos[1:]), opened.start_dir]
    entries: dict[PurePosixPath, Entry] = {}
    for info, end in zip(infos, ends, strict=True):
        name = _name(info)
        _check_kind(info, name)
        _check_place(info, end, name, file)
        if name.endswith("/"):
            continue
        path = checked_path(name)
        if path in entries:
            raise BadUpload(f"The archive holds {shown(name)} twice; pack it again.")
        entries[path] = Entry(info, path)
    return list(entries.values())


def _name(info: zipfile.ZipInfo) -> str:
    """The entry's whole name; the reader's own attribute ends at a NUL character."""
    name = info.orig_filename
    if not info.flag_bits & IS_UTF8:
        with contextlib.suppress(UnicodeDecodeError):
            name = name.encode("cp437").decode()
    return name.removeprefix("./")


def _check_kind(info: zipfile.ZipInfo, name: str) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadUpload(
            f"The archive holds {shown(name)} as a link or a device; pack the file itself."
        )
    if info.flag_bits & IS_ENCRYPTED:
        raise BadUpload(
            f"{shown(name)} in the archive is encrypted; pack it again without a password."
        )
    if info.compress_type not in METHODS:
        raise BadUpload(
            f"{shown(name)} in the archive is compressed in an unusual way; pack it again as an "
            "ordinary ZIP archive (deflate)."
        )
    if name.endswith("/") and name != "/":
        checked_path(name[:-1])


def _check_place(info: zipfile.ZipInfo, end: int, name: str, file: _Archive) -> None:
    """Refuse an entry that reaches into the next one: so a few bytes could unpack many times."""
    start = info.header_offset
    header = os.pread(file.fileno(), LOCAL_ENTRY.size, start) if 0 <= start < end else b""
    if len(header) == LOCAL_ENTRY.size:
        _, name_bytes, extra_bytes = LOCAL_ENTRY.unpack(header)
        if start + LOCAL_ENTRY.size + name_bytes + extra_bytes + info.compress_size <= end:
            return
    raise BadUpload(
        f"The archive is damaged: {shown(name)} overlaps with another file. Pack it again."
    )


def _unpack_entry(opened: zipfile.ZipFile, entry: Entry, place: Path) -> Iterator[int]:
    """Write the file and yield the length of each piece."""
    with refusing_file_as_folder(entry.path):
        place.parent.mkdir(parents=True, exist_ok=True)
        target = place.open("xb")
    length = 0
    with target, _refusing_broken(entry.path), opened.open(entry.info) as source:
        while piece := source.read(PIECE):
            target.write(piece)
            length += len(piece)
            yield len(piece)
    if length != entry.info.file_size:
        raise BadUpload(
            f"The archive is damaged: {shown(entry.path)} is shorter than it says. Pack it again."
        )


def _too_large(archive: Path, allowed: int) -> BadUpload:
    return BadUpload(
        f"The archive {shown(archive.name)} unpacks to more than the {allowed:,} bytes that are "
        "allowed for it; upload the files themselves."
    )
