"""What conversions left half written goes, unless somebody may go on with it."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from conversion.models import Job
from conversion.services import converting_sweeping
from datasets.models import Dataset
from sharing.models import Organization
from tests.factories import make_dataset

ID = "0123456789abcdef01234567"


def left(organization_directory: Path, name: str, *, age_hours: float = 2) -> Path:
    directory = organization_directory / name
    (directory / "done").mkdir(parents=True)
    then = timezone.now().timestamp() - age_hours * 3600
    os.utime(directory, (then, then))
    return directory


def left_names(organization_directory: Path) -> list[str]:
    return [path.name for path in organization_directory.glob(".*converting*")]


@pytest.fixture
def dataset(lab: Organization) -> Dataset:
    return make_dataset(lab, directory_name=f"brain-{ID}", status=Dataset.Status.NOT_CONVERTED)


@pytest.mark.parametrize(
    ("state", "days", "stays"),
    [
        (Job.State.PENDING, 0, True),
        (Job.State.STARTED, 0, True),
        (Job.State.FAILURE, 1, True),
        (Job.State.FAILURE, 8, False),
        (Job.State.CANCELLED, 0, False),
        (Job.State.SUCCESS, 0, False),
    ],
)
def test_it_stays_while_somebody_may_go_on(
    lab: Organization,
    dataset: Dataset,
    organization_directory: Path,
    state: Job.State,
    days: int,
    stays: bool,
) -> None:
    ended = timezone.now() - timedelta(days=days)
    Job.objects.create(
        kind=Job.Kind.CONVERT, organization=lab, dataset=dataset, state=state, ended=ended
    )
    work = left(organization_directory, f".brain-{ID}.converting")
    converting_sweeping.sweep()
    assert work.exists() == stays


def test_what_is_retried_just_now_is_whole_and_stays(
    lab: Organization,
    dataset: Dataset,
    organization_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = left(organization_directory, f".brain-{ID}.converting")
    is_gone_on_with = converting_sweeping._is_gone_on_with

    def retried(*asked: str) -> bool:
        answer = is_gone_on_with(*asked)
        Job.objects.create(kind=Job.Kind.CONVERT, organization=lab, dataset=dataset)
        return answer

    monkeypatch.setattr(converting_sweeping, "_is_gone_on_with", retried)
    converting_sweeping.sweep()
    assert (work / "done").exists()
    assert left_names(organization_directory) == [work.name]


def test_a_worker_finds_no_work_directory_that_is_half_removed(
    lab: Organization, organization_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = left(organization_directory, f".gone-{ID}.converting")
    monkeypatch.setattr("shutil.rmtree", lambda path, **_: (path / "done").rmdir())
    converting_sweeping.sweep()
    assert not work.exists()


@pytest.mark.parametrize(
    ("name", "age_hours", "stays"),
    [
        (f".gone-{ID}.converting", 2, False),
        (f".gone-{ID}.converting.0123abcd", 2, False),
        (f".gone-{ID}.converting", 0.5, True),
        (".typed-by-hand.converting", 1000, True),
        (f"brain-{ID}.converting", 1000, True),
    ],
)
def test_of_datasets_that_are_gone_nothing_stays(
    lab: Organization, organization_directory: Path, name: str, age_hours: float, stays: bool
) -> None:
    work = left(organization_directory, name, age_hours=age_hours)
    converting_sweeping.sweep()
    assert work.exists() == stays
