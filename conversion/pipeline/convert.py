"""Carries out a plan: any number of processes write a dataset, which appears when it is whole."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from conversion.pipeline.columns import Budget
from conversion.pipeline.layer_work import LayerWork, Unit
from conversion.pipeline.plan import Plan
from conversion.pipeline.progress import Meter, Progress, Report, say_nothing
from conversion.pipeline.work_directory import Claims, WorkDirectory, inode, publish, replaced_by
from conversion.pipeline.workbench import Workbench
from conversion.pipeline.write_layer import write_dataset
from datasets import properties
from datasets.properties import DataSource

THREADS = 2
_FINISHING = "finish"
"""The claim of the one who publishes."""
LOOK_SECONDS = 0.25
"""How often to look whether others have finished what we wait for."""


class TargetProblem(Exception):
    """The dataset can't go where it should: something lies or is being made there.

    `what` and `advice` are whole sentences for the person who asked for the conversion.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what} {self.advice}"


class _Gone(Exception):
    """The work directory was published, or discarded, by another process."""


class _Every:
    """Says when it is time again to do something that is done every so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + seconds

    def is_due(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._seconds
        return True


def convert(
    plan: Plan,
    target: Path,
    *,
    threads: int = THREADS,
    scratch: Path | None = None,
    report: Report = say_nothing,
    overwrite: bool = False,
    budget: Budget | None = None,
) -> DataSource:
    """Write the dataset to `target`, a directory that is there not at all or whole, and return its
    properties.

    Goes on with a conversion of the same plan that stopped, and shares the work with processes that
    `help`. `threads` encode; what has to be put aside in between goes to files without names in
    `scratch`, by default on the volume of the target. With `overwrite`, a dataset that lies at the
    target is replaced at the end and then removed.

    Raises TargetProblem, UnreadableImage for a source that is broken, OSError where the storage
    fails or is full, and what `report` raises. Afterwards the conversion can be gone on with, until
    `discard` removes what there is.
    """
    work = WorkDirectory(target)
    fingerprint = plan.fingerprint
    if work.fingerprint() == fingerprint and not work.dataset.exists() and target.exists():
        work.remove()  # what a process left that was killed just after it had published
        return properties.read(target / properties.FILE_NAME)
    if target.exists() and not overwrite:
        raise TargetProblem(f"{target} is there already.", "Choose another name, or overwrite it.")
    replaced = inode(target)
    token = _begin(work, plan, fingerprint)
    layers = _layers(plan, work, budget)
    finish = partial(_publish, work, plan, layers, replaced)
    try:
        _work(
            work,
            token,
            layers,
            threads=threads,
            scratch=scratch,
            report=report,
            finish=finish,
        )
    finally:
        for layer in plan.layers:
            layer.source.close()
    if inode(target) in (None, replaced):
        raise TargetProblem(
            f"The conversion to {target} was discarded by another process.", "Start it again."
        )
    return properties.read(target / properties.FILE_NAME)


def help(  # noqa: A001 (it is called as convert.help)
    plan: Plan,
    target: Path,
    *,
    threads: int = THREADS,
    scratch: Path | None = None,
    report: Report = say_nothing,
    budget: Budget | None = None,
) -> None:
    """Take part in a conversion that another process has begun, until nothing is left to be done.

    Returns at once where no conversion of this very plan is under way, and soon after it was
    finished or discarded. Raises what `convert` does.
    """
    work = WorkDirectory(target)
    token = work.token()
    if work.fingerprint() != plan.fingerprint:
        return
    layers = _layers(plan, work, budget)
    try:
        _work(work, token, layers, threads=threads, scratch=scratch, report=report)
    finally:
        for layer in plan.layers:
            layer.source.close()


def discard(target: Path) -> None:
    """Remove what an unfinished conversion to `target` has written; what lies there stays."""
    WorkDirectory(target).remove()
    replaced = replaced_by(target)
    if replaced.exists() and not target.exists():
        replaced.rename(target)


def _begin(work: WorkDirectory, plan: Plan, fingerprint: str) -> str | None:
    """Make the work directory, or find the one of this plan; its token."""
    found = work.fingerprint()
    if found is None or (found != fingerprint and not Claims(work).anybody()):
        work.remove()
        work.begin(fingerprint, {"layers": [layer.name for layer in plan.layers]})
    token = work.token()
    if work.fingerprint() != fingerprint:
        raise TargetProblem(
            f"Another conversion to {work.target} is under way.",
            "Wait until it is finished, or stop it.",
        )
    return token


def _layers(plan: Plan, work: WorkDirectory, budget: Budget | None) -> list[LayerWork]:
    return [
        LayerWork(layer, number, work, budget or Budget())
        for number, layer in enumerate(plan.layers)
    ]


def _work(
    work: WorkDirectory,
    token: str | None,
    layers: Sequence[LayerWork],
    *,
    threads: int,
    scratch: Path | None,
    report: Report,
    finish: Callable[[], None] | None = None,
) -> None:
    """Do what nobody else does, until all is done or the work directory is gone.

    With `finish`, one of the processes calls it at the end, and the others wait for that.
    """
    units = [unit for layer in layers for unit in layer.units]

    def tell(progress: Progress) -> None:
        report(progress)
        if look.is_due() and work.token() != token:
            raise _Gone

    look = _Every(LOOK_SECONDS)
    total = sum(unit.voxel_bytes for unit in units)
    meter = Meter(tell, total)
    try:
        with (
            Claims(work) as claims,
            Workbench(threads=threads, scratch=scratch or work.scratch, meter=meter) as bench,
        ):
            while not all(unit.name in (done := work.done()) for unit in units):
                finished = sum(unit.voxel_bytes for unit in units if unit.name in done)
                unit = _next(units, done, claims)
                if unit is None:
                    meter.begin("Waiting for other workers", finished)
                    time.sleep(LOOK_SECONDS)
                    continue
                try:
                    meter.begin(unit.stage, finished)
                    _do(unit, work, token, bench)
                finally:
                    claims.release(unit.name)
            while finish is not None:
                meter.begin("Publishing", total)
                if claims.take("publishing"):
                    finish()
                    break
                time.sleep(LOOK_SECONDS)
    except (_Gone, FileNotFoundError):
        if work.token() == token and work.dataset.exists():
            raise
        if work.fingerprint() is None:
            work.remove()  # what we wrote after it was gone


def _next(units: Sequence[Unit], done: set[str], claims: Claims) -> Unit | None:
    """A unit that can be done now and that nobody is at; it is claimed."""
    for unit in units:
        if unit.name not in done and unit.after <= done and claims.take(unit.name):
            return unit
    return None


def _do(unit: Unit, work: WorkDirectory, token: str | None, bench: Workbench) -> None:
    if unit.name in work.done():  # since we looked
        return
    try:
        work.mark_done(unit.name, unit.run(bench), token)
    except FileNotFoundError:  # another process did the same, and removed what it was made of
        if unit.name not in work.done():
            raise
    for path in unit.spent:
        path.unlink(missing_ok=True)


def _publish(
    work: WorkDirectory, plan: Plan, layers: Sequence[LayerWork], over: int | None
) -> None:
    """Write what makes the layers a dataset, and move it to its name."""
    finished = [layer.finish(plan.voxel_size) for layer in layers]
    name = plan.name or work.target.name
    write_dataset(work.dataset, plan.voxel_size, finished, name=name)
    publish(work.dataset, work.target, over=over)
    work.remove()
