"""Folders as dictionaries of relative paths and contents."""

from collections.abc import Iterable, Mapping
from pathlib import Path


def write_tree(root: Path, files: Mapping[str, bytes] | Iterable[str]) -> Path:
    """Make the files, with the path itself as contents where none are given."""
    contents = files if isinstance(files, Mapping) else {path: path.encode() for path in files}
    root.mkdir(parents=True, exist_ok=True)
    for path, data in contents.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return root


def tree_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
