"""Conversions that are cancelled, lose their dataset, or lose their worker leave nothing behind."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from conversion import runner, tasks
from conversion.models import Job
from conversion.pipeline import convert as engine
from conversion.pipeline import work_directory
from conversion.readers.errors import UnreadableImage
from conversion.services import converting, jobs, uploads_sweeping
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from datasets.services.deleting import delete_dataset
from sharing.access import actor_for
from sharing.errors import Conflict
from sharing.models import User
from tests.conversion.services.images import VOXELS, run, slices, voxels_of
from tests.conversion.uploading import left_behind


class TestCancel:
    def cancel_when_running(self, monkeypatch: pytest.MonkeyPatch, deed: Callable[[], Any]) -> None:
        """The work goes on until somebody stops it."""
        monkeypatch.setattr(runner, "CANCEL_SECONDS", 0.01)
        convert = engine.convert

        def slow(plan: Any, target: Path, *, report: Any, **options: Any) -> Any:
            deed()

            def reported(progress: Any) -> None:
                stopped = threading.Event()
                for _ in range(3000):
                    report(progress)
                    stopped.wait(0.01)
                pytest.fail("The conversion was not stopped.")

            return convert(plan, target, report=reported, **options)

        monkeypatch.setattr(engine, "convert", slow)

    @pytest.mark.django_db(transaction=True)
    def test_takes_effect_and_leaves_what_was_uploaded(
        self,
        ordered: Any,
        uploader: User,
        organization_directory: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        job, sender = ordered(slices())
        actor = actor_for(uploader)
        with monkeypatch.context() as patched:
            self.cancel_when_running(patched, lambda: jobs.cancel(actor=actor, job_id=job.pk))
            assert run(job).state == Job.State.CANCELLED
        assert job.dataset.status == Dataset.Status.CONVERSION_CANCELLED
        left = left_behind(organization_directory)
        assert len(left) == len(VOXELS)
        assert all(name.startswith(".forConversion/") for name in left)
        jobs.retry(actor=actor, job_id=job.pk)
        assert run(job).state == Job.State.SUCCESS, job.cause
        assert (voxels_of(sender, job.dataset) == VOXELS).all()

    def test_it_is_too_late_once_the_dataset_can_be_used(
        self, ordered: Any, uploader: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job, sender = ordered(slices())

        def cancelled_before(dataset: Dataset) -> None:
            with pytest.raises(Conflict, match="can't be cancelled any more: 'brain' is converted"):
                jobs.cancel(actor=actor_for(uploader), job_id=job.pk)

        monkeypatch.setattr(converting, "measure", cancelled_before)
        assert run(job).state == Job.State.SUCCESS
        assert (voxels_of(sender, job.dataset) == VOXELS).all()

    def test_what_was_put_back_leaves_nothing_but_what_was_uploaded(
        self,
        ordered: Any,
        uploader: User,
        organization_directory: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def send(name: str, *_: object, **__: object) -> None:
            if name == "conversion.tasks.look_after_jobs":
                tasks.look_after_jobs()

        job, _ = ordered(slices())
        with monkeypatch.context() as disk:
            disk.setattr(engine, "_publish", full)
            assert run(job).state == Job.State.PENDING
        assert (organization_directory / f".{job.dataset.directory_name}.converting").exists()
        monkeypatch.setattr(jobs.current_app, "send_task", send)
        jobs.cancel(actor=actor_for(uploader), job_id=job.pk)
        left = left_behind(organization_directory)
        assert len(left) == len(VOXELS)
        assert all(name.startswith(".forConversion/") for name in left)

    def test_a_dataset_deleted_while_it_is_measured_is_not_said_to_be_converted(
        self,
        ordered: Any,
        uploader: User,
        organization_directory: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def deleted(dataset: Dataset) -> None:
            delete_dataset(actor=actor_for(uploader), dataset=dataset)

        job, _ = ordered(slices())
        monkeypatch.setattr(converting, "measure", deleted)
        assert run(job).state == Job.State.CANCELLED
        assert [name for name in left_behind(organization_directory) if "forConv" in name] == []

    def test_a_worker_killed_as_it_publishes_leaves_nothing_to_the_next(
        self, ordered: Any, organization_directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed_after(*places: Path, over: int | None) -> None:
            work_directory.publish(*places, over=over)
            raise SystemExit

        job, sender = ordered(slices())
        with monkeypatch.context() as killed, pytest.raises(SystemExit):
            killed.setattr(engine, "publish", killed_after)
            run(job)
        assert run(job).state == Job.State.SUCCESS, job.cause
        assert (voxels_of(sender, job.dataset) == VOXELS).all()
        assert not list(organization_directory.glob(".*.converting*"))

    def test_deleting_the_dataset_stops_it_and_removes_all(
        self,
        ordered: Any,
        uploader: User,
        organization_directory: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        job, _ = ordered(slices())
        dataset, actor = job.dataset, actor_for(uploader)
        with monkeypatch.context() as patched:
            self.cancel_when_running(patched, lambda: delete_dataset(actor=actor, dataset=dataset))
            assert run(job).state == Job.State.CANCELLED
        assert left_behind(organization_directory) == []

    @pytest.mark.parametrize("is_deleted", [True, False])
    def test_what_was_written_when_it_was_cancelled_goes(
        self,
        ordered: Any,
        uploader: User,
        organization_directory: Path,
        monkeypatch: pytest.MonkeyPatch,
        is_deleted: bool,
    ) -> None:
        """Publishing takes long, and the dataset gets its name after all."""
        job, _ = ordered(slices())
        publish, actor = work_directory.publish, actor_for(uploader)

        def stopped_before(*places: Path, over: int | None) -> None:
            if is_deleted:
                delete_dataset(actor=actor, dataset=job.dataset)
            jobs.cancel(actor=actor, job_id=job.pk)
            publish(*places, over=over)

        monkeypatch.setattr(engine, "publish", stopped_before)
        assert run(job).state == Job.State.CANCELLED
        kept = (
            []
            if is_deleted
            else sorted(f".forConversion/{job.dataset.directory_name}/{f}" for f in slices())
        )
        assert left_behind(organization_directory) == kept

    def test_what_was_published_after_it_was_deleted_goes_although_the_worker_was_killed(
        self,
        ordered: Any,
        uploader: User,
        organization_directory: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        class Killed(BaseException):
            pass

        def killed_after(*places: Path, over: int | None) -> None:
            delete_dataset(actor=actor_for(uploader), dataset=job.dataset)
            publish(*places, over=over)
            raise Killed

        job, _ = ordered(slices())
        publish = work_directory.publish
        monkeypatch.setattr(engine, "publish", killed_after)
        with pytest.raises(Killed):
            run(job)
        job.refresh_from_db()
        Job.objects.update(not_before=timezone.now())
        run(job)
        runner.notify(job)
        scan_organization(job.organization)
        assert Dataset.objects.count() == 0
        assert not [name for name in left_behind(organization_directory) if "forConv" not in name]

    def test_who_lost_the_job_leaves_the_work_of_the_next(
        self, ordered: Any, organization_directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job, _ = ordered(slices())
        work = organization_directory / f".{job.dataset.directory_name}.converting"

        def lose(*_: object, **__: object) -> None:
            Job.objects.update(worker="another")
            work.mkdir()
            raise UnreadableImage(Path("slice_002.tif"), "It is cut off.", "Copy it again.")

        monkeypatch.setattr(engine, "convert", lose)
        assert run(job).state == Job.State.STARTED
        assert work.exists()

    def test_a_dataset_deleted_before_is_not_converted(
        self, ordered: Any, uploader: User, organization_directory: Path
    ) -> None:
        job, _ = ordered(slices())
        delete_dataset(actor=actor_for(uploader), dataset=job.dataset)
        assert run(job).state == Job.State.CANCELLED
        for path in organization_directory.rglob("*"):
            os.utime(path, (0, 0))
        uploads_sweeping.sweep()
        assert left_behind(organization_directory) == []
