"""Processes that share a work directory respect each other; what is published stays."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from conversion.pipeline.work_directory import (
    Claims,
    WorkDirectory,
    inode,
    machine,
    publish,
    replaced_by,
)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "dataset"


@pytest.fixture
def work(target: Path) -> WorkDirectory:
    work = WorkDirectory(target)
    work.begin("fingerprint", {})
    return work


def claimed_elsewhere(work: WorkDirectory, seconds_ago: float) -> None:
    claim = work.claims / "unit.claim"
    claim.write_text("another-machine 1")
    then = time.time() - seconds_ago
    os.utime(claim, (then, then))


def test_a_claim_is_respected_while_its_process_shows_signs_of_life(work: WorkDirectory) -> None:
    with Claims(work) as claims:
        claimed_elsewhere(work, seconds_ago=30)
        assert not claims.take("unit")
        claimed_elsewhere(work, seconds_ago=90)
        assert claims.take("unit")


def test_a_claim_of_a_process_of_this_machine_that_is_gone_is_free(work: WorkDirectory) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    with Claims(work) as claims:
        claim = work.claims / "unit.claim"
        claim.write_text(f"{machine()} {gone.pid} 1")
        assert claims.take("unit")
        claim.write_text(f"{machine()} {os.getppid()} 1")
        assert not claims.take("unit")


def test_claims_are_given_back(work: WorkDirectory) -> None:
    with Claims(work) as first, Claims(work) as second:
        assert first.take("unit")
        assert not second.take("unit")
        first.release("unit")
        assert second.take("unit")
    assert list(work.claims.iterdir()) == []


def test_processes_of_another_container_of_the_same_name_are_not_missed(
    work: WorkDirectory,
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    with Claims(work) as claims:
        (work.claims / "unit.claim").write_text(f"{socket.gethostname()} {gone.pid}")
        assert not claims.take("unit")


def test_an_abandoned_claim_is_taken_over_by_one_alone(
    work: WorkDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Claims(work) as first, Claims(work) as second:
        claimed_elsewhere(work, seconds_ago=90)
        is_abandoned = first._is_abandoned

        def overtaken(claim: Path) -> bool:
            found = is_abandoned(claim)
            monkeypatch.undo()
            assert second.take("unit")
            return found

        monkeypatch.setattr(first, "_is_abandoned", overtaken)
        assert not first.take("unit")
        assert not first.take("unit")


def test_a_claim_that_was_lost_is_not_given_back(work: WorkDirectory) -> None:
    with Claims(work) as first, Claims(work, stale_seconds=-1) as second, Claims(work) as third:
        assert first.take("unit")
        assert second.take("unit")
        first.release("unit")
        assert not third.take("unit")


def test_a_unit_that_is_done_is_not_marked_again(work: WorkDirectory) -> None:
    work.mark_done("unit", {"fragments": ["a"]}, work.token())
    work.mark_done("unit", {"fragments": []}, work.token())
    assert work.result("unit") == {"fragments": ["a"]}


def test_nothing_is_marked_done_in_work_that_was_begun_later(work: WorkDirectory) -> None:
    token = work.token()
    work.remove()
    work.begin("fingerprint", {})
    with pytest.raises(FileNotFoundError):
        work.mark_done("unit", {}, token)
    assert work.done() == set()


def filled(directory: Path, name: str) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / name).touch()
    return directory


def test_what_another_process_has_published_stays(work: WorkDirectory, target: Path) -> None:
    older = inode(filled(target, "older"))
    publish(filled(work.dataset, "new"), target, over=older)
    publish(filled(work.dataset, "late"), target, over=older)
    assert [path.name for path in target.iterdir()] == ["new"]


def test_the_older_dataset_comes_back_where_publishing_fails(
    work: WorkDirectory, target: Path
) -> None:
    older = inode(filled(target, "older"))
    work.dataset.rmdir()
    with pytest.raises(FileNotFoundError):
        publish(work.dataset, target, over=older)
    assert inode(target) == older
    assert not replaced_by(target).exists()
