"""Conversions that are killed, cancelled, shared or run out of disk lose no column that is done."""

import errno
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conversion.pipeline.convert import TargetProblem, convert, discard
from conversion.pipeline.convert import help as help_converting
from conversion.pipeline.progress import Progress
from conversion.pipeline.work_directory import WorkDirectory
from datasets import properties
from tests.conversion.pipeline import converting
from tests.conversion.pipeline.making import (
    TINY,
    MemorySource,
    assert_layer,
    plan_of,
    planned,
    random_voxels,
)

REPOSITORY = Path(__file__).resolve().parents[3]
DEADLINE = 120


@pytest.fixture
def target(tmp_path: Path) -> Path:
    directory = tmp_path / "datasets"
    directory.mkdir()
    return directory / "dataset"


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """While it is there, the other process waits when it comes to slice 64."""
    gate = tmp_path / "gate"
    gate.touch()
    return gate


Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path, target: Path, gate: Path) -> Iterator[Start]:
    """Starts another process that does `convert` or `help`; its reads are in `<work>.log`."""
    started = []
    program = (
        "import sys, types; package = types.ModuleType('tests'); package.__path__ = ['tests'];"
        "sys.modules['tests'] = package;"
        "from tests.conversion.pipeline.converting import main; main()"
    )

    def begin(work: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, target, work, tmp_path / f"{work}.log", gate],
            cwd=REPOSITORY,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def slices_read(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def assert_right(target: Path) -> None:
    source = properties.read(target / properties.FILE_NAME)
    assert_layer(target, source.layers[0], random_voxels(converting.SHAPE))
    assert [path.name for path in target.parent.iterdir()] == ["dataset"]
    assert not list(target.rglob("*.part"))


def test_what_a_killed_process_had_done_is_not_done_again(
    tmp_path: Path, target: Path, start: Start
) -> None:
    process = start("convert")
    wait_until(lambda: 64 in slices_read(tmp_path / "convert.log"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    log = tmp_path / "resumed.log"

    def does_not_wait(progress: Progress) -> None:  # for a claim of a process that is gone
        assert progress.stage != "Waiting for other workers"

    convert(converting.the_plan(log), target, report=does_not_wait, budget=TINY)
    assert min(slices_read(log)) == 64
    assert_right(target)


def test_two_processes_share_the_columns(
    tmp_path: Path, target: Path, gate: Path, start: Start
) -> None:
    process = start("convert")
    wait_until(lambda: 64 in slices_read(tmp_path / "convert.log"))
    log = tmp_path / "here.log"

    def open_gate(progress: Progress) -> None:
        if 256 in slices_read(log):
            gate.unlink(missing_ok=True)

    help_converting(converting.the_plan(log), target, report=open_gate, budget=TINY)
    assert process.wait(DEADLINE) == 0
    assert_right(target)
    here, there = Counter(slices_read(log)), Counter(slices_read(tmp_path / "convert.log"))
    assert 0 not in here  # done before it came
    assert 64 not in here  # claimed
    assert 256 in here
    assert len(set((here + there).values())) == 1  # nothing was read twice


def test_a_helper_goes_on_for_a_killed_owner(tmp_path: Path, target: Path, start: Start) -> None:
    process = start("convert")
    wait_until(lambda: 64 in slices_read(tmp_path / "convert.log"))
    process.kill()
    process.wait()
    help_converting(converting.the_plan(tmp_path / "helped.log"), target, budget=TINY)
    assert not target.exists()  # only an owner publishes
    log = tmp_path / "published.log"
    convert(converting.the_plan(log), target, budget=TINY)
    assert slices_read(log) == []
    assert_right(target)


def test_a_process_stops_when_its_work_is_discarded(
    tmp_path: Path, target: Path, gate: Path, start: Start
) -> None:
    process = start("convert")
    wait_until(lambda: 64 in slices_read(tmp_path / "convert.log"))
    discard(target)
    gate.unlink()
    assert process.wait(DEADLINE) == 1
    assert list(target.parent.iterdir()) == []


def test_there_is_nothing_to_help_with(target: Path, tmp_path: Path) -> None:
    help_converting(converting.the_plan(tmp_path / "log"), target)
    assert list(target.parent.iterdir()) == []


class Cancelled(Exception):
    pass


def test_a_report_that_raises_stops_it_and_leaves_no_part(target: Path, tmp_path: Path) -> None:
    def cancel(progress: Progress) -> None:
        assert not target.exists()
        if progress.done_bytes > 64 * 300 * 40:
            raise Cancelled

    with pytest.raises(Cancelled):
        convert(converting.the_plan(tmp_path / "log"), target, report=cancel, budget=TINY)
    assert not list(target.parent.rglob("*.part"))
    assert not list(target.parent.rglob("*.claim"))
    log = tmp_path / "resumed.log"
    convert(converting.the_plan(log), target, budget=TINY)
    assert min(slices_read(log)) == 64
    assert_right(target)


def test_reading_is_stopped_within_a_slab(target: Path) -> None:
    """Slices of 16 MiB are read one after the other; a cancelled conversion waits for four."""
    read: list[int] = []

    def before_read(z: range) -> None:
        read.append(len(z))
        time.sleep(0.05)

    def cancel(progress: Progress) -> None:
        if read:
            raise Cancelled

    voxels = random_voxels((4096, 1024, 1)).repeat(32, axis=1)
    source = MemorySource(voxels, before_read=before_read)
    with pytest.raises(Cancelled):
        convert(plan_of(planned(source, shard_shape=None)), target, report=cancel)
    assert sum(read) < 32


def test_a_discarded_conversion_leaves_nothing(target: Path, tmp_path: Path) -> None:
    def cancel(progress: Progress) -> None:
        if progress.done_bytes:
            raise Cancelled

    with pytest.raises(Cancelled):
        convert(converting.the_plan(tmp_path / "log"), target, report=cancel, budget=TINY)
    discard(target)
    assert list(target.parent.iterdir()) == []


def test_a_full_disk_is_reported_and_gone_on_with(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        if WorkDirectory(target).done():
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            convert(converting.the_plan(tmp_path / "log"), target, budget=TINY)
    assert not target.exists()
    assert not list(target.parent.rglob("*.part"))
    log = tmp_path / "resumed.log"
    convert(converting.the_plan(log), target, budget=TINY)
    assert min(slices_read(log)) == 64
    assert_right(target)


def test_a_changed_plan_starts_over(target: Path, tmp_path: Path) -> None:
    def cancel(progress: Progress) -> None:
        if progress.done_bytes:
            raise Cancelled

    other = plan_of(planned(MemorySource(random_voxels((40, 300, 70))), "other"))
    with pytest.raises(Cancelled):
        convert(other, target, report=cancel, budget=TINY)
    convert(converting.the_plan(tmp_path / "log"), target, budget=TINY)
    assert_right(target)
    assert not (target / "other").exists()


def test_a_target_that_another_plan_is_being_written_to_is_refused(
    target: Path, tmp_path: Path, start: Start
) -> None:
    start("convert")
    wait_until(lambda: 64 in slices_read(tmp_path / "convert.log"))
    other = plan_of(planned(MemorySource(random_voxels((4, 5, 6)))))
    with pytest.raises(TargetProblem, match="is under way"):
        convert(other, target)


def test_work_that_was_removed_marks_nothing_done_in_the_work_begun_after_it(
    target: Path, tmp_path: Path
) -> None:
    plan = converting.the_plan(tmp_path / "log")
    work = WorkDirectory(target)
    done: list[set[str]] = []

    def begun_anew(z: range) -> None:
        if z.start == 64:
            done.append(work.done())
            work.remove()
            work.begin(plan.fingerprint, {})

    source = MemorySource(random_voxels(converting.SHAPE), before_read=begun_anew)
    with pytest.raises(TargetProblem, match="discarded"):
        convert(plan_of(planned(source)), target, budget=TINY)
    assert done[0]
    assert work.done() == set()
    log = tmp_path / "resumed.log"
    convert(converting.the_plan(log), target, budget=TINY)
    assert min(slices_read(log)) == 0
    assert_right(target)


def test_killed_after_publishing_means_finished(target: Path, tmp_path: Path) -> None:
    plan = converting.the_plan(tmp_path / "log")
    written = convert(plan, target, budget=TINY)
    work = WorkDirectory(target)
    work.begin(plan.fingerprint, {})
    work.dataset.rmdir()
    assert convert(plan, target, budget=TINY) == written
    assert not work.path.exists()
