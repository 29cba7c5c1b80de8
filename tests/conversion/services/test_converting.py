"""Images that were uploaded become the dataset that was reserved for them."""

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conversion.models import Job
from conversion.services import converting, converting_progress, jobs
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from datasets.services.storage_accounting import used_and_quota
from sharing.access import actor_for
from sharing.models import Organization, User
from tests.conversion.services.images import VOXELS, log_of, run, slices, tiff, voxels_of
from tests.conversion.uploading import left_behind, zipped


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

    def test_the_log_says_what_was_found_made_and_how_long_it_took(
        self, ordered: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = SimpleNamespace(monotonic=itertools.count().__next__)
        monkeypatch.setattr(converting_progress, "time", clock)
        job, _ = ordered(slices())
        said = log_of(run(job))
        assert "Found 'brain'" in said
        assert job.dataset_id not in said
        assert "TIFF, 64 x 48 x 5 voxels, uint8, 5 files" in said
        assert "Layer 'brain': image, uint8, mags 1, " in said
        assert "Voxel size: 4 x 4 x 30 nm, as given." in said
        assert "Looking at the files: " in said
        assert "Publishing: " in said

    def test_what_took_no_time_is_not_in_the_log(
        self, ordered: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = SimpleNamespace(monotonic=itertools.count(step=0.01).__next__)
        monkeypatch.setattr(converting_progress, "time", clock)
        job, _ = ordered(slices())
        assert "second" not in log_of(run(job))

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

    def test_what_is_only_noted_does_not_look_like_an_error(self, ordered: Any) -> None:
        sizes = {f"PhysicalSize{axis}": 5 for axis in "XYZ"}
        units = {f"PhysicalSize{axis}Unit": "nm" for axis in "XYZ"}
        stack = tiff(VOXELS, ome=True, metadata={"axes": "ZYX", **sizes, **units})
        job, _ = ordered({"stack.ome.tif": stack}, voxelSizeFactor=[4, 4, 30])
        run(job)
        (line,) = job.log_lines.filter(text__contains="what was given counts")
        assert line.text.startswith("Note: 'stack' says 5 x 5 x 5 nm")
        assert not line.is_problem

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
