"""Making an uploaded folder a dataset's: without hidden files and leading folders."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from conversion.uploads.folder_kinds import is_image, is_mag
from conversion.uploads.names import BadUpload, shown
from datasets.properties import FILE_NAME
from datasets.properties.infer.mags import MAG_NAME

ZARR_METADATA = {".zarray", ".zattrs", ".zgroup", ".zmetadata"}
MAC_FOLDER = "__MACOSX"  # what macOS adds to archives
LAYER_NAMES = {"color", "segmentation"}


def tidy(root: Path) -> None:
    """Drop hidden files, empty folders and what macOS adds, then folders that lead to all else.

    Metadata of Zarr stays, though hidden. A leading folder stays if it is called color or
    segmentation, or is a layer or a mag itself. Once more does no harm, also after a kill.
    Raises BadUpload for links and special files.
    """
    settle(root)
    _clean(root)
    leading = _leading_folder(root)
    if leading != root:
        former = _former(root)
        root.rename(former)
        (former / leading.relative_to(root)).rename(root)
        shutil.rmtree(former)


def settle(root: Path) -> None:
    """Undo or end what a killed process began with `root`.

    The files move at once, between `root` and a folder beside it; where they are not is rubbish.
    """
    former = _former(root)
    if not former.exists():
        return
    if _has_files(former):
        if root.exists():
            shutil.rmtree(root)
        former.rename(root)
    else:
        shutil.rmtree(former)


def wrap(root: Path, folders: str) -> None:
    """Move all that is in `root` into `folders` below it, such as `color/1`, at once."""
    former = _former(root)
    root.rename(former)
    place = root / folders
    place.parent.mkdir(parents=True)
    former.rename(place)


def _former(root: Path) -> Path:
    return root.with_name(f".{root.name}.former")


def _has_files(folder: Path) -> bool:
    return any(
        _has_files(Path(entry.path)) if entry.is_dir(follow_symlinks=False) else True
        for entry in _entries(folder)
    )


def _clean(folder: Path) -> None:
    for entry in list(_entries(folder)):
        path = Path(entry.path)
        if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
            raise BadUpload(
                f"{shown(entry.name)} is a link or a special file; upload the file itself."
            )
        if entry.is_dir():
            if entry.name.startswith(".") or entry.name == MAC_FOLDER:
                shutil.rmtree(path)
                continue
            _clean(path)
            if not any(_entries(path)):
                path.rmdir()
        elif entry.name.startswith(".") and entry.name not in ZARR_METADATA:
            path.unlink()


def _leading_folder(root: Path) -> Path:
    """The innermost folder that all files have in common and that may become the dataset's."""
    folder = root
    while True:
        # Two are enough to know that there are several.
        entries = [entry for entry, _ in zip(_entries(folder), range(2), strict=False)]
        if len(entries) != 1 or not entries[0].is_dir() or _is_data(Path(entries[0].path)):
            return folder
        folder = Path(entries[0].path)


def _is_data(folder: Path) -> bool:
    """Whether the folder is a layer or a mag, by its name or by what it says of itself."""
    if folder.name in LAYER_NAMES or MAG_NAME.fullmatch(folder.name):
        return True
    is_dataset = (folder / FILE_NAME).is_file()
    return not is_dataset and (is_mag(folder) or is_image(folder))


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries
