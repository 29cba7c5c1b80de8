"""Composing, uploads to paths and used storage over HTTP: who is let in, what is taken and told."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from datasets.disk.scan import scan_organization
from datasets.models import DataReference, Dataset, PathReservation
from datasets.services import storage_accounting
from datasets.services.folders import root_of
from sharing.models import Organization, User
from sharing.services.tokens import create_token
from tests.datasets.disk import on_disk
from tests.factories import make_organization, make_team, make_user

pytestmark = pytest.mark.django_db

BIG = 2**63 + 1
MISSING = "0" * 24


@pytest.fixture(autouse=True)
def _own_directories(settings: Any, tmp_path: Path) -> None:
    settings.BINARY_DATA_DIR = tmp_path / "binaryData"
    settings.ALLOWED_DATA_PATHS = []


@pytest.fixture
def lab() -> Organization:
    return make_organization()


@pytest.fixture
def admin(lab: Organization) -> Client:
    return as_user(make_user(lab, is_admin=True))


@pytest.fixture
def stranger() -> Client:
    return as_user(make_user(make_organization(), is_admin=True))


@pytest.fixture
def brain(lab: Organization) -> Dataset:
    return scanned(lab, "brain")


def scanned(lab: Organization, name: str) -> Dataset:
    on_disk.write_dataset(lab, name)
    scan_organization(lab)
    return Dataset.objects.get(organization=lab, directory_name=name)


def as_user(user: User) -> Client:
    _, secret = create_token(user=user, name="test")
    return Client(headers={"X-Auth-Token": secret})


def post(client: Client, path: str, body: Any = None, version: str = "") -> Any:
    return client.post(f"/api{version}/datasets/{path}", body, content_type="application/json")


def composition(*sources: Dataset | str, **changes: Any) -> dict[str, Any]:
    layers = [
        {
            "datasetId": source.pk if isinstance(source, Dataset) else source,
            "sourceName": "color",
            "newName": f"layer{number}",
            "transformations": [],
        }
        for number, source in enumerate(sources)
    ]
    organization = Organization.objects.order_by("created").first()
    assert organization is not None
    return {
        "newDatasetName": "composed",
        "targetFolderId": root_of(organization).pk,
        "organizationId": organization.pk,
        "voxelSize": {"factor": [11, 11, 24], "unit": "nanometer"},
        "layers": layers,
        **changes,
    }


def reservation(**changes: Any) -> dict[str, Any]:
    """As the public library sends it."""
    return {
        "datasetName": "fresh",
        "initialTeamIds": [],
        "folderId": None,
        "requireUniqueName": False,
        "layersToLink": [],
        "dataSource": {"id": {"name": "fresh", "team": ""}, **on_disk.document()},
        "pathPrefix": None,
        **changes,
    }


def mag_body(**changes: Any) -> dict[str, Any]:
    return {
        "layerName": "color",
        "mag": [2, 2, 2],
        "axisOrder": {"c": 0, "x": 1, "y": 2, "z": 3},
        "channelIndex": None,
        "pathPrefix": None,
        "overwritePending": True,
        **changes,
    }


def uploaded(client: Client) -> Dataset:
    answer = post(client, "reserveUploadToPaths", reservation()).json()
    on_disk.write_mag(Path(answer["dataSource"]["dataLayers"][0]["mags"][0]["path"]))
    assert post(client, f"{answer['newDatasetId']}/finishUploadToPaths").status_code == 200
    return Dataset.objects.get(pk=answer["newDatasetId"])


def test_a_composed_dataset_is_made_and_read(admin: Client, brain: Dataset) -> None:
    answer = post(admin, "compose", composition(brain))
    assert answer.status_code == 200
    dataset_id = answer.json()["newDatasetId"]
    shown = admin.get(f"/api/datasets/{dataset_id}").json()
    assert (shown["name"], shown["isVirtual"], shown["creationType"]) == (
        "composed",
        True,
        "Compose",
    )
    (layer,) = shown["dataSource"]["dataLayers"]
    assert layer["name"] == "layer0"
    assert layer["mags"][0]["path"].endswith("/brain/color/1")


def test_hidden_sources_answer_as_missing_ones_everywhere(
    admin: Client, stranger: Client, brain: Dataset
) -> None:
    own = Organization.objects.order_by("created").last()
    assert own is not None
    target = scanned(own, "target")
    bodies = {
        "compose": lambda pk: composition(
            pk, organizationId=own.pk, targetFolderId=root_of(own).pk
        ),
        f"{target.pk}/compose/addLayer": lambda pk: {
            "sourceDatasetId": pk,
            "sourceLayerName": "color",
            "targetLayerName": "theirs",
        },
        f"{target.pk}/compose/addMag": lambda pk: {
            "sourceDatasetId": pk,
            "sourceLayerName": "color",
            "targetLayerName": "color",
            "sourceMag": [1, 1, 1],
            "targetMag": [2, 2, 2],
        },
        f"{target.pk}/compose/addAttachment": lambda pk: {
            "sourceDatasetId": pk,
            "sourceLayerName": "color",
            "targetLayerName": "color",
            "attachmentType": "mesh",
            "sourceAttachmentName": "a",
            "targetAttachmentName": "b",
        },
        "reserveUploadToPaths": lambda pk: reservation(
            layersToLink=[{"datasetId": pk, "layerName": "color", "newLayerName": None}],
            dataSource=on_disk.document(on_disk.layer("own")),
        ),
    }
    for path, body in bodies.items():
        hidden, missing = post(stranger, path, body(brain.pk)), post(stranger, path, body(MISSING))
        assert (hidden.status_code, hidden.json()) == (404, missing.json()), path
    assert not DataReference.objects.exists()
    assert Dataset.objects.count() == 2


def test_who_may_change_what(lab: Organization, stranger: Client, brain: Dataset) -> None:
    admin = as_user(make_user(lab, is_admin=True))
    member = as_user(make_user(lab))
    dataset = uploaded(admin)
    layer = {"sourceDatasetId": brain.pk, "sourceLayerName": "color", "targetLayerName": "new"}
    attachment = {
        "layerName": "color",
        "attachmentName": "small",
        "attachmentType": "mesh",
        "attachmentDataformat": "hdf5",
        "pathPrefix": None,
        "overwritePending": None,
    }
    bodies = {
        "compose/addLayer": layer,
        "compose/addMag": {**layer, "sourceMag": [1, 1, 1], "targetMag": 2},
        "reserveMagUploadToPath": mag_body(),
        "finishMagUploadToPath": mag_body(),
        "reserveAttachmentUploadToPath": attachment,
        "finishAttachmentUploadToPath": attachment,
        "finishUploadToPaths": None,
        "reserveUploadToPathsForPreliminary": {
            "dataSource": on_disk.document(),
            "pathPrefix": None,
        },
    }
    for path, body in bodies.items():
        address = f"{dataset.pk}/{path}"
        assert post(Client(), address, body).status_code == 401, path
        assert post(stranger, address, body).status_code == 404, path
        assert post(member, address, body).status_code == 404, path
    Dataset.objects.filter(pk=dataset.pk).update(is_public=True)
    for path, body in bodies.items():
        assert post(stranger, f"{dataset.pk}/{path}", body).status_code == 403, path
        assert post(member, f"{dataset.pk}/{path}", body).status_code == 403, path
    assert not PathReservation.objects.exists()
    assert post(member, "reserveUploadToPaths", reservation()).status_code == 403
    assert post(Client(), "reserveUploadToPaths", reservation()).status_code == 401
    assert post(member, "compose", composition(brain)).status_code in {403, 404}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("compose", {}),
        ("compose", []),
        ("compose", {"layers": []}),
        ("compose", {"voxelSize": {"factor": [0, 1, 1]}}),
        ("compose", {"voxelSize": "large"}),
        ("compose", {"newDatasetName": "a/b"}),
        ("reserveUploadToPaths", {"dataSource": {}}),
        ("reserveUploadToPaths", {"dataSource": None}),
        ("reserveUploadToPaths", {"dataSource": on_disk.document(on_disk.layer("../up"))}),
        ("reserveUploadToPaths", {"dataSource": on_disk.document(on_disk.layer("a/b"))}),
        ("reserveUploadToPaths", {"dataSource": {**on_disk.document(), "dataLayers": []}}),
        ("reserveUploadToPaths", {"pathPrefix": "/etc"}),
        ("reserveUploadToPaths", {"pathPrefix": "s3://bucket"}),
        ("reserveUploadToPaths", {"pathPrefix": "file:///etc"}),
        ("reserveUploadToPaths", {"datasetName": "../x"}),
        ("reserveUploadToPaths", {"initialTeamIds": [MISSING]}),
        ("reserveUploadToPaths", {"layersToLink": "all"}),
        ("reserveUploadToPaths", {"layersToLink": [None]}),
    ],
)
def test_bad_bodies_are_told_and_nothing_is_recorded(
    admin: Client, brain: Dataset, path: str, body: Any
) -> None:
    whole = composition(brain) if path == "compose" else reservation()
    sent = {**whole, **body} if body else body
    answer = post(admin, path, sent)
    assert answer.status_code == 400, answer.content
    assert answer.json()["messages"][0]["error"]
    assert Dataset.objects.count() == 1
    assert not DataReference.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"mag": [0, 1, 1]},
        {"mag": "x"},
        {"mag": None},
        {"axisOrder": {"x": -1}},
        {"pathPrefix": "/etc"},
        {"layerName": "../up"},
        {"layerName": "other"},
        {"mag": [1, 1, 1]},
    ],
)
def test_bad_mags_are_refused(admin: Client, changes: dict[str, Any]) -> None:
    dataset = uploaded(admin)
    answer = post(admin, f"{dataset.pk}/reserveMagUploadToPath", mag_body(**changes))
    assert 400 <= answer.status_code < 500
    assert not PathReservation.objects.exists()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"attachmentName": "../up"}, 400),
        ({"attachmentName": "a/b"}, 400),
        ({"attachmentType": "mag"}, 400),
        ({"attachmentDataformat": "exe"}, 400),
        ({"layerName": "other"}, 404),
    ],
)
def test_bad_attachments_are_refused(admin: Client, changes: dict[str, Any], status: int) -> None:
    body = {
        "layerName": "color",
        "attachmentName": "small",
        "attachmentType": "mesh",
        "attachmentDataformat": "hdf5",
        **changes,
    }
    answer = post(admin, f"{uploaded(admin).pk}/reserveAttachmentUploadToPath", body)
    assert answer.status_code == status
    assert not PathReservation.objects.exists()


@pytest.mark.parametrize("version", ["", "/v13", "/v14", "/v15", "/v16"])
def test_large_segment_ids_travel_as_the_version_writes_them(admin: Client, version: str) -> None:
    is_plain = version in {"/v13", "/v14"}
    sent: Any = BIG if is_plain else {"customJsonEncoding": "bigint", "value": str(BIG)}
    layer = on_disk.layer(category="segmentation", elementClass="uint64", largestSegmentId=sent)
    answer = post(
        admin, "reserveUploadToPaths", reservation(dataSource=on_disk.document(layer)), version
    )
    assert answer.status_code == 200
    (shown,) = answer.json()["dataSource"]["dataLayers"]
    assert shown["largestSegmentId"] == sent


def test_a_path_is_a_json_string_and_finishing_is_repeatable(admin: Client) -> None:
    dataset = uploaded(admin)
    answer = post(admin, f"{dataset.pk}/reserveMagUploadToPath", mag_body())
    path = answer.json()
    assert path.endswith(f"{dataset.directory_name}/color/2")
    before = admin.get(f"/api/datasets/{dataset.pk}").json()["dataSource"]
    assert len(before["dataLayers"][0]["mags"]) == 1
    on_disk.write_mag(Path(path))
    for _ in range(2):
        assert post(admin, f"{dataset.pk}/finishMagUploadToPath", mag_body()).status_code == 200
        assert post(admin, f"{dataset.pk}/finishUploadToPaths").status_code == 200
    after = admin.get(f"/api/datasets/{dataset.pk}").json()["dataSource"]
    assert [mag["mag"] for mag in after["dataLayers"][0]["mags"]] == [[1, 1, 1], [2, 2, 2]]


def test_an_unfinished_dataset_tells_that_it_waits(admin: Client) -> None:
    dataset_id = post(admin, "reserveUploadToPaths", reservation()).json()["newDatasetId"]
    shown = admin.get(f"/api/datasets/{dataset_id}").json()
    assert shown["isActive"] is False
    assert shown["dataSource"]["status"] == "Not yet marked as fully uploaded to paths."
    answer = post(admin, f"{dataset_id}/finishUploadToPaths")
    assert answer.status_code == 400
    assert "There is nothing at" in answer.json()["messages"][0]["error"]


def test_used_storage_is_shown_to_members_and_in_detail_to_editors(
    lab: Organization, admin: Client, stranger: Client
) -> None:
    dataset = uploaded(admin)
    Dataset.objects.filter(pk=dataset.pk).update(is_public=True)
    member = as_user(make_user(lab))
    make_team(lab)
    expected = storage_accounting.used_and_quota(lab).used_bytes
    assert expected > 0
    for client, seen in ((admin, expected), (member, expected), (stranger, 0), (Client(), 0)):
        assert client.get(f"/api/datasets/{dataset.pk}").json()["usedStorageBytes"] == seen
        (listed,) = client.get("/api/v16/datasets").json()
        assert listed["usedStorageBytes"] == seen
    address = f"/api/datasets/{dataset.pk}/usedStorageDetails"
    (row,) = admin.get(address).json()
    assert row.pop("lastUpdated") > 1_500_000_000_000
    assert row == {"layerName": "color", "name": "1", "usedStorageBytes": expected}
    assert [client.get(address).status_code for client in (member, stranger, Client())] == [
        403,
        403,
        401,
    ]
