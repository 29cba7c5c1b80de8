"""What senders may call their uploads and the files in them."""

import contextlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import PurePosixPath

PATH_BYTES = 1024
COMPONENT_BYTES = 255  # what Linux file systems hold
LEVELS = 32
SHOWN_CHARACTERS = 120
# Control characters, halves of pairs (what was not UTF-8), and line and paragraph separators.
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}


class BadUpload(Exception):
    """What was sent can't be taken: a sentence for the person who sent it."""


def shown(path: object) -> str:
    """The path in quotes for a sentence, without control characters and not endless."""
    text = str(path)
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}...")


def checked_path(path: str) -> PurePosixPath:
    """The relative path of a file, as a path that stays inside the folder it is put into.

    Names in any script are fine. Raises BadUpload for a path that a server could mistake for
    another one or can't store.
    """
    if not path:
        raise BadUpload("A file was sent without a name.")
    if problem := _problem(path):
        raise BadUpload(f"The file {shown(path)} can't be taken: {problem}")
    return PurePosixPath(path)


def checked_upload_id(upload_id: str) -> str:
    """The upload's id, which names a folder. Raises BadUpload for what could name another one."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", upload_id) or ".." in upload_id:
        raise BadUpload(
            f"{shown(upload_id)} is no id of an upload; use up to 128 of the characters "
            "A-Z a-z 0-9 _ . -, with a letter or digit first and no '..'."
        )
    return upload_id


@contextlib.contextmanager
def refusing_file_as_folder(path: object) -> Iterator[None]:
    """Raise BadUpload where a file stands in the way of a folder in `path`, or the reverse."""
    try:
        yield
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise BadUpload(
            f"The upload holds {shown(path)} or a folder above it both as a file and as a folder; "
            "rename one of them."
        ) from error


def _problem(path: str) -> str | None:
    components = path.split("/")
    if path.startswith("/") or re.fullmatch(r"[A-Za-z]:", components[0]):
        return "its path is absolute; send paths relative to the uploaded folder."
    if "\\" in path:
        return "its path holds a backslash; separate folders by '/'."
    if any(unicodedata.category(character) in UNPRINTABLE for character in path):
        return "its path holds a control character or broken text; rename it."
    if "" in components:
        return "its path has an empty component; write one '/' between folders, none at the end."
    if "." in components or ".." in components:
        return "its path holds '.' or '..'; write it without."
    if len(path.encode()) > PATH_BYTES:
        return f"its path is longer than {PATH_BYTES:,} bytes; shorten it."
    if any(len(component.encode()) > COMPONENT_BYTES for component in components):
        return f"a name in its path is longer than {COMPONENT_BYTES} bytes; shorten it."
    if len(components) > LEVELS:
        return f"it lies more than {LEVELS} folders deep; flatten them."
    return None
