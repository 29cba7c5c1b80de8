"""Composing over HTTP: which data may be referred to, and what is refused of a request."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from datasets.disk.scan import scan_organization
from datasets.models import DataReference, Dataset
from datasets.services import links
from datasets.services.audience import READ_DATASET
from datasets.services.folders import root_of
from datasets.storage.local import dataset_directory, may_read
from sharing.access import actor_for
from sharing.grants import set_teams
from sharing.models import Organization, User
from sharing.services.tokens import create_token
from tests.datasets.disk import on_disk
from tests.factories import make_organization, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_directories(settings: Any, tmp_path: Path) -> None:
    settings.BINARY_DATA_DIR = tmp_path / "binaryData"
    settings.ALLOWED_DATA_PATHS = []


@pytest.fixture
def lab() -> Organization:
    return make_organization()


@pytest.fixture
def admin(lab: Organization) -> User:
    return make_user(lab, is_admin=True)


@pytest.fixture
def brain(lab: Organization) -> Dataset:
    on_disk.write_dataset(lab, "brain")
    scan_organization(lab)
    return Dataset.objects.get(directory_name="brain")


def as_user(user: User) -> Client:
    _, secret = create_token(user=user, name="test")
    return Client(headers={"X-Auth-Token": secret})


def layer(source: Dataset, name: str = "raw", **changes: Any) -> dict[str, Any]:
    return {"datasetId": source.pk, "sourceName": "color", "newName": name, **changes}


def compose(
    user: User, *layers: Any, into: Organization | None = None, token: str = "", **changes: Any
) -> Any:
    organization = into or user.organization
    assert organization is not None
    body = {
        "newDatasetName": "composed",
        "targetFolderId": root_of(organization).pk,
        "organizationId": organization.pk,
        "layers": layers,
        **changes,
    }
    address = f"/api/datasets/compose{token and f'?sharingToken={token}'}"
    text = json.dumps(body).replace("Infinity", "1e400")  # JSON for a number without end
    return as_user(user).post(address, text, content_type="application/json")


def test_what_one_sees_by_a_link_or_as_public_can_not_be_referred_to(
    lab: Organization, admin: User, brain: Dataset
) -> None:
    token = links.sharing_token(actor=actor_for(admin), dataset=brain)
    stranger = make_user(make_organization(), is_admin=True)
    colleague = make_user(lab)
    make_team(lab, managers=(colleague,))
    set_teams(brain, READ_DATASET, [make_team(lab)])
    assert compose(stranger, layer(brain)).status_code == 404
    refused = compose(stranger, layer(brain), token=token)
    assert refused.status_code == 403
    assert "may let other datasets read its data" in refused.json()["messages"][0]["error"]
    Dataset.objects.filter(pk=brain.pk).update(is_public=True)
    assert compose(stranger, layer(brain)).status_code == 403
    assert compose(colleague, layer(brain)).status_code == 403
    assert not DataReference.objects.exists()
    set_teams(brain, READ_DATASET, [make_team(lab, members=(colleague,))])
    assert compose(colleague, layer(brain)).status_code == 200


@pytest.mark.parametrize(
    "transformation",
    [
        {"type": "affine", "matrix": [[math.inf, 0, 0, 0], *np.eye(4)[1:].tolist()]},
        {
            "type": "thin_plate_spline",
            "correspondences": {"source": [[1, 2, math.inf]], "target": [[1, 2, 3]]},
        },
    ],
)
def test_a_transformation_of_numbers_without_end_is_refused(
    admin: User, brain: Dataset, transformation: Any
) -> None:
    refused = compose(admin, layer(brain, transformations=[transformation]))
    assert refused.status_code == 400
    assert "too large" in refused.json()["messages"][0]["error"]
    for version in ("v13", "v16"):
        listed = as_user(admin).get(f"/api/{version}/datasets")
        assert [dataset["name"] for dataset in listed.json()] == ["brain"]


def test_more_layers_than_a_dataset_can_have_are_refused_before_any_is_looked_for(
    admin: User, brain: Dataset, django_assert_max_num_queries: Any
) -> None:
    layers = [layer(brain, f"raw{number}", datasetId=f"{number:024}") for number in range(1001)]
    with django_assert_max_num_queries(20):
        refused = compose(admin, *layers)
    assert refused.status_code == 400
    assert "1,001 layers" in refused.json()["messages"][0]["error"]


def test_a_reference_is_judged_without_reading_the_others(
    admin: User, brain: Dataset, django_assert_max_num_queries: Any
) -> None:
    layers = [layer(brain, f"raw{number}") for number in range(3)]
    dataset = Dataset.objects.get(pk=compose(admin, *layers).json()["newDatasetId"])
    DataReference.objects.bulk_create(
        DataReference(dataset=dataset, path=f"/other/{number}") for number in range(500)
    )
    (place,) = dataset.references.filter(source=brain).values_list("path", flat=True)
    with django_assert_max_num_queries(1) as asked:
        assert may_read(dataset_directory(dataset), f"{place}/0.0.0")
    assert "/other" not in asked.captured_queries[0]["sql"]
    assert not may_read(dataset_directory(dataset), f"{place}-other")
    assert not may_read(dataset_directory(dataset), "/other\ud800/1")


def test_a_voxel_size_beyond_all_ratios_is_refused(admin: User, brain: Dataset) -> None:
    tiny = {"factor": [1e-320, 1e-320, 1e-320], "unit": "nanometer"}
    refused = compose(admin, layer(brain), voxelSize=tiny)
    assert refused.status_code == 400
    assert "Name another voxel size" in refused.json()["messages"][0]["error"]


def test_a_mag_that_would_make_the_box_too_large_is_refused(admin: User, brain: Dataset) -> None:
    target = compose(admin, layer(brain)).json()["newDatasetId"]
    Dataset.objects.get(pk=target).layers.update(width=0, height=0, depth=0)
    brain.layers.update(width=2**40)
    body = {
        "sourceDatasetId": brain.pk,
        "sourceLayerName": "color",
        "sourceMag": [1, 1, 1],
        "targetLayerName": "raw",
        "targetMag": [2**31 - 1] * 3,
    }
    refused = as_user(admin).post(
        f"/api/datasets/{target}/compose/addMag", body, content_type="application/json"
    )
    assert refused.status_code == 400
    assert "width" in refused.json()["messages"][0]["error"]


def test_only_the_owners_learn_where_a_reference_leads(brain: Dataset) -> None:
    elsewhere = make_organization()
    operator = User.objects.create_superuser("root@example.org")
    dataset_id = compose(operator, layer(brain), into=elsewhere).json()["newDatasetId"]

    def path(user: User) -> Any:
        answer = as_user(user).get(f"/api/datasets/{dataset_id}").json()
        return answer["dataSource"]["dataLayers"][0]["mags"][0]["path"]

    holder = make_user(elsewhere, is_admin=True)
    assert path(operator).endswith("/brain/color/1")
    assert path(holder) == "./raw/1"
    brain.delete()
    assert path(holder) == "./raw/1"
