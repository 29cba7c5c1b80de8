"""A form with one file, read from a body as it comes."""

import io

import pytest

from conversion.uploads.multipart import Interrupted, drain, file_form
from conversion.uploads.names import BadUpload

TYPE = "multipart/form-data; boundary=b"


def form(*parts: str) -> bytes:
    shown = [f"--b\r\nContent-Disposition: form-data; {part}\r\n" for part in parts]
    return "".join([*shown, "--b--\r\n"]).encode()


WHOLE = form('name="a"\r\n\r\none', 'name="file"; filename="x"\r\n\r\nthe data')


def read(body: bytes, length: int | None = None, content_type: str = TYPE) -> tuple[dict, bytes]:
    found = file_form(
        io.BytesIO(body), content_type=content_type, length=len(body) if length is None else length
    )
    return found.fields, b"".join(found.file)


def test_fields_come_before_the_file() -> None:
    assert read(WHOLE) == ({"a": "one"}, b"the data")


def test_a_large_file_is_never_held() -> None:
    size = 50 * 1024**2
    head, tail = WHOLE.split(b"the data")
    body = io.BytesIO(head + b"x" * size + tail)
    found = file_form(body, content_type=TYPE, length=len(body.getvalue()))
    pieces = [len(piece) for piece in found.file]
    assert sum(pieces) == size
    assert max(pieces) <= 2 * 1024**2


@pytest.mark.parametrize("cut", [1, 10, 40, 80, len(WHOLE) - 2])
def test_a_body_that_ends_early_was_interrupted(cut: int) -> None:
    with pytest.raises(Interrupted):
        read(WHOLE[:cut], length=len(WHOLE))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        form('name="a"\r\n\r\nno file'),
        form('name="file"; filename="x"\r\n\r\ndata', 'name="late"\r\n\r\nfield'),
        form('name="a"\r\n\r\n' + "x" * 100_000, 'name="file"; filename="x"\r\n\r\ndata'),
        form(*[f'name="{n}"\r\n\r\nx' for n in range(50)]),
        WHOLE.replace(b"--b--", b"--c--"),
    ],
)
def test_what_is_no_such_form_is_refused(body: bytes) -> None:
    with pytest.raises(BadUpload):
        read(body)


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data"])
def test_other_bodies_are_refused(content_type: str) -> None:
    with pytest.raises(BadUpload):
        read(WHOLE, content_type=content_type)


def test_draining_reads_no_more_than_it_may() -> None:
    body = io.BytesIO(b"x" * 100)
    drain(body, 60)
    assert body.tell() == 60
