"""The other side of `sandbox`: a process that answers questions about images, within limits.

`sandbox` starts `main` with two descriptors, of a socket and of the shared memory, and with the
numbers of its limits. The process ends when the socket is closed.
"""

import logging
import mmap
import pickle
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.readers.errors import UnreadableImage
from conversion.readers.protocol import Image, ImageInfo, Reader
from conversion.readers.series import SeriesProblem, find_images

STACK_BYTES = 1 << 20
"""Of each thread; the system's 8 MiB would count as used."""


@dataclass(frozen=True)
class Description:
    """An image that another process has open: what is known of it, and how to open it."""

    reader: Reader
    path: Path
    number: int
    info: ImageInfo
    files: tuple[Path, ...]
    reads_bands: bool
    pickled: bytes


@dataclass(frozen=True)
class FoundThere:
    """`series.Found`, described."""

    layers: tuple[tuple[str, tuple[Description, ...]], ...]
    problems: tuple[SeriesProblem, ...]
    notes: tuple[str, ...]


def describe(image: Image) -> Description:
    return Description(
        reader=image.reader,
        path=image.path,
        number=image.number,
        info=image.info,
        files=image.files,
        reads_bands=image.reads_bands,
        pickled=pickle.dumps(image),
    )


class _Server:
    """Each method that a question may name gives its answer."""

    def __init__(self, memory: int, threads: int) -> None:
        self._memory = memory
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)
        self._images: dict[int, Image] = {}

    def find(self, path: Path) -> FoundThere:
        found = find_images(path)
        layers = tuple(
            (layer.name, tuple(describe(image) for image in layer.images)) for layer in found.layers
        )
        return FoundThere(layers, found.problems, found.notes)

    def open(self, number: int, pickled: bytes) -> None:
        self._images[number] = pickle.loads(pickled)  # noqa: S301 (from our own other half)

    def close(self, number: int) -> None:
        if (image := self._images.pop(number, None)) is not None:
            image.close()

    def read(self, number: int, index: Mapping[str, int], z: range, y: range) -> None:
        """Fill the beginning of the shared memory."""
        image = self._images[number]
        shape = image.info.slices_shape(len(z), len(y))
        with mmap.mmap(self._memory, 0) as shared:
            out: NDArray[Any] | None = np.ndarray(shape, image.info.dtype, shared)
            parts = self._parts(image, z, y)
            reading = [
                self._pool.submit(
                    image.read,
                    index,
                    some_z,
                    y=some_y,
                    out=_part(out, some_z, z, some_y, y),
                )
                for some_z, some_y in parts
            ]
            try:
                for part in reading:
                    part.result()
            finally:
                del out, reading  # they look into the map, which can't be closed before

    def _parts(self, image: Image, z: range, y: range) -> list[tuple[range, range]]:
        """About a part for each thread: slices, or rows of a slice where that pays."""
        if len(z) > 1:
            return [(part, y) for part in _split(z, self._threads)]
        return [(z, part) for part in _split(y, self._threads if image.reads_bands else 1)]


def _split(whole: range, count: int) -> list[range]:
    step = -(-len(whole) // count)
    return [
        range(start, min(start + step, whole.stop))
        for start in range(whole.start, whole.stop, step)
    ]


def _part(out: Any, some_z: range, z: range, some_y: range, y: range) -> NDArray[Any]:
    part: NDArray[Any] = out[
        some_z.start - z.start : some_z.stop - z.start,
        some_y.start - y.start : some_y.stop - y.start,
    ]
    return part


def _answer(server: _Server, question: str, *arguments: Any) -> Any:
    """What is sent back: an answer, or an error; of one that is a bug, the place goes to stderr."""
    try:
        return getattr(server, question)(*arguments)
    except (UnreadableImage, OSError) as error:
        return error
    except Exception as error:
        traceback.print_exc()
        return RuntimeError(f"{type(error).__name__}: {error}")


def main() -> None:
    descriptor, memory, memory_bytes, seconds, threads = (int(number) for number in sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, whatever holds it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to who asked
    threading.stack_size(STACK_BYTES)
    logging.disable()  # what decoders say beside is for nobody; what they raise is answered
    server = _Server(memory, threads)
    # The socket is closed, or broken, once whoever asked has what was wanted, or was killed.
    with Connection(descriptor) as connection, suppress(EOFError, ConnectionError):
        while True:
            question = connection.recv()
            signal.alarm(seconds)
            answer = _answer(server, *question)
            signal.alarm(0)
            connection.send(answer)
