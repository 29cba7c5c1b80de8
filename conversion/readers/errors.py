"""What goes wrong with a file that somebody brought: which file, what is the matter, what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.properties.sentences import printable

_FAULTS_OF_THE_FILE = (None, errno.EINVAL, errno.EOVERFLOW)
"""Of OSErrors: none from decoders that raise it as their own, the others from absurd offsets."""


class UnreadableImage(Exception):
    """A file that can't be read as an image; what a reader says of any input, however broken.

    `what` and `advice` are whole sentences for the person who brought the file.
    """

    def __init__(self, file: Path | str, what: str, advice: str = "") -> None:
        super().__init__(str(file), what, advice)  # as args, so that it crosses processes
        self.file = Path(file)
        self.what = printable(what)
        self.advice = printable(advice)

    def __str__(self) -> str:
        return f"{printable(self.file.name)}: {self.what} {self.advice}".rstrip()


class MissingLibrary(UnreadableImage):
    """A file that an optional extra of this project would read."""

    def __init__(self, file: Path | str, format_name: str, extra: str) -> None:
        super().__init__(
            file,
            f"{format_name} needs: pip install webknossos-site[{extra}].",
            "Ask the operator of this site to install it, then retry.",
        )
        self.args = (str(file), format_name, extra)


@contextmanager
def decoding(file: Path, format_name: str) -> Iterator[None]:
    """Whatever a decoder raises on a broken file becomes UnreadableImage.

    Decoders are other people's code, fed with files from anywhere: each raises what it likes. Their
    words mean little to who brought the file, so they stand at the end, in brackets. An
    OSError of the system itself (a lost disk, no right to read) is no fault of the file and passes.
    """
    try:
        yield
    except UnreadableImage:
        raise
    except MemoryError as error:
        raise UnreadableImage(
            file,
            f"Decoding it as {format_name} needs more memory than a reader may use.",
            "If its slices are not that large, it is damaged: export it again.",
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in _FAULTS_OF_THE_FILE:
            raise
        said = str(error).strip().split("\n", 1)[0][:200].rstrip(".")
        raise UnreadableImage(
            file,
            f"It can't be decoded as {format_name}.",
            "It may be incomplete or damaged: export or copy it again. "
            f"({said or type(error).__name__})",
        ) from error
