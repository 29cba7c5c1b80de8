"""Looking into a dataset's directory without trusting it: metadata files and folder names only.

Links are followed wherever they lead. Whatever can't be read becomes a sentence in the report.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from datasets.properties import files
from datasets.properties.record import JsonObject
from datasets.properties.sentences import printable

SUBFOLDER_LIMIT = 1000  # layers or mags in one folder
ENTRY_LIMIT = 200_000  # directory entries looked at in one dataset

M = TypeVar("M", bound=BaseModel)


@dataclass
class Report:
    """What came up while looking: sentences for a person, what that person has to check or say, and
    how much may still be looked at.
    """

    problems: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    entries_left: int = field(default_factory=lambda: ENTRY_LIMIT)


@dataclass(frozen=True)
class Folder:
    """A folder of the dataset; `relative` is its path below the dataset's, empty for that one,
    which goes by the dataset's name.
    """

    path: Path
    relative: str
    name: str
    report: Report
    ancestors: tuple[tuple[int, int], ...] = ()

    @property
    def shown(self) -> str:
        return repr(self.relative or ".")

    def child(self, name: str) -> "Folder":
        relative = f"{self.relative}/{name}" if self.relative else name
        ancestors = (*self.ancestors, *_identity(self.path))
        return Folder(self.path / name, relative, name, self.report, ancestors)

    def problem(self, sentence: str) -> None:
        self.report.problems.append(sentence)

    def entries(self) -> Iterator[os.DirEntry[str]]:
        """The entries in no order, as far as the dataset's limit reaches."""
        try:
            with os.scandir(self.path) as found:
                for entry in found:
                    if self.report.entries_left <= 0:
                        return
                    self.report.entries_left -= 1
                    yield entry
        except OSError as error:
            self.problem(f"The folder {self.shown} can't be listed ({error.strerror}).")

    def subfolders(self) -> list["Folder"]:
        """The folders inside, by name; hidden ones and links back up are left out."""
        found: list[Folder] = []
        for entry in self.entries():
            if entry.name.startswith(".") or not self._is_folder(entry):
                continue
            if not _is_text(entry.name):
                self.problem(
                    f"The folder '{printable(entry.name)}' in {self.shown} is left out: its name "
                    "is not UTF-8. Rename it."
                )
                continue
            child = self.child(entry.name)
            if set(_identity(child.path)) & set(child.ancestors):
                self.problem(f"The link {child.shown} leads back up and is left out; remove it.")
            elif len(found) == SUBFOLDER_LIMIT:
                self.problem(f"Only {SUBFOLDER_LIMIT} folders in {self.shown} were looked at.")
                break
            else:
                found.append(child)
        return sorted(found, key=lambda folder: folder.name)

    def file_names(self) -> list[str]:
        """The names in the folder, sorted; empty where it is none."""
        if not self.path.is_dir():
            return []
        return sorted(entry.name for entry in self.entries() if _is_text(entry.name))

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        try:
            if entry.is_dir():
                return True
            if entry.is_symlink():
                os.stat(entry.path)  # noqa: PTH116 - its error tells dangling links from loops
        except OSError as error:
            name = printable(entry.name)
            self.problem(f"The link '{name}' in {self.shown} can't be followed ({error.strerror}).")
        return False

    def read_json(self, name: str) -> JsonObject | None:
        """The JSON object in the file; None where it is absent or, which is reported, broken."""
        try:
            document = json.loads(files.contents(self.path / name))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.broken(name, error.strerror or "it can't be read")
            return None
        except (ValueError, RecursionError):
            self.broken(name, "it is not JSON")
            return None
        if not isinstance(document, dict):
            self.broken(name, "it is not a JSON object")
            return None
        return document

    def parse(self, model: type[M], document: JsonObject, name: str) -> M | None:
        """The document of the file `name` as the model; None, and reported, if it is broken."""
        try:
            return model.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            self.broken(name, f"{where}: {first['msg']}")
            return None

    def broken(self, name: str, cause: str) -> None:
        file = f"{self.relative}/{name}" if self.relative else name
        self.problem(f"The file {file!r} can't be used: {cause}.")


def _identity(path: Path) -> tuple[tuple[int, int], ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return ((status.st_dev, status.st_ino),)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
