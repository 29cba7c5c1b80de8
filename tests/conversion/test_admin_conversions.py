"""Operators have images on the server's disk converted, within what ALLOWED_DATA_PATHS names."""

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from django.test import Client
from django.urls import reverse

from conversion import runner
from conversion.models import Job
from conversion.services import converting  # noqa: F401 (so that conversions can be run)
from datasets.models import Dataset
from datasets.views.advice import advice_for
from tests.admin_rows import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def images(tmp_path: Path, settings: Any) -> Path:
    """A folder of slices in an allowed place."""
    allowed = tmp_path / "microscope"
    settings.ALLOWED_DATA_PATHS = [allowed]
    folder = allowed / "mouse"
    folder.mkdir(parents=True)
    for number in range(3):
        plane = np.full((40, 50), number + 1, np.uint8)
        tifffile.imwrite(folder / f"{number}.tif", plane)
    return folder


def order(client: Client, world: World, path: Path | str, **changes: Any) -> str:
    """What the page says after asking."""
    said = {
        "path": str(path),
        "organization": world.alpha.pk,
        "name": "mouse",
        "x": "4",
        "y": "4",
        "z": "30",
        "unit": "nanometer",
        **changes,
    }
    answer = client.post(reverse("admin:conversion_job_convert"), said, follow=True)
    return html.unescape(answer.content.decode())


def test_what_fails_speaks_of_no_upload(world: World, images: Path) -> None:
    order(world.client("staff of alpha"), world, images, x="", y="", z="")
    job = Job.objects.get()
    runner.run(job.pk)
    advice = advice_for(Dataset.objects.get())
    assert "The size of a voxel is not known" in advice
    assert "upload" not in advice


def test_a_folder_becomes_a_dataset_and_stays(world: World, images: Path, tmp_path: Path) -> None:
    before = sorted(images.iterdir())
    assert "The conversion of" in order(world.client("staff of alpha"), world, images)
    job = Job.objects.get()
    assert job.dataset is not None
    assert (job.dataset.name, job.dataset.organization) == ("mouse", world.alpha)
    (tmp_path / "binaryData" / world.alpha.pk).mkdir(parents=True, exist_ok=True)
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCESS, job.cause
    job.dataset.refresh_from_db()
    assert job.dataset.is_active
    assert job.dataset.layers.get().name == "mouse"
    assert sorted(images.iterdir()) == before


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc", "ALLOWED_DATA_PATHS names"),
        ("mouse", "ALLOWED_DATA_PATHS names"),
        ("{allowed}/../elsewhere", "ALLOWED_DATA_PATHS names"),
        ("{allowed}/link", "ALLOWED_DATA_PATHS names"),
        ("{allowed}/nothing", "Check how it is written"),
    ],
)
def test_other_paths_are_refused(world: World, images: Path, path: str, said: str) -> None:
    (images.parent / "link").symlink_to("/etc")
    (images.parent.parent / "elsewhere").mkdir()
    client = world.client("staff of alpha")
    assert said in order(client, world, path.format(allowed=images.parent))
    assert not Job.objects.exists()
    assert not Dataset.objects.exists()


def test_a_path_that_became_a_link_out_of_there_is_not_followed(world: World, images: Path) -> None:
    order(world.client("superuser"), world, images)
    images.rename(images.with_name("moved"))
    images.symlink_to("/etc")
    job = Job.objects.get()
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILURE
    assert "ALLOWED_DATA_PATHS" in job.advice


def link_to_file(images: Path, outside: Path) -> str:
    (images / "3.tif").symlink_to(outside / "0.tif")
    return "'3.tif'"


def link_to_folder(images: Path, outside: Path) -> str:
    (images / "deep").mkdir()
    (images / "deep" / "more").symlink_to(outside)
    return "'deep/more'"


def file_named_by_a_header(images: Path, outside: Path) -> str:
    for image in images.iterdir():
        image.unlink()
    (outside / "voxels.raw").write_bytes(bytes(range(24)))
    about = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 3 4\nencoding: raw\n"
    (images / "a.nhdr").write_text(f"{about}data file: voxels.raw\n")
    (images / "voxels.raw").symlink_to(outside / "voxels.raw")
    return "'voxels.raw'"


@pytest.mark.parametrize("link", [link_to_file, link_to_folder, file_named_by_a_header])
def test_links_inside_a_folder_do_not_lead_out_of_the_allowed_places(
    world: World, images: Path, tmp_path: Path, link: Callable[[Path, Path], str]
) -> None:
    (outside := tmp_path / "secret").mkdir()
    tifffile.imwrite(outside / "0.tif", np.zeros((77, 88), np.uint16))
    name = link(images, outside)
    order(world.client("superuser"), world, images)
    job = Job.objects.get()
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILURE
    assert name in job.cause and "ALLOWED_DATA_PATHS" in job.advice
    assert "secret" not in job.cause
    assert not any("77" in text for text in job.log_lines.values_list("text", flat=True))


def test_a_file_that_a_header_names_is_judged_where_only_the_header_is_ordered(
    world: World, images: Path, tmp_path: Path
) -> None:
    (outside := tmp_path / "secret").mkdir()
    name = file_named_by_a_header(images, outside)
    order(world.client("superuser"), world, images / "a.nhdr")
    job = Job.objects.get()
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILURE
    assert name in job.cause and "secret" not in job.cause


def test_links_inside_the_allowed_places_are_followed(
    world: World, images: Path, tmp_path: Path
) -> None:
    """Slices in folders of their days, gathered by links, one of them in a circle."""
    (gathered := images.parent / "gathered").mkdir()
    for image in images.iterdir():
        (gathered / f"slice_{image.name}").symlink_to(image)
    (gathered / "circle").symlink_to(gathered)
    order(world.client("superuser"), world, gathered)
    job = Job.objects.get()
    (tmp_path / "binaryData" / world.alpha.pk).mkdir(parents=True, exist_ok=True)
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCESS, job.cause


def test_the_page_says_where_nothing_is_allowed(world: World, settings: Any) -> None:
    settings.ALLOWED_DATA_PATHS = []
    page = world.client("superuser").get(reverse("admin:conversion_job_convert"))
    assert "ALLOWED_DATA_PATHS" in page.content.decode()


def test_staff_order_for_their_own_organization_alone(world: World, images: Path) -> None:
    client = world.client("staff of alpha")
    assert "valid choice" in order(client, world, images, organization=world.bravo.pk)
    assert not Job.objects.exists()


def test_half_a_voxel_size_is_refused(world: World, images: Path) -> None:
    client = world.client("superuser")
    assert "three numbers above 0, or none" in order(client, world, images, z="")
    assert not Job.objects.exists()


def test_others_are_sent_away(world: World, images: Path) -> None:
    assert Client().get(reverse("admin:conversion_job_convert")).status_code == 302
