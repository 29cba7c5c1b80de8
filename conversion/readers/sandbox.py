"""Reads images in another process, so that a decoder that crashes or grows harms only one job.

`Sandbox.find_images` and the images that it gives do what `series.find_images` does here. Voxels
come back through memory that both processes map. The other process is started afresh, not forked
(libraries with threads do not survive a fork), and gets none of our environment's secrets. It
contains faults; against an attacker who takes it over it is no wall, as it runs as the same user.
"""

import itertools
import mmap
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from conversion.readers import sandbox_process
from conversion.readers.errors import UnreadableImage
from conversion.readers.protocol import Image
from conversion.readers.sandbox_process import Description, FoundThere, describe
from conversion.readers.series import Found, FoundLayer

LOOK_SECONDS = 0.05
"""How often the other process's memory is looked at while it works."""
SHARED_BYTES = 64 << 20
"""Of the memory for voxels; larger only where a single slice needs it."""
_PROGRAM = f"from {sandbox_process.__name__} import main; main()"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_ADVICE = "It is probably damaged: export it again, or convert it to OME-TIFF."
_KILLED = "Decoding it was ended by the system, which probably ran out of memory."
_ADVICE_IF_KILLED = "Try again; if that does not help, the machine needs more memory."


class ReaderKilled(UnreadableImage):
    """A file whose reader was killed from outside, which says nothing about the file."""


@dataclass(frozen=True)
class SandboxLimits:
    """What the other process may use."""

    memory_bytes: int = 4 << 30
    """With the voxels that it gives back, but without files that it maps."""
    seconds: int = 600
    """For one question: finding the images of a folder, or reading some slices."""
    threads: int = 2
    """That decode slices at the same time."""


class Sandbox:
    """The other process; it starts with the context or the first question, and again after it had
    to be ended.

    Questions of several threads are answered one after the other. `check` is called several times
    a second while images are found; what it raises ends the process, and passes through.
    """

    def __init__(
        self, limits: SandboxLimits | None = None, check: Callable[[], None] = lambda: None
    ) -> None:
        self.limits = limits or SandboxLimits()
        self._check = check
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection
        self._memory: int
        self._shared: mmap.mmap
        self._opened: dict[bytes, int] = {}
        self._numbers = itertools.count(1)

    def find_images(self, path: Path) -> Found:
        """As `series.find_images`, with images that are read in the sandbox."""
        with self._lock:
            found: FoundThere = self._ask(path, "find", path, check=self._check)
        layers = tuple(
            FoundLayer(name, tuple(SandboxedImage(self, image) for image in images))
            for name, images in found.layers
        )
        return Found(layers, found.problems, found.notes)

    def open(self, image: Image) -> "SandboxedImage":
        """An image that was opened elsewhere, to be read in the sandbox."""
        return SandboxedImage(self, describe(image))

    def close(self) -> None:
        """End the process; a further question starts another."""
        with self._lock:
            self._end()

    def __enter__(self) -> Self:
        with self._lock:
            if self._process is None:
                self._start()  # it loads its libraries while we do something else
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(
        self, image: Description, index: Mapping[str, int], z: range, y: range, out: NDArray[Any]
    ) -> None:
        """Fill `out` with what `Image.read` gives there; arguments are checked before."""
        with self._lock:
            if self._process is None:
                self._start()
            if out.nbytes > len(self._shared):
                os.ftruncate(self._memory, out.nbytes)
                self._shared = mmap.mmap(self._memory, out.nbytes)
            if image.pickled not in self._opened:
                number = next(self._numbers)
                self._ask(image.path, "open", number, image.pickled)
                self._opened[image.pickled] = number
            self._ask(image.path, "read", self._opened[image.pickled], dict(index), z, y)
            out[...] = np.ndarray(out.shape, out.dtype, self._shared)

    def forget(self, image: Description) -> None:
        """Close the files of an image."""
        with self._lock:
            if self._process is not None and (number := self._opened.pop(image.pickled, None)):
                self._ask(image.path, "close", number)

    def _ask(
        self,
        path: Path,
        question: str,
        *arguments: Any,
        check: Callable[[], None] = lambda: None,
    ) -> Any:
        """The answer; `path` is what a person knows it is about. Raises what was raised there."""
        if self._process is None:
            self._start()
        assert self._process is not None  # noqa: S101 (for the type checker)
        try:
            self._connection.send((question, *arguments))
            while not self._connection.poll(LOOK_SECONDS):
                check()
                if _used_bytes(self._process.pid) > self.limits.memory_bytes:
                    self._fail(path, self._needs_memory)
            answer = self._connection.recv()
        except (EOFError, OSError):  # in the middle of an answer, too
            code = self._process.wait()
            if code == -signal.SIGKILL:
                self._end()
                raise ReaderKilled(path, _KILLED, _ADVICE_IF_KILLED) from None
            self._fail(path, self._reason(code))
        except BaseException:  # nobody waits for the answer any more
            self._end()
            raise
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def _needs_memory(self) -> str:
        gigabytes = self.limits.memory_bytes / (1 << 30)
        return f"Decoding it needs more than the {gigabytes:g} GiB of memory that are allowed."

    def _reason(self, code: int) -> str:
        if code == -signal.SIGALRM:
            return f"Decoding it did not end within {self.limits.seconds} seconds."
        name = signal.Signals(-code).name if code < 0 else f"code {code}"
        return f"The library that decodes it crashed ({name})."

    def _fail(self, path: Path, what: str) -> NoReturn:
        self._end()
        raise UnreadableImage(path, what, _ADVICE)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._memory = _shared_memory()
        os.ftruncate(self._memory, SHARED_BYTES)
        self._shared = mmap.mmap(self._memory, SHARED_BYTES)
        limits = (self.limits.memory_bytes, self.limits.seconds, self.limits.threads)
        with theirs:
            arguments = (theirs.fileno(), self._memory, *limits)
            self._process = subprocess.Popen(  # noqa: S603 (our own module)
                [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
                pass_fds=(theirs.fileno(), self._memory),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._connection = Connection(ours.detach())

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        self._connection.close()
        self._opened = {}
        os.close(self._memory)


class SandboxedImage(Image):
    """An image that another process reads; pickled, it is read where it is unpickled."""

    def __init__(self, sandbox: Sandbox, description: Description) -> None:
        self.reads_bands = description.reads_bands
        super().__init__(
            description.reader,
            description.path,
            description.number,
            description.info,
            files=description.files,
        )
        self._sandbox = sandbox
        self._description = description

    def _read_slices(self, index: Mapping[str, int], z: range, y: range, out: NDArray[Any]) -> None:
        """In parts that fit the shared memory; a slice that can't be read in bands is one part."""
        row_bytes = max(out[0, 0].nbytes, 1)
        rows = max(SHARED_BYTES // row_bytes, 1) if self.reads_bands else len(y)
        slices = max(SHARED_BYTES // (row_bytes * min(rows, len(y))), 1)
        for first in range(0, len(z), slices):
            for row in range(0, len(y), rows):
                part = out[first : first + slices, row : row + rows]
                self._sandbox.read(
                    self._description,
                    index,
                    z[first : first + slices],
                    y[row : row + rows],
                    part,
                )

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        self._read_slices(index, range(z, z + 1), y, out[np.newaxis])

    def close(self) -> None:
        self._sandbox.forget(self._description)

    def __reduce__(self) -> tuple[Any, ...]:
        return pickle.loads, (self._description.pickled,)


def _environment() -> dict[str, str]:
    """What the other process knows of ours; one thread each for libraries that start many."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    search = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return inherited | single | {"PYTHONPATH": search}


def _shared_memory() -> int:
    """A descriptor of memory without a name, so that nothing is left behind."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("voxels")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _used_bytes(process: int) -> int:
    """Resident memory, its own and shared, that is of no file; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    counted = ("RssAnon:", "RssShmem:")
    kibibytes = [line.split()[1] for line in status.splitlines() if line.startswith(counted)]
    return sum(map(int, kibibytes)) * 1024
