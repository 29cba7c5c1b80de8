"""What fails a conversion is told to people, and costs them no new upload."""

import errno
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from conversion.models import Job
from conversion.pipeline import convert as engine
from conversion.readers.errors import UnreadableImage
from conversion.services import converting_helping, jobs, uploads_sweeping
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from sharing.access import actor_for
from sharing.models import User
from tests.conversion.services.images import VOXELS, log_of, run, slices, voxels_of
from tests.conversion.uploading import left_behind


class TestFailure:
    def test_a_broken_file_is_named_and_what_was_uploaded_is_kept(
        self, ordered: Any, organization_directory: Path
    ) -> None:
        files = slices()
        files["slice_002.tif"] = files["slice_002.tif"][:200]
        job, _ = ordered(files)
        assert run(job).state == Job.State.FAILURE
        assert "slice_002.tif" in job.cause
        dataset = Dataset.objects.get()
        assert dataset.status == Dataset.Status.CONVERSION_FAILED
        assert "slice_002.tif" in dataset.job_message
        originals = f".forConversion/{dataset.directory_name}"
        assert left_behind(organization_directory) == sorted(f"{originals}/{f}" for f in files)
        uploads_sweeping.sweep()
        scan_organization(job.organization)  # type: ignore[arg-type]  # it has one
        assert left_behind(organization_directory) == sorted(f"{originals}/{f}" for f in files)

    def test_a_retry_needs_no_new_upload(
        self, ordered: Any, uploader: User, organization_directory: Path
    ) -> None:
        files = slices()
        whole, files["slice_002.tif"] = files["slice_002.tif"], b"II*\0"
        job, sender = ordered(files)
        run(job)
        broken = organization_directory / ".forConversion" / job.dataset.directory_name
        (broken / "slice_002.tif").write_bytes(whole)
        jobs.retry(actor=actor_for(uploader), job_id=job.pk)
        assert Dataset.objects.get().status == Dataset.Status.NOT_CONVERTED
        assert run(job).state == Job.State.SUCCESS, job.cause
        assert (voxels_of(sender, job.dataset) == VOXELS).all()

    def test_a_dataset_in_another_state_is_left_alone_with_what_was_uploaded(
        self, ordered: Any, organization_directory: Path
    ) -> None:
        job, _ = ordered(slices())
        Dataset.objects.update(status=Dataset.Status.NO_LONGER_AVAILABLE)
        assert run(job).state == Job.State.FAILURE
        assert len(left_behind(organization_directory / ".forConversion")) == len(VOXELS)

    def test_a_crash_keeps_what_was_uploaded(
        self, ordered: Any, organization_directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        job, _ = ordered(slices())
        monkeypatch.setattr(engine, "convert", crash)
        assert run(job).state == Job.State.FAILURE
        assert len(left_behind(organization_directory / ".forConversion")) == len(VOXELS)

    def test_a_failure_tells_nobody_where_the_data_lies(
        self, ordered: Any, organization_directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def under_way(_: object, target: Path, **__: object) -> None:
            raise engine.TargetProblem(f"Another conversion to {target} is under way.", "Wait.")

        job, _ = ordered(slices())
        monkeypatch.setattr(engine, "convert", under_way)
        assert run(job).state == Job.State.PENDING
        assert "at the same time" in job.dataset.job_message
        assert str(organization_directory) not in f"{log_of(job)} {job.dataset.job_message}"

    def test_a_path_that_may_not_be_read_any_more_is_told_by_its_name(
        self, ordered: Any, tmp_path: Path
    ) -> None:
        job, _ = ordered(slices())
        Job.objects.filter(pk=job.pk).update(arguments={"source": str(tmp_path / "images")})
        assert run(job).state == Job.State.FAILURE
        assert "'images' is gone" in job.cause
        assert str(tmp_path) not in f"{job.cause} {job.advice} {job.dataset.job_message}"

    @pytest.mark.parametrize("is_allowed", [True, False])
    def test_what_fails_the_conversion_does_not_crash_who_helps(
        self, ordered: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_allowed: bool
    ) -> None:
        def broken(*_: object, **__: object) -> None:
            raise UnreadableImage(Path("slice_002.tif"), "It is cut off.", "Copy it again.")

        job, _ = ordered(slices())
        Job.objects.filter(pk=job.pk).update(state=Job.State.STARTED)
        if not is_allowed:
            Job.objects.update(arguments={"source": str(tmp_path / "images")})
        monkeypatch.setattr(engine, "help", broken)
        converting_helping.help_convert(job.pk)

    def test_a_full_disk_is_tried_again_and_gone_on_with(
        self, ordered: Any, organization_directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        job, sender = ordered(slices())
        with monkeypatch.context() as disk:
            disk.setattr(engine, "_publish", full)
            assert run(job).state == Job.State.PENDING
        work = organization_directory / f".{job.dataset.directory_name}.converting"
        assert list((work / "done").iterdir())
        assert "disk is full" in job.dataset.job_message
        Job.objects.update(not_before=timezone.now())
        with monkeypatch.context() as nothing_is_done_twice:
            nothing_is_done_twice.setattr(engine, "_do", full)
            assert run(job).state == Job.State.SUCCESS, job.cause
        assert (voxels_of(sender, job.dataset) == VOXELS).all()
        assert not work.exists()
