"""The SOURCE of a command: a file or folder as it is, a ZIP archive as what it holds."""

import hashlib
import shutil
import uuid
from pathlib import Path

from conversion.management.terminal import ProgressBar
from conversion.readers import UnreadableImage
from conversion.readers.folder_listing import is_foreign
from conversion.uploads.tidying import tidy
from conversion.uploads.unpacking import Limits, unpack

_MOST_ENTRIES = 1_000_000


def checked_source(source: Path) -> Path:
    """The source as an absolute path. Raises UnreadableImage where nothing is there."""
    if not source.exists():
        raise UnreadableImage(source, "There is no such file or folder.", "Check the path.")
    return source.resolve()


def is_archive(source: Path) -> bool:
    return source.is_file() and source.suffix.lower() in (".zip", ".ozx")


def unpacked(archive: Path, scratch: Path, bar: ProgressBar) -> Path:
    """The folder below `scratch` with what the archive holds. It is called like the archive, or
    like the folder in it that holds everything: people name that one after the images.

    It is unpacked once for all commands that use this scratch folder, also at the same time.
    Raises BadUpload for an archive that is broken, unsafe, or larger than the disk has room for.
    """
    status = archive.stat()
    key = hashlib.sha256(f"{archive} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()
    place = scratch / key[:16]
    if not place.exists():
        scratch.mkdir(parents=True, exist_ok=True)
        aside = scratch / f"unpacking-{uuid.uuid4().hex}"

        def show(part: float) -> None:
            bar.show("Unpacking", int(status.st_size * part), status.st_size)

        try:
            limits = Limits(max_entries=_MOST_ENTRIES, max_bytes=shutil.disk_usage(scratch).free)
            root = aside / archive.stem
            unpack(archive, root, limits, progress=show)
            top = _only_folder(root)
            tidy(root)
            if top is not None and not (root / top).exists():
                root.rename(aside / top)
            _publish(aside, place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    (opened,) = place.iterdir()
    return opened


def _only_folder(root: Path) -> str | None:
    """The name of the folder in `root` that all else lies in."""
    entries = [entry for entry in root.iterdir() if not is_foreign(entry)]
    return entries[0].name if len(entries) == 1 and entries[0].is_dir() else None


def _publish(aside: Path, place: Path) -> None:
    try:
        aside.rename(place)
    except OSError:
        if not place.exists():  # nobody else was faster
            raise
