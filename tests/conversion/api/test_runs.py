"""Asking for work on a dataset over the HTTP API and on the page of tools."""

from pathlib import Path
from typing import Any

import pytest
import tifffile
from django.test import Client

from conversion.models import Job
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from datasets.properties import Category
from sharing.models import Organization, User
from sharing.services.tokens import create_token
from tests.conversion.services.stored import run, take_in
from tests.conversion.tools import datasets_made as made
from tests.factories import make_user

RUN = "/api/v16/jobs/run"


@pytest.fixture
def admin(lab: Organization) -> User:
    return make_user(lab, is_admin=True)


@pytest.fixture
def script(admin: User) -> Client:
    _, secret = create_token(user=admin, name="test")
    return Client(headers={"X-Auth-Token": secret})


@pytest.fixture
def browser(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def dataset(binary_data: Path, lab: Organization) -> Dataset:
    data = made.voxels((80, 60, 40), "uint16")
    return take_in(binary_data, lab, data=data, category=Category.SEGMENTATION)


def test_a_script_exports_as_from_the_public_site(
    script: Client, browser: Client, dataset: Dataset, tmp_path: Path
) -> None:
    answer = script.post(
        f"{RUN}/exportTiff/{dataset.pk}?bbox=1,2,3,30,20,10&layerName=color&mag=1-1-1"
        "&asOmeTiff=true&additionalCoordinates=%5B%5D"
    )

    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["command"], told["state"]) == ("export_tiff", "PENDING")
    assert told["commandArgs"]["bbox"] == [1, 2, 3, 30, 20, 10]
    run(Job.objects.get(pk=told["id"]))
    link = script.get(f"/api/jobs/{told['id']}").json()["resultLink"]
    assert link.endswith(f"/jobs/{told['id']}/export")
    downloads = [
        browser.get(f"/jobs/{told['id']}/export"),
        script.get(f"/data/v16/exports/{told['id']}/download"),
    ]
    contents = [b"".join(download.streaming_content) for download in downloads]
    assert downloads[0]["Content-Disposition"].startswith("attachment")
    assert contents[0] == contents[1]
    file = tmp_path / "export.tif"
    file.write_bytes(contents[0])
    with tifffile.TiffFile(file) as tiff:
        assert tiff.is_ome
        assert tiff.asarray().shape == (10, 20, 30)


@pytest.mark.parametrize(
    ("route", "command"),
    [
        ("findLargestSegmentId/{}?layerName=color", "find_largest_segment_id"),
        ("computeMissingMags/{}?samplingMode=isotropic&coarsestMag=2", "compute_missing_mags"),
        ("changeFormat/{}?dataFormat=zarr3&chunkShape=16,16,16", "change_format"),
        ("measureStorage/{}", "measure_storage"),
    ],
)
def test_each_kind_of_work_has_its_address(
    script: Client, dataset: Dataset, route: str, command: str
) -> None:
    answer = script.post(f"{RUN}/{route.format(dataset.pk)}")

    assert answer.status_code == 200, answer.content
    assert answer.json()["command"] == command
    job = run(Job.objects.get(pk=answer.json()["id"]))
    assert job.state == Job.State.SUCCESS, job.cause


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("exportTiff/{}", "required"),
        ("exportTiff/{}?bbox=1,2,3,4,5", "6 whole numbers"),
        ("exportTiff/{}?bbox=1,2,3,4,5,0", "empty"),
        ("exportTiff/{}?bbox=1,2,3,4,5,99999999999999999999", "too large"),
        ("exportTiff/{}?bbox=900,0,0,4,5,6", "holds nothing"),
        ("exportTiff/{}?bbox=0,0,0,4,5,6&mag=3-3", "no mag"),
        ("exportTiff/{}?bbox=0,0,0,4,5,6&mag=64", "has no mag 64"),
        ("exportTiff/{}?bbox=0,0,0,4,5,6&layerName=x", "no layer 'x'"),
        ("exportTiff/{}?bbox=0,0,0,4,5,6&additionalCoordinates=[[", "Write JSON"),
        ("exportTiff/{}?bbox=0,0,0,4,5,6&additionalCoordinates=[{{%22name%22:%22t%22,"
         "%22value%22:3}}]", "no additional axes"),
        ("findLargestSegmentId/{}", "required"),
        ("computeMissingMags/{}?samplingMode=any", "any"),
        ("changeFormat/{}?dataFormat=n5", "n5"),
        ("changeFormat/{}?chunkShape=48,32,32&shardShape=96,64,64", "powers of two"),
        ("changeFormat/{}?chunkShape=64,32,32&shardShape=96,64,64", "whole chunks"),
        ("changeFormat/{}?chunkShape=1,1,1", "chunks of 1,1,1"),
        ("changeFormat/{}?dataFormat=wkw&chunkShape=16,16,16&shardShape=64,64,64", "WKW has"),
    ],
)  # fmt: skip
def test_parameters_are_checked_where_they_enter(
    script: Client, dataset: Dataset, route: str, words: str
) -> None:
    answer = script.post(f"{RUN}/{route.format(dataset.pk)}")

    assert answer.status_code == 400, answer.content
    assert words in " ".join(message["error"] for message in answer.json()["messages"])
    assert not Job.objects.exclude(kind=Job.Kind.SCAN).exists()


def test_strangers_are_asked_to_sign_in(dataset: Dataset) -> None:
    assert Client().post(f"{RUN}/measureStorage/{dataset.pk}").status_code == 401


def test_the_page_offers_what_the_person_may_do(
    browser: Client, dataset: Dataset, lab: Organization, admin: User
) -> None:
    Dataset.objects.filter(pk=dataset.pk).update(is_public=True)
    member = Client()
    member.force_login(make_user(lab))

    assert "Compute missing mags" in browser.get(f"/datasets/{dataset.pk}/tools").content.decode()
    page = member.get(f"/datasets/{dataset.pk}/tools").content.decode()

    assert "Export a box as TIFF" in page
    assert "Compute missing mags" not in page
    assert (
        f"/datasets/{dataset.pk}/tools" in browser.get(f"/datasets/{dataset.pk}").content.decode()
    )


def test_a_form_starts_a_job_and_shows_it(browser: Client, dataset: Dataset) -> None:
    answer = browser.post(
        f"/datasets/{dataset.pk}/tools/missing-mags",
        {"layerName": "", "coarsestMag": "", "samplingMode": "isotropic"},
    )

    job = Job.objects.get(kind=Job.Kind.COMPUTE_MISSING_MAGS)
    assert answer["Location"] == f"/jobs/{job.pk}"


def test_a_form_that_can_not_be_taken_says_why(browser: Client, dataset: Dataset) -> None:
    fields: dict[str, Any] = {"layerName": "color", "mag": "1", "bbox": "all of it"}

    answer = browser.post(f"/datasets/{dataset.pk}/tools/export", fields, follow=True)

    assert "Write 6 whole numbers" in answer.content.decode()
    assert not Job.objects.filter(kind=Job.Kind.EXPORT_TIFF).exists()


def test_the_page_asks_for_the_point_in_time_to_export(
    browser: Client, binary_data: Path, lab: Organization
) -> None:
    made.make_series(binary_data / lab.pk / "film", points=3)
    scan_organization(lab)
    film = Dataset.objects.get(directory_name="film")
    fields = {"layerName": "color", "mag": "1", "bbox": "0,0,0,16,8,4"}

    page = browser.get(f"/datasets/{film.pk}/tools").content.decode()
    refused = browser.post(f"/datasets/{film.pk}/tools/export", fields, follow=True)
    browser.post(f"/datasets/{film.pk}/tools/export", fields | {"axis-t": "1"})

    assert "Point on the axis t, 0 to 2" in page
    assert "Say which, such as t=0" in refused.content.decode()
    job = run(Job.objects.get(kind=Job.Kind.EXPORT_TIFF))
    assert job.arguments["additionalCoordinates"] == {"t": 1}
    assert "film_color_1_t1_0_0_0.tif" in job.result["summary"]
