"""Reading and writing datasource-properties.json, so that neither a broken file nor a full disk
does harm. What a file says is for `validation` to judge.
"""

import contextlib
import json
import math
import os
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from datasets.properties.model import DataSource

FILE_NAME = "datasource-properties.json"
BACKUPS_NAME = "datasource-properties-backups.log"
SIZE_LIMIT = 32 * 1024 * 1024  # bytes
DEPTH_LIMIT = 64
REPORTED_ERRORS = 5
# More than any real dataset has, and few enough to be judged within a second or two.
LAYER_LIMIT = 1000
MAG_LIMIT = 100  # of a layer
MAG_TOTAL_LIMIT = 10_000
ATTACHMENT_LIMIT = 1000  # of a layer and kind


class UnreadableProperties(ValueError):
    """A properties file that can't be used; `str()` of it is the dataset's status text."""

    def __init__(self, file: str, details: str) -> None:
        super().__init__(f"Error: Invalid json format in {file}: {details}")
        self.details = details


def read(path: Path) -> DataSource:
    """The data source that the file describes.

    Raises UnreadableProperties for anything but a good file, FileNotFoundError where there is none.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        found = contents(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            raise
        raise UnreadableProperties(
            name, f"the file can't be read ({error.strerror}); check it and who may read it"
        ) from error
    except ValueError as error:
        raise UnreadableProperties(name, str(error)) from error
    return loads(found, name)


def loads(text: bytes | str, file: str = FILE_NAME) -> DataSource:
    """The data source in the text. Raises UnreadableProperties, which calls it `file`."""
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        document = json.loads(decoded, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        details = f"byte {error.start} is not UTF-8; save the file as UTF-8"
        raise UnreadableProperties(file, details) from error
    except json.JSONDecodeError as error:
        details = f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}"
        raise UnreadableProperties(file, details) from error
    except RecursionError as error:
        raise UnreadableProperties(file, _TOO_DEEP) from error
    except ValueError as error:
        # Python's own words on thousands of digits speak to programmers.
        details = "a number is too large" if "digits" in str(error) else str(error)
        raise UnreadableProperties(file, details) from error
    return parse(document, file)


def parse(document: object, file: str = FILE_NAME) -> DataSource:
    """The data source in decoded JSON. Raises UnreadableProperties, which calls it `file`."""
    try:
        check_readable(document)
        return DataSource.model_validate(document)
    except ValidationError as error:
        raise UnreadableProperties(file, _sentence(error)) from error
    except ValueError as error:
        raise UnreadableProperties(file, str(error)) from error


def dumps(data_source: DataSource) -> str:
    """The text of the properties file, in the modern form."""
    document = data_source.to_json()
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write(path: Path, data_source: DataSource) -> None:
    """Replace the file at once; what it said before is appended to the log of backups beside it.

    A reader finds the old file or the new one, never a part. When the disk is full (OSError) the
    old file stays. A file that would not change is left alone. A link is followed.
    """
    target = Path(os.path.realpath(path))
    new = dumps(data_source).encode()
    try:
        previous, mode = target.read_bytes(), stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        previous, mode = None, 0o644
    if previous == new:
        return
    with _temporary_file(target.parent, new, mode) as temporary:
        if previous is not None:
            _append_backup(target.with_name(BACKUPS_NAME), target.name, previous)
        temporary.replace(target)
    _sync_directory(target.parent)


_WORDING = {"missing": "is missing", "model_type": "must be a JSON object"}
_TOO_DEEP = f"objects and lists are nested more than {DEPTH_LIMIT} deep"


def contents(path: Path) -> bytes:
    """All bytes of a regular file of a sensible size. Raises OSError, ValueError."""
    # Without O_NONBLOCK, opening a pipe would wait for ever.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        found = file.read(SIZE_LIMIT + 1)
    if len(found) > SIZE_LIMIT:
        raise ValueError(f"it is larger than {SIZE_LIMIT // 1024**2} MiB")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number; use a finite number or leave the key out")


def check_readable(document: object) -> None:
    """Raise ValueError for decoded properties that hold more than can be judged or stored."""
    _check_numbers(document)
    check_storable(document)


def check_storable(document: object) -> None:
    """Raise ValueError for what Python lets pass but other JSON tools or databases do not."""
    pending: list[tuple[Any, str, int]] = [(document, "", 0)]
    while pending:
        value, where, depth = pending.pop()
        if depth > DEPTH_LIMIT:
            raise ValueError(_TOO_DEEP)
        match value:
            case dict():
                for key, item in value.items():
                    _check_text(key, where)
                    pending.append((item, f"{where}.{key}" if where else key, depth + 1))
            case list():
                pending += [(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
            case str():
                _check_text(value, where)
            case float() if not math.isfinite(value):
                raise ValueError(f"the number at {where} is too large")
            case int() if not -(2**63) <= value < 2**64:
                raise ValueError(f"the number at {where} is too large")


def _check_numbers(document: object) -> None:
    """Raise ValueError for more than can be judged, before each of it is looked at."""
    layers = document.get("dataLayers") if isinstance(document, dict) else None
    layers = layers if isinstance(layers, list) else []
    _check_number("layers in dataLayers", len(layers), LAYER_LIMIT)
    total = 0
    for number, layer in enumerate(layers):
        if not isinstance(layer, dict):
            continue
        for key in ("mags", "wkwResolutions"):
            mags = layer.get(key)
            count = len(mags) if isinstance(mags, list) else 0
            _check_number(f"{key} in dataLayers[{number}]", count, MAG_LIMIT)
            total += count
        attachments = layer.get("attachments")
        for kind, found in attachments.items() if isinstance(attachments, dict) else ():
            if isinstance(found, list):
                place = f"{kind} in dataLayers[{number}].attachments"
                _check_number(place, len(found), ATTACHMENT_LIMIT)
    _check_number("mags in all layers together", total, MAG_TOTAL_LIMIT)


def _check_number(things: str, count: int, limit: int) -> None:
    if count > limit:
        raise ValueError(
            f"there are {count:,} {things}, but at most {limit:,} can be used; remove some, or "
            "make several datasets"
        )


def _check_text(text: str, where: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        place = where or "the top level"
        raise ValueError(
            f"a text at {place} holds a character that is not allowed (NUL or half a pair)"
        )


def _sentence(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_context=False)
    parts = [_error_words(e["type"], e["msg"], e["loc"]) for e in errors[:REPORTED_ERRORS]]
    if len(errors) > REPORTED_ERRORS:
        parts.append(f"and {len(errors) - REPORTED_ERRORS} more")
    return "; ".join(parts)


def _error_words(kind: str, message: str, location: tuple[int | str, ...]) -> str:
    path = _json_path(location)
    if kind in _WORDING:
        return f"{path} {_WORDING[kind]}"
    return f"{path}: {message.removeprefix('Value error, ')}"


def _json_path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".") or "the top level"


@contextlib.contextmanager
def _temporary_file(directory: Path, contents: bytes, mode: int) -> Iterator[Path]:
    """A file with `contents`, safely on disk; gone afterwards unless it was renamed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{FILE_NAME}-", dir=directory)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _append_backup(log: Path, name: str, previous: bytes) -> None:
    heading = f"Contents of {name} before {datetime.now(UTC).isoformat(timespec='seconds')}:\n"
    with log.open("ab") as file:
        size = file.tell()
        try:
            file.write(heading.encode() + previous + b"\n\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), size)
            raise


def _sync_directory(directory: Path) -> None:
    # The new file is in place already, and some network file systems refuse to sync a directory.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
