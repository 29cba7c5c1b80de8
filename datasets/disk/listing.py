"""What lies in the data directory: binaryData/<organization>/<dataset>, one level each.

Only names and signatures; nothing is opened and no table is asked.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from datasets.properties import FILE_NAME
from datasets.properties.sentences import printable

# Of more entries (chunks, image stacks) only the first are looked at.
MOST_ENTRIES = 10_000
# A dataset's directory, up to two folders of layers, a mag.
DEPTH = 3
_FILE_SIGNATURE = "file:"


@dataclass(frozen=True)
class Entry:
    """A dataset's directory as it was found.

    `signature` is equal exactly while nothing of the dataset was seen to change. `problem` is why
    the directory can't be used, as a sentence.
    """

    name: str
    path: Path
    signature: str
    problem: str = ""


@dataclass(frozen=True)
class Listing:
    """The datasets of one organization, and the sentences about what could not be one."""

    entries: dict[str, Entry]
    problems: tuple[str, ...]


def visible_names(directory: Path) -> list[str]:
    """The names in the directory that are not hidden, sorted. Raises OSError."""
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if not entry.name.startswith("."))


def list_datasets(organization_directory: Path) -> Listing:
    """The datasets in the organization's directory. Raises OSError where it can't be listed.

    Plain files and hidden entries (such as .trash, .uploading and .forConversion) are no datasets.
    """
    entries: dict[str, Entry] = {}
    problems = []
    for name in visible_names(organization_directory):
        path = organization_directory / name
        if not _is_utf8(name):
            problems.append(
                f"The directory '{printable(name)}' was skipped: its name is not UTF-8. Rename it."
            )
            continue
        problem = _problem(path)
        if problem is None:
            continue
        signature = _digest(problem) if problem else signature_of(path)
        entries[name] = Entry(name, path, signature, problem)
    return Listing(entries, tuple(problems))


def entry_of(path: Path) -> Entry | None:
    """The dataset's directory at `path` as it is now; None where there is none."""
    problem = _problem(path) if os.path.lexists(path) else None
    if problem is None:
        return None
    return Entry(path.name, path, _digest(problem) if problem else signature_of(path), problem)


def signature_of(directory: Path) -> str:
    """What changes when the dataset's properties file does or a mag comes or goes in one of its
    layers; without a file, when the names and times of its directories down to its mags do.
    """
    try:
        found = (directory / FILE_NAME).stat()
    except FileNotFoundError:
        if not (directory / FILE_NAME).is_symlink():
            return f"tree:{_digest(repr(_tree(directory)))}"
        return _FILE_SIGNATURE + "dangling"
    except OSError as error:
        return f"{_FILE_SIGNATURE}errno {error.errno}"
    _, *layers = islice(_stamps(directory, depth=1), MOST_ENTRIES)
    return _FILE_SIGNATURE + _digest(repr((_stamp(found), layers)))


def is_of_file(signature: str) -> bool:
    """Whether the signature was that of a properties file."""
    return signature.startswith(_FILE_SIGNATURE)


def last_change(directory: Path) -> float:
    """When the directory or one down to its mags last changed, in seconds since the epoch."""
    return max(stamp[-1] for _, stamp in _tree(directory)) / 1e9


def _problem(path: Path) -> str | None:
    """Why the directory can't be used, "" where it can, None where it is no directory at all."""
    try:
        with os.scandir(path) as entries:
            next(entries, None)
    except NotADirectoryError:
        return None
    except OSError as error:
        name = path.name
        if error.errno == errno.ELOOP:
            return f"Error: '{name}' is a link that leads to itself. Correct the link."
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            return f"Error: The link '{name}' leads nowhere. Mount or restore what it leads to."
        if isinstance(error, FileNotFoundError):
            return None
        if isinstance(error, PermissionError):
            return f"Error: The site may not read the directory '{name}'. Grant it the right to."
        return f"Error: The directory '{name}' can't be read ({error.strerror}). Check the disk."
    return ""


def _tree(directory: Path) -> list[tuple[str, tuple[int, ...]]]:
    return list(islice(_stamps(directory, DEPTH), MOST_ENTRIES))


def _stamps(directory: Path, depth: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The directory and those below it, links followed, each with what changes when it does."""
    try:
        yield directory.name, _stamp(directory.stat())
        if depth == 0:
            return
        with os.scandir(directory) as entries:
            below = [entry.name for entry in islice(entries, MOST_ENTRIES) if _is_directory(entry)]
    except OSError as error:
        yield directory.name, (error.errno or 0, 0)
        return
    for name in sorted(below):
        if not name.startswith("."):
            yield from _stamps(directory / name, depth - 1)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or to where nobody may look
        return False


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_ino, found.st_size, found.st_ctime_ns, found.st_mtime_ns)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:48]


def _is_utf8(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)
