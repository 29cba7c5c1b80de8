"""Images that were uploaded become the dataset that was reserved for them, whatever happens."""

import errno
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from django.utils import timezone

from conversion import runner
from conversion.models import Job
from conversion.pipeline import convert as engine
from conversion.pipeline import work_directory
from conversion.readers.errors import UnreadableImage
from conversion.services import converting, converting_helping, jobs, uploads_sweeping
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from datasets.services.deleting import delete_dataset
from datasets.services.storage_accounting import used_and_quota
from sharing.access import actor_for
from sharing.models import Organization, User
from tests.conversion.uploading import Sender, left_behind, run_waiting_jobs, zipped

VOXELS = np.random.default_rng(7).integers(1, 255, (5, 48, 64), np.uint8)


def tiff(voxels: np.ndarray[Any, Any], **metadata: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, voxels, **metadata)
    return buffer.getvalue()


def slices(voxels: np.ndarray[Any, Any] = VOXELS) -> dict[str, bytes]:
    return {f"slice_{number:03}.tif": tiff(plane) for number, plane in enumerate(voxels)}


@pytest.fixture
def ordered(uploader: User, nobody_waits: None) -> Callable[..., tuple[Job, Sender]]:
    """Uploads images and has them taken in: the conversion waits."""

    def order(files: dict[str, bytes], **wanted: Any) -> tuple[Job, Sender]:
        sender = Sender(uploader)
        wanted = {"needsConversion": True, "voxelSizeFactor": [4, 4, 30], **wanted}
        sender.upload(files, **wanted)
        run_waiting_jobs()
        assert sender.finish().status_code == 200
        return Job.objects.get(kind="convert_to_wkw", dataset=sender.row.dataset), sender

    return order


def run(job: Job) -> Job:
    runner.run(job.pk)
    job.refresh_from_db()
    if job.dataset is not None:
        job.dataset.refresh_from_db()
    return job


def log_of(job: Job) -> str:
    return "\n".join(job.log_lines.values_list("text", flat=True))


def voxels_of(sender: Sender, dataset: Dataset, layer: str = "brain") -> np.ndarray[Any, Any]:
    """As anybody reads them over HTTP: z, y, x."""
    z, y, x = VOXELS.shape
    query = f"x=0&y=0&z=0&width={x}&height={y}&depth={z}&mag=1"
    answer = sender.client.get(
        f"/data/v15/datasets/{dataset.pk}/layers/{layer}/data?{query}",
        headers={"x-auth-token": sender.token},
    )
    assert answer.status_code == 200, answer.content
    content = b"".join(answer) if answer.streaming else answer.content
    return np.frombuffer(content, np.uint8).reshape(z, y, x)


class TestUploadOfImages:
    def test_a_folder_of_slices_becomes_a_dataset_that_can_be_read(
        self, ordered: Any, organization_directory: Path, lab: Organization
    ) -> None:
        job, sender = ordered(slices())
        assert used_and_quota(lab).used_bytes == 0
        assert run(job).state == Job.State.SUCCESS, (job.cause, log_of(job))
        dataset = Dataset.objects.get()
        assert (dataset.status, dataset.name, dataset.pk) == ("", "brain", job.dataset_id)
        assert dataset.voxel_size == (4, 4, 30)
        assert (voxels_of(sender, dataset) == VOXELS).all()
        (layer,) = dataset.layers.all()
        assert layer.mags.count() > 1
        assert not any(mag.problem for mag in layer.mags.all())
        assert job.message == "Converted 1 layer: 'brain'."
        assert used_and_quota(lab).used_bytes > 0
        left = left_behind(organization_directory)
        assert all(name.startswith(f"{dataset.directory_name}/") for name in left)

    def test_an_archive_of_slices_too(self, ordered: Any) -> None:
        archive = zipped({f"raw/{name}": content for name, content in slices().items()})
        job, sender = ordered({"brain.zip": archive})
        assert run(job).state == Job.State.SUCCESS, job.cause
        assert (voxels_of(sender, job.dataset) == VOXELS).all()

    def test_a_folder_of_folders_becomes_layers(self, ordered: Any) -> None:
        files = {f"raw/{name}": content for name, content in slices().items()}
        files |= {f"labels/{name}": content for name, content in slices().items()}
        job, _ = ordered(files)
        assert run(job).state == Job.State.SUCCESS, job.cause
        layers = {layer.name: layer for layer in job.dataset.layers.all()}
        assert {name: layer.category for name, layer in layers.items()} == {
            "raw": "color",
            "labels": "segmentation",
        }
        assert layers["labels"].largest_segment_id == VOXELS.max()

    def test_the_log_says_what_was_found_made_and_how_long_it_took(self, ordered: Any) -> None:
        job, _ = ordered(slices())
        said = log_of(run(job))
        assert "Found" in said
        assert "TIFF, 64 x 48 x 5 voxels, uint8, 5 files" in said
        assert "Layer 'brain': image, uint8, mags 1, " in said
        assert "Voxel size: 4 x 4 x 30 nm, as given." in said
        assert "Looking at the files: " in said
        assert "Publishing: " in said

    def test_a_voxel_size_that_was_not_given_comes_from_the_files(self, ordered: Any) -> None:
        stack = tiff(
            VOXELS,
            ome=True,
            metadata={
                "axes": "ZYX",
                **{
                    f"PhysicalSize{axis}": size
                    for axis, size in zip("XYZ", (5, 5, 50), strict=True)
                },
                **{f"PhysicalSize{axis}Unit": "nm" for axis in "XYZ"},
            },
        )
        job, _ = ordered({"stack.ome.tif": stack}, voxelSizeFactor=None)
        assert run(job).state == Job.State.SUCCESS, job.cause
        assert job.dataset.voxel_size == (5, 5, 50)
        assert "Voxel size: 5 x 5 x 50 nm, from the OME-XML." in log_of(job)

    def test_a_scan_leaves_a_dataset_alone_that_is_being_converted(
        self, ordered: Any, lab: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job, _ = ordered(slices())
        publish = converting._publish

        def scanned_before(*args: Any) -> None:
            scan_organization(lab)
            publish(*args)

        monkeypatch.setattr(converting, "_publish", scanned_before)
        assert run(job).state == Job.State.SUCCESS, job.cause
        assert Dataset.objects.get().is_active


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


class TestQuestions:
    def test_an_unknown_voxel_size_is_asked_for(self, ordered: Any, uploader: User) -> None:
        job, _ = ordered(slices(), voxelSizeFactor=None)
        assert run(job).state == Job.State.FAILURE
        assert "size of a voxel" in job.cause
        assert job.result["asks"] == {"voxelSize": True}
        size = {"factor": [7, 7, 7], "unit": "nanometer"}
        jobs.retry(actor=actor_for(uploader), job_id=job.pk, answers={"voxelSize": size})
        assert run(job).state == Job.State.SUCCESS, job.cause
        assert job.dataset.voxel_size == (7, 7, 7)

    def test_slices_that_differ_are_named_and_may_be_padded(
        self, ordered: Any, uploader: User
    ) -> None:
        files = slices()
        files["slice_003.tif"] = tiff(VOXELS[3, :40, :50])
        job, sender = ordered(files)
        assert run(job).state == Job.State.FAILURE
        assert "slice_003.tif is 50 x 40" in job.cause
        assert job.result["asks"] == {"differing": ["pad", "crop", "split"]}
        jobs.retry(actor=actor_for(uploader), job_id=job.pk, answers={"differing": "pad"})
        assert run(job).state == Job.State.SUCCESS, job.cause
        expected = VOXELS.copy()
        expected[3, 40:], expected[3, :, 50:] = 0, 0
        assert (voxels_of(sender, job.dataset) == expected).all()


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
