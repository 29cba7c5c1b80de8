"""Directories that grow out of sight and appear under their names by one rename, once whole.

`<name>` grows in the hidden `.<name>.growing` beside it, on the same volume. What a killed process
has left there is gone on with, unless what it was made of has changed since.
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conversion.pipeline.part_file import PartFile, sync_directory, sync_tree
from conversion.tools.problem import ToolProblem

_INPUTS_NAME = "inputs.json"
_CONTENTS_NAME = "contents"
_LOCKED = {errno.EACCES, errno.EAGAIN}


def grow(target: Path, inputs: Any, fill: Callable[[Path], None]) -> None:
    """Have `fill` make the directory `target`, which must not be there.

    `inputs`, JSON-able, stand for what it is made of: the same ones find what an earlier attempt
    left, which `fill` must be able to go on with, or all of it, if only `settle` was not reached.
    Raises ToolProblem where another process is at it or something else has the name, also what was
    made here of other inputs: somebody may make use of it.
    """
    inputs = as_json(inputs)
    work = _work(target)
    work.mkdir(parents=True, exist_ok=True)
    with _locked(work):
        contents = work / _CONTENTS_NAME
        is_same = _inputs(work) == inputs
        if os.path.lexists(target):
            if is_same and target.is_dir() and not contents.exists():
                return
            raise ToolProblem(
                f"'{target.parent.name}' has a '{target.name}' already, of which the properties "
                "say nothing.",
                "Look at it, then move it away or add it to the properties.",
            )
        if not is_same:
            (work / _INPUTS_NAME).unlink(missing_ok=True)
            shutil.rmtree(contents, ignore_errors=True)
            contents.mkdir()
            with PartFile(work / _INPUTS_NAME) as part:
                part.file.write(json.dumps(inputs).encode())
                part.publish()
        contents.mkdir(exist_ok=True)
        fill(contents)
        sync_tree(contents)
        contents.rename(target)
        sync_directory(target.parent)


def settle(target: Path) -> None:
    """The properties speak of `target` now: forget how it came about."""
    shutil.rmtree(_work(target), ignore_errors=True)


def discard(target: Path) -> None:
    """Remove what `grow` has made and nothing makes use of."""
    shutil.rmtree(target, ignore_errors=True)
    settle(target)


def begun_with(target: Path) -> Any:
    """The inputs with which `grow` was called for `target`; None where `settle` was, too."""
    return _inputs(_work(target))


def as_json(inputs: Any) -> Any:
    """The inputs as `begun_with` returns them: tuples are lists there."""
    return json.loads(json.dumps(inputs))


def _work(target: Path) -> Path:
    return target.with_name(f".{target.name}.growing")


def _inputs(work: Path) -> Any:
    try:
        return json.loads((work / _INPUTS_NAME).read_bytes())
    except (OSError, ValueError):
        return None


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep other processes of this machine out; the kernel lets go when this one is killed."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some network file systems know no locks: two writers do no harm there, only work.
            if error.errno in _LOCKED:
                raise ToolProblem(
                    f"Another process is writing {directory.name.strip('.').rpartition('.')[0]}.",
                    "Wait until it is done, then try again.",
                ) from error
        yield
    finally:
        os.close(descriptor)
