"""How many threads of a process may read bodies at once."""

import io
import json

import pytest

from datasets.streaming.bounded_bodies import with_bounded_bodies

THREADS = 8
LARGE = 300_000


class Site:
    """A site of which each request lasts until `meanwhile`, called within it, has ended."""

    def __init__(self) -> None:
        self.ask = with_bounded_bodies(self._answer, threads=THREADS)

    def status(self, length: int | None = None, meanwhile=lambda body: None, **environ) -> int:
        answers = []
        if length is not None:
            environ["CONTENT_LENGTH"] = str(length)
        environ = {
            "REQUEST_METHOD": "POST",
            "wsgi.input": io.BytesIO(b"\n" * (length or 0)),
            "meanwhile": meanwhile,
            **environ,
        }
        self.body = b"".join(self.ask(environ, lambda *answer: answers.append(answer)))
        ((line, headers),) = answers
        self.headers = dict(headers)
        return int(line.split()[0])

    @staticmethod
    def _answer(environ, start_response):
        environ["meanwhile"](environ["wsgi.input"])
        start_response("200 OK", [])
        return [b""]


@pytest.mark.parametrize(("length", "at_once"), [(1, 4), (LARGE, 2)], ids=["small", "large"])
def test_bodies_take_only_some_of_the_threads(length, at_once):
    site = Site()
    refused = []

    def fill(depth: int):
        def meanwhile(body) -> None:
            if depth < at_once:
                assert site.status(length, fill(depth + 1)) == 200
                return
            refused.append(site.status(length))
            assert json.loads(site.body)["messages"][0]["error"]
            assert site.headers["Retry-After"] == "5"
            # Who sends nothing goes on, and so do forms while uploads have their places taken.
            assert site.status(REQUEST_METHOD="GET") == 200
            assert site.status(0) == 200
            assert site.status(1) == (200 if length == LARGE else 503)

        return meanwhile

    assert site.status(length, fill(1)) == 200
    assert refused == [503]
    assert site.status(length, fill(1)) == 200  # all places were given back


def test_a_body_of_unknown_length_counts_as_large():
    site = Site()
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}

    def full(body) -> None:
        assert site.status(LARGE, lambda body: refused.append(site.status(**chunked))) == 200

    refused: list[int] = []
    assert site.status(meanwhile=full, **chunked) == 200
    assert refused == [503]


@pytest.mark.parametrize(
    "read",
    [
        lambda body: body.read(),
        lambda body: [body.read(100), body.read(LARGE)],
        lambda body: list(body),
    ],
    ids=["at once", "in parts", "by lines"],
)
def test_what_is_read_keeps_no_place_while_the_answer_is_made(read):
    site = Site()

    def nested(depth: int):
        def meanwhile(body) -> None:
            read(body)
            if depth < THREADS:
                assert site.status(1000, nested(depth + 1)) == 200

        return meanwhile

    assert site.status(1000, nested(1)) == 200


def test_an_application_that_fails_gives_its_place_back():
    site = Site()

    def fail(body) -> None:
        raise RuntimeError

    for _ in range(THREADS):
        with pytest.raises(RuntimeError):
            site.status(LARGE, fail)
    assert site.status(LARGE) == 200
