"""Taking an upload in is stopped at every step, and the next attempt ends it well."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from conversion import runner
from conversion.models import Job, Upload
from conversion.services import uploads_extending, uploads_taking_in
from conversion.services.jobs import ATTEMPTS
from conversion.uploads import staging
from datasets.models import Dataset
from datasets.services import composing
from datasets.services.storage_accounting import used_and_quota
from sharing.models import Organization, User
from tests.conversion.uploading import (
    Sender,
    left_behind,
    mag_files,
    run_waiting_jobs,
    zipped,
)


class Killed(BaseException):
    """As SIGKILL: nothing catches it, nothing is put in order."""


def killing(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, after: bool) -> None:
    """The first call of the function ends the process, before or after it has done its work."""
    done = getattr(module, name)
    calls: list[int] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            return done(*args, **kwargs)
        if after:
            done(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(module, name, call)


def run_and_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = Job.objects.filter(kind="finish_upload")
    with monkeypatch.context() as context:
        # The worker is gone before it could say anything.
        context.setattr(runner.jobs, "hand_back", lambda *args, **kwargs: None)
        with pytest.raises(Killed):
            runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.STARTED
    Job.objects.filter(pk=job.pk).update(state=Job.State.PENDING, worker="")  # the watchdog


STEPS = [
    (staging.Staging, "assembled"),
    (staging.Staging, "unpacked"),
    (staging, "unpack"),
    (uploads_taking_in, "prepare_dataset"),
    (uploads_taking_in, "_describe"),
    (uploads_taking_in, "move"),
    (uploads_taking_in, "_publish"),
    (uploads_taking_in, "_bring_in_step"),
    (uploads_taking_in, "measure"),
    (uploads_taking_in, "set_done"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("module", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_dataset(
    uploader: User,
    files: dict[str, bytes],
    nobody_waits: None,
    organization_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    after: bool,
) -> None:
    sender = Sender(uploader)
    source = Sender(uploader)
    source.upload(files)
    run_waiting_jobs()
    Job.objects.all().delete()
    link = {
        "datasetId": Dataset.objects.get().pk,
        "layerName": "color",
        "newLayerName": "linked",
    }
    archive = {"brain.zip": zipped({f"x/{path}": content for path, content in files.items()})}
    sender.upload(archive, layersToLink=[link], datasetName="second")
    killing(monkeypatch, module, name, after=after)
    run_and_be_killed(monkeypatch)
    run_waiting_jobs()
    answer = sender.finish()
    assert answer.status_code == 200, answer.content
    dataset = Dataset.objects.get(name="second")
    assert (dataset.status, dataset.layers.count()) == ("", 2)
    assert left_behind(organization_directory / ".uploading") == []
    directory = organization_directory / dataset.directory_name
    assert (directory / "color/1/0.0.0.0").read_bytes() == files["color/1/0.0.0.0"]
    assert "linked" in (directory / "datasource-properties.json").read_text()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (uploads_extending, "move"),
        (uploads_extending, "find_places"),
        (uploads_extending, "change_data_source"),
        (composing, "publish"),
        (uploads_taking_in, "set_done"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mag(
    sent: Sender,
    tmp_path: Path,
    organization_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    after: bool,
) -> None:
    run_waiting_jobs()
    dataset = Dataset.objects.get()
    Job.objects.all().delete()
    sender, part = Sender(sent.user, "mag"), mag_files(tmp_path)
    sender.upload(
        part, datasetId=dataset.pk, layerName="color", mag={"mag": [2, 2, 2]}, overwritePending=True
    )
    killing(monkeypatch, module, name, after=after)
    run_and_be_killed(monkeypatch)
    run_waiting_jobs()
    answer = sender.finish()
    assert answer.status_code == 200, answer.content
    mags = dataset.layers.get().mags.all()
    assert {mag.literal: mag.problem for mag in mags} == {"1": "", "2": ""}
    assert left_behind(organization_directory / dataset.directory_name / "color/2") == sorted(part)
    assert left_behind(organization_directory / ".uploading") == []


def test_a_conversion_is_ordered_once(
    uploader: User, nobody_waits: None, monkeypatch: pytest.MonkeyPatch, lab: Organization
) -> None:
    sender = Sender(uploader)
    sender.upload({"a.tif": b"x" * 50}, needsConversion=True, voxelSizeFactor=[1, 1, 1])
    killing(monkeypatch, uploads_taking_in, "move", after=True)
    run_and_be_killed(monkeypatch)
    run_waiting_jobs()
    assert sender.finish().status_code == 200
    assert Job.objects.filter(kind="convert_to_wkw").count() == 1


def test_trouble_of_the_site_keeps_what_was_sent(
    sent: Sender, monkeypatch: pytest.MonkeyPatch, lab: Organization
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(uploads_taking_in, "prepare_dataset", fail)
        for _ in range(ATTEMPTS):
            Job.objects.update(not_before=timezone.now())
            run_waiting_jobs()
    assert sent.row.state == Upload.State.RESERVED
    assert sent.finish().status_code == 503
    run_waiting_jobs()
    assert sent.finish().status_code == 200
    assert used_and_quota(lab).used_bytes > 0


def test_a_cancelled_job_takes_the_upload_along(sent: Sender, organization_directory: Path) -> None:
    assert sent.cancel().status_code == 200
    run_waiting_jobs()
    assert sent.row.state == Upload.State.CANCELLED
    assert (Dataset.objects.count(), left_behind(organization_directory)) == (0, [])
    assert sent.finish().status_code == 400


def test_a_dataset_deleted_meanwhile_leaves_nothing(
    sent: Sender, organization_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = uploads_taking_in.move

    def move_then_delete(source: Path, target: Path) -> None:
        move(source, target)
        Dataset.objects.all().delete()

    monkeypatch.setattr(uploads_taking_in, "move", move_then_delete)
    run_waiting_jobs()
    answer = sent.finish()
    assert (answer.status_code, "deleted" in answer.content.decode()) == (400, True)
    assert left_behind(organization_directory) == []
