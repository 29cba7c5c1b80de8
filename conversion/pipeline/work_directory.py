"""The hidden directory beside a dataset in the making, which any number of processes share.

It holds the plan's fingerprint, the growing dataset, fragments, and for each unit of work a claim
while somebody is at it and a marker when it is done. Claims only keep processes from doing the same
twice: files have random names until they are whole and every process writes the same, so two that
do the same do no harm. Who publishes a second time finds that it is done.
"""

import contextlib
import json
import os
import secrets
import shutil
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from conversion.pipeline.part_file import PartFile, sync_directory, sync_tree

STALE_SECONDS = 60
"""Without a sign of life, a claim is no longer respected."""
SIGN_SECONDS = 10

_PLAN_NAME = "plan.json"


class WorkDirectory:
    """The work directory of the dataset that will lie at `target`, on the same volume."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f".{target.name}.converting")
        self.dataset = self.path / "dataset"
        self.fragments = self.path / "fragments"
        self.scratch = self.path / "scratch"
        self.claims = self.path / "claims"
        self._done = self.path / "done"

    def fingerprint(self) -> str | None:
        """Of the plan that is carried out here; None where there is no work."""
        return self._said("fingerprint")

    def token(self) -> str | None:
        """What tells this work from other work of the same plan, begun after this was removed; None
        where there is no work.
        """
        return self._said("token")

    def _said(self, what: str) -> str | None:
        try:
            found: dict[str, Any] = json.loads((self.path / _PLAN_NAME).read_bytes())
        except (OSError, ValueError):
            return None
        return str(found.get(what))

    def begin(self, fingerprint: str, description: dict[str, Any]) -> None:
        """Make the directory, whole or not at all; `description` is for people who look into it.

        Where another process is faster, its directory stays.
        """
        aside = self._aside()
        for directory in (self.dataset, self.fragments, self.scratch, self._done, self.claims):
            (aside / directory.name).mkdir(parents=True)
        with PartFile(aside / _PLAN_NAME) as part:
            token = secrets.token_hex(8)
            document = {"fingerprint": fingerprint, "token": token, **description}
            part.file.write(json.dumps(document, indent=2).encode())
            part.publish()
        try:
            aside.rename(self.path)
        except OSError:
            shutil.rmtree(aside)
            if not self.path.exists():
                raise

    def done(self) -> set[str]:
        """The units of work that are done."""
        return {marker.stem for marker in self._done.glob("*.json")}

    def mark_done(self, unit: str, result: dict[str, Any], token: str | None) -> None:
        """Let all know that the unit is done, unless they know already.

        Raises FileNotFoundError where other work has begun here since that of this `token`.
        """
        marker = self._done / f"{unit}.json"
        with PartFile(marker) as part:
            part.file.write(json.dumps(result).encode())
            # The part moves away with its directory: if that happens from now on, it is not found.
            if self.token() != token:
                raise FileNotFoundError(f"{self.path} is not what it was.")
            if not marker.exists():
                part.publish()

    def result(self, unit: str) -> dict[str, Any]:
        """What `mark_done` was told."""
        found: dict[str, Any] = json.loads((self._done / f"{unit}.json").read_bytes())
        return found

    def remove(self) -> None:
        """Remove everything, also where other processes are still writing into it."""
        self._remove(self.path)

    def remove_published(self) -> None:
        """Remove the dataset, which nobody finds half removed."""
        self._remove(self.target)

    def _remove(self, directory: Path) -> None:
        aside = self._aside()
        with contextlib.suppress(FileNotFoundError):
            directory.rename(aside)
            # Where a process writes on, a folder may fill while it is emptied.
            for _ in range(3):
                shutil.rmtree(aside, ignore_errors=True)

    def _aside(self) -> Path:
        return self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")


class Claims:
    """What this process is at; as a context manager it gives the others signs of life."""

    def __init__(self, work: WorkDirectory, *, stale_seconds: float = STALE_SECONDS) -> None:
        self._directory = work.claims
        self._stale_seconds = stale_seconds
        self._name = f"{machine()} {os.getpid()} {secrets.token_hex(8)}"
        self._clock = self._directory / f"{secrets.token_hex(8)}.clock"
        self._held: set[Path] = set()
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._give_signs, daemon=True)

    def take(self, unit: str) -> bool:
        """Claim a unit of work; False where another process is at it."""
        claim = self._directory / f"{unit}.claim"
        if claim.exists() and not (self._is_abandoned(claim) and self._clear(claim)):
            return False
        try:
            with claim.open("x") as file:
                file.write(self._name)
        except FileExistsError:
            return False
        with self._lock:
            self._held.add(claim)
        return True

    def release(self, unit: str) -> None:
        claim = self._directory / f"{unit}.claim"
        with self._lock:
            self._held.discard(claim)
        self._give_back(claim)

    def anybody(self) -> bool:
        """Whether a process is at it."""
        return any(not self._is_abandoned(claim) for claim in self._directory.glob("*.claim"))

    def _clear(self, claim: Path) -> bool:
        """Remove an abandoned claim; False where another process has just taken it over."""
        aside = claim.with_name(f"{claim.name}.{secrets.token_hex(4)}")
        with contextlib.suppress(FileNotFoundError):
            claim.rename(aside)
            if not self._is_abandoned(aside):
                aside.rename(claim)
                return False
            aside.unlink()
        return True

    def _give_back(self, claim: Path) -> None:
        """Unless others have taken it over, for want of signs of life."""
        with contextlib.suppress(OSError):
            if claim.read_text() == self._name:
                claim.unlink()

    def _is_abandoned(self, claim: Path) -> bool:
        """By the clock of the file server, which is the same for all; a process of this machine
        that is gone needs no time to be missed.
        """
        try:
            match claim.read_text().split():
                case [host, process, *_] if host == machine() and not _lives(int(process)):
                    return True
            self._clock.touch()
            return self._clock.stat().st_mtime - claim.stat().st_mtime > self._stale_seconds
        except FileNotFoundError:
            return True

    def _give_signs(self) -> None:
        while not self._is_over.wait(SIGN_SECONDS):
            with self._lock:
                held = list(self._held)
            for claim in held:
                with contextlib.suppress(OSError):  # a lost claim is no fault; see above
                    os.utime(claim)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()
        for claim in self._held:
            self._give_back(claim)
        with contextlib.suppress(OSError):
            self._clock.unlink(missing_ok=True)


def publish(directory: Path, target: Path, *, over: int | None) -> None:
    """Move a finished directory to its final name, so that neither a killed process nor a power cut
    leaves half a dataset there.

    `over` is the inode of the older dataset whose name it takes, or None. A dataset that lies there
    by now stays: another process was faster.
    """
    for part in directory.rglob("*.part"):  # of processes that were killed
        part.unlink(missing_ok=True)
    sync_tree(directory)
    found = inode(target)
    if found not in (None, over):
        return
    replaced = replaced_by(target)
    if found is not None:
        shutil.rmtree(replaced, ignore_errors=True)
        target.rename(replaced)
    try:
        directory.rename(target)
    except OSError:
        if replaced.exists() and not target.exists():
            replaced.rename(target)
        raise
    sync_directory(target.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def replaced_by(target: Path) -> Path:
    """Where an older dataset lies for the moment in which a new one takes its name."""
    return target.with_name(f".{target.name}.replaced")


def inode(path: Path) -> int | None:
    """What tells a directory from another one that takes its name; None where there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def machine() -> str:
    """Where process ids mean the same. A host's name does not tell: containers may share it, but
    each has processes of its own.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not on Linux
        return socket.gethostname()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
