"""Reads a form with one file from a request's body without holding the file.

The fields come first, as all upload clients send them: they say where the file's bytes go.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from .names import BadUpload

READ_BYTES = 1024 * 1024
LONGEST_FIELDS = 64 * 1024  # all of them together
MOST_FIELDS = 32


class Interrupted(Exception):
    """The body ended before its announced length: the connection broke."""


class Body(Protocol):
    """A request's body."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        ...


@dataclass(frozen=True)
class FileForm:
    """A form's fields, and what of its file has still to be read."""

    fields: dict[str, str]
    file: Iterator[bytes]


def file_form(body: Body, *, content_type: str, length: int) -> FileForm:
    """The form in a body of `length` bytes; its file is read while somebody asks for it.

    Raises BadUpload for what is no such form, here or while the file is read, and Interrupted.
    """
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise BadUpload("A chunk is sent as multipart/form-data; update the program that sends it.")
    events = _events(body, options["boundary"], length)
    fields = _fields(events)
    return FileForm(fields, _file(events))


def drain(body: Body, at_most: int) -> None:
    """Read what is left of a body, so that a client that is still sending gets to the answer."""
    while at_most > 0 and (data := body.read(min(READ_BYTES, at_most))):
        at_most -= len(data)


Event: TypeAlias = MultipartSegment | bytes | None
"""The beginning of a part, some bytes of it, or its end."""


def _events(body: Body, boundary: str, length: int) -> Iterator[Event]:
    left = length

    def read(size: int) -> bytes:
        nonlocal left
        data = body.read(min(size, left))
        if left and not data:
            raise Interrupted
        left -= len(data)
        return data

    try:
        parser = PushMultipartParser(boundary, content_length=length)
        yield from parser.parse_blocking(read, READ_BYTES)
    except MultipartError as error:
        raise BadUpload(f"The body is no valid form ({error}); send it again.") from error


def _fields(events: Iterator[Event]) -> dict[str, str]:
    """All fields up to the file."""
    fields: dict[str, str] = {}
    name, value, size = "", bytearray(), 0
    for event in events:
        if isinstance(event, MultipartSegment):
            if event.filename is not None:  # the file; whatever its part is called
                return fields
            name, value = event.name or "", bytearray()
        elif event is None:
            fields[name] = value.decode(errors="replace")
        else:
            value += event
            size += len(event)
        if size > LONGEST_FIELDS or len(fields) > MOST_FIELDS:
            raise BadUpload("The form has too many or too long fields.")
    raise BadUpload("The form holds no file; send the fields first, then the file.")


def _file(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if event is None:
            break
        assert not isinstance(event, MultipartSegment)  # noqa: S101 (a part ends before the next)
        yield event
    for _ in events:
        raise BadUpload("Something follows the file in the form; send the fields first.")
