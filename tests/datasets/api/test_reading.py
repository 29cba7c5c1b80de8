"""The reading part of the datasets' API: what the public library parses, and who gets it."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from datasets.models import Dataset
from datasets.properties import DataSource
from datasets.services import links
from datasets.services.audience import READ_DATASET
from datasets.services.data_source import store
from datasets.services.folders import root_of
from datasets.storage import local
from sharing.access import actor_for
from sharing.grants import set_teams
from sharing.models import Organization, User
from sharing.services.tokens import create_token
from tests.factories import (
    make_dataset,
    make_folder,
    make_organization,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db

VERSIONS = ["", "/v13", "/v14", "/v15", "/v16"]
BIG = 2**63 + 1


def data_source(**layer: Any) -> DataSource:
    return DataSource.model_validate(
        {
            "scale": {"factor": [4, 4, 40], "unit": "nanometer"},
            "dataLayers": [
                {
                    "name": "color",
                    "category": "color",
                    "elementClass": "uint8",
                    "dataFormat": "wkw",
                    "boundingBox": {"topLeft": [1, 2, 3], "width": 10, "height": 20, "depth": 30},
                    "mags": [{"mag": [1, 1, 1], "cubeLength": 1024}],
                    **layer,
                }
            ],
        }
    )


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def admin(organization: Organization) -> User:
    return make_user(organization, is_admin=True)


@pytest.fixture
def dataset(organization: Organization) -> Dataset:
    dataset = make_dataset(organization, name="brain slice")
    store(dataset, data_source())
    return dataset


def as_user(user: User) -> Client:
    _, secret = create_token(user=user, name="test")
    return Client(headers={"X-Auth-Token": secret})


@pytest.mark.parametrize("version", VERSIONS)
def test_the_build_info_names_the_versions_without_signing_in(version: str) -> None:
    answer = Client().get(f"/api{version}/buildinfo").json()
    assert answer["httpApiVersioning"] == {"currentApiVersion": 16, "oldestSupportedApiVersion": 13}


@pytest.mark.parametrize("version", VERSIONS)
def test_everybody_learns_what_the_site_can_do(version: str) -> None:
    features = Client().get(f"/api{version}/features").json()
    assert features["allowDeleteDatasets"] is True
    assert {type(value) for value in features.values()} == {bool}
    store = Client().get(f"/api{version}/tracingstore").json()
    assert set(store) == {"name", "url"}
    assert Client().get(f"/api{version}/health").status_code == 200


def test_an_unknown_version_is_not_served() -> None:
    assert Client().get("/api/v12/buildinfo").status_code == 404


def test_a_mag_named_by_an_older_writer_is_told_where_it_lies(
    dataset: Dataset, admin: User
) -> None:
    place = local.dataset_directory(dataset) / "color" / "1-1-1"
    place.mkdir(parents=True)
    answer = as_user(admin).get(f"/api/v16/datasets/{dataset.pk}").json()
    (layer,) = answer["dataSource"]["dataLayers"]
    assert [mag["path"] for mag in layer["mags"]] == [str(place)]
    place.rmdir()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dataset_is_read_with_its_properties(version: str, dataset: Dataset, admin: User) -> None:
    answer = as_user(admin).get(f"/api{version}/datasets/{dataset.pk}").json()
    assert answer["name"] == "brain slice"
    assert answer["owningOrganization"] == dataset.organization_id
    assert answer["isEditable"] is True
    assert answer["created"] == int(dataset.created.timestamp() * 1000)
    (layer,) = answer["dataSource"]["dataLayers"]
    assert layer["boundingBox"] == {"topLeft": [1, 2, 3], "width": 10, "height": 20, "depth": 30}
    assert answer["dataSource"]["scale"] == {"factor": [4.0, 4.0, 40.0], "unit": "nanometer"}
    assert "status" not in answer["dataSource"]
    # The public library refuses a mag without a path, and reads it itself (DIRECT_PATH) only where
    # the path is absolute.
    assert [mag["path"] for mag in layer["mags"]] == [
        str(local.dataset_directory(dataset) / "color" / "1")
    ]
    # null for these makes the public library fail
    assert not {"numChannels", "additionalAxes", "mappings", "attachments"} & {
        key for key, value in layer.items() if value is None
    }


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("/v14", BIG),
        ("/v15", {"customJsonEncoding": "bigint", "value": str(BIG)}),
        ("", {"customJsonEncoding": "bigint", "value": str(BIG)}),
    ],
)
def test_big_segment_ids_travel_in_an_envelope_from_version_15_on(
    version: str, expected: object, dataset: Dataset, admin: User
) -> None:
    store(
        dataset,
        data_source(category="segmentation", elementClass="uint64", largestSegmentId=BIG),
    )
    answer = as_user(admin).get(f"/api{version}/datasets/{dataset.pk}").json()
    assert answer["dataSource"]["dataLayers"][0]["largestSegmentId"] == expected


def test_a_dataset_that_cannot_be_used_says_why(organization: Organization, admin: User) -> None:
    dataset = make_dataset(organization, status="Not imported yet.")
    answer = as_user(admin).get(f"/api/datasets/{dataset.pk}").json()
    assert answer["isActive"] is False
    assert answer["dataSource"]["status"] == "Not imported yet."
    assert "dataLayers" not in answer["dataSource"]


def test_a_stranger_cannot_tell_a_hidden_dataset_from_a_missing_one(dataset: Dataset) -> None:
    stranger = as_user(make_user(make_organization()))
    for client in (stranger, Client()):
        hidden = client.get(f"/api/datasets/{dataset.pk}")
        missing = client.get("/api/datasets/" + "0" * 24)
        assert hidden.status_code == missing.status_code == 404
        assert hidden.content == missing.content
        directory = f"/api/datasets/disambiguate/{dataset.organization_id}"
        assert client.get(f"{directory}/{dataset.directory_name}/toId").content == (
            client.get(f"{directory}/nothing/toId").content
        )


@pytest.mark.parametrize(
    "address", ["/api/datasets/disambiguate/{}/{}/toId", "/datasets/{}/{}/view"]
)
def test_a_hidden_dataset_does_not_stand_before_a_visible_one_of_its_name(
    organization: Organization, address: str
) -> None:
    make_dataset(organization, name="secret", directory_name="secret")
    visible = make_dataset(organization, name="secret", directory_name="mine", is_public=True)
    found = Client().get(address.format(organization.pk, "secret"))
    assert visible.pk in found.headers.get("Location", "") + found.content.decode()


def test_a_sharing_link_opens_the_address_by_name(
    dataset: Dataset, admin: User, organization: Organization
) -> None:
    token = links.sharing_token(actor=actor_for(admin), dataset=dataset)
    other = make_dataset(organization)
    for named, status in ((dataset, 200), (other, 404)):
        address = f"/api/datasets/disambiguate/{organization.pk}/{named.directory_name}/toId"
        assert Client().get(address, {"sharingToken": token}).status_code == status


def test_anonymous_people_read_public_datasets_and_learn_no_teams(
    dataset: Dataset, organization: Organization
) -> None:
    set_teams(dataset, READ_DATASET, [make_team(organization)])
    dataset.is_public = True
    dataset.save()
    answer = Client().get(f"/api/datasets/{dataset.pk}").json()
    assert answer["isPublic"] is True
    assert answer["isEditable"] is False
    assert answer["allowedTeams"] == answer["allowedTeamsCumulative"] == []


def test_a_sharing_token_opens_its_dataset_until_it_is_revoked(
    dataset: Dataset, admin: User, organization: Organization
) -> None:
    client = as_user(admin)
    path = f"/api/datasets/{dataset.pk}"
    token = client.get(f"{path}/sharingToken").json()["sharingToken"]
    assert client.get(f"{path}/sharingToken").json()["sharingToken"] == token
    assert Client().get(path, {"sharingToken": token}).status_code == 200
    other = make_dataset(organization)
    assert Client().get(f"/api/datasets/{other.pk}", {"sharingToken": token}).status_code == 404
    assert client.delete(f"{path}/sharingToken").status_code == 200
    assert Client().get(path, {"sharingToken": token}).status_code == 404
    assert client.get(f"{path}/sharingToken").json()["sharingToken"] != token


def test_a_member_may_see_but_not_revoke_the_sharing_token(
    dataset: Dataset, organization: Organization
) -> None:
    member = make_user(organization)
    set_teams(dataset, READ_DATASET, [make_team(organization, members=(member,))])
    client = as_user(member)
    path = f"/api/datasets/{dataset.pk}/sharingToken"
    assert client.get(path).status_code == 200
    refused = client.delete(path)
    assert refused.status_code == 403
    assert dataset.name in refused.json()["messages"][0]["error"]
    assert links.sharing_token(actor=actor_for(member), dataset=dataset)


def test_the_list_is_compact_from_version_16_on(dataset: Dataset, admin: User) -> None:
    client = as_user(admin)
    (compact,) = client.get("/api/v16/datasets").json()
    assert compact["colorLayerNames"] == ["color"]
    assert compact["tags"] == []
    assert "dataSource" not in compact
    (full,) = client.get("/api/v15/datasets").json()
    assert full["dataSource"]["dataLayers"]
    (asked,) = client.get("/api/v15/datasets?compact=true").json()
    assert asked == compact


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"alpha one", "beta two", "gamma"}),
        ("searchQuery=ALPHA", {"alpha one"}),
        ("searchQuery=one alpha", {"alpha one"}),
        ("searchQuery=alpha two", set()),
        ("isActive=true", {"alpha one", "beta two"}),
        ("isActive=false", {"gamma"}),
        ("isUnreported=true", {"gamma"}),
        ("isUnreported=false", {"alpha one", "beta two"}),
        ("organizationId=nobody", set()),
        ("onlyMyOrganization=true", {"alpha one", "beta two", "gamma"}),
        ("limit=0", set()),
    ],
)
def test_the_list_is_narrowed_by_its_parameters(
    query: str, found: set[str], organization: Organization, admin: User
) -> None:
    make_dataset(organization, name="alpha one")
    make_dataset(organization, name="beta two")
    make_dataset(organization, name="gamma", status=Dataset.Status.NO_LONGER_AVAILABLE)
    answer = as_user(admin).get(f"/api/datasets?{query}").json()
    assert {row["name"] for row in answer} == found


def test_a_folder_narrows_the_list_with_or_without_what_lies_below(
    organization: Organization, admin: User
) -> None:
    upper = make_folder(root_of(organization))
    make_dataset(organization, name="elsewhere")
    make_dataset(organization, name="in the folder", folder=upper)
    make_dataset(organization, name="below", folder=make_folder(upper))

    def names(folder_id: str, **query: str) -> set[str]:
        answer = as_user(admin).get("/api/datasets", {"folderId": folder_id, **query})
        return {row["name"] for row in answer.json()}

    assert names(upper.pk) == {"in the folder"}
    assert names(upper.pk, includeSubfolders="true") == {"in the folder", "below"}
    assert names("0" * 24, includeSubfolders="true") == set()


def test_a_wrong_parameter_is_named(admin: User) -> None:
    answer = as_user(admin).get("/api/datasets?limit=many")
    assert answer.status_code == 400
    assert "limit" in answer.json()["messages"][0]["error"]


def test_a_long_list_costs_as_many_queries_as_a_short_one(
    organization: Organization, admin: User
) -> None:
    client = as_user(admin)

    def listing() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            rows = client.get("/api/datasets").json()
        return len(rows), len(queries)

    store(make_dataset(organization), data_source())
    listing()
    short = listing()
    for _ in range(20):
        store(make_dataset(organization), data_source())
    assert listing() == (21, short[1])
    assert short[1] <= 10


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [
        ("l4_sample", True),
        ("ab", False),
        (".hidden", False),
        ("with space", False),
        ("a-b.c", True),
    ],
)
def test_a_new_name_is_judged(name: str, is_valid: bool, admin: User) -> None:
    answer = as_user(admin).get(f"/api/datasets/{name}/isValidNewName").json()
    assert answer["isValid"] is is_valid
    assert is_valid or all(isinstance(error, str) for error in answer["errors"])


def test_a_sharing_token_in_the_header_opens_its_dataset_as_nobody_in_particular(
    dataset: Dataset, admin: User, organization: Organization
) -> None:
    """The public library sends the token of a link that it was given there, too."""
    token = links.sharing_token(actor=actor_for(admin), dataset=dataset)
    holder = Client(headers={"X-Auth-Token": token})
    assert holder.get(f"/api/datasets/{dataset.pk}").json()["isEditable"] is False
    assert holder.get(f"/api/datasets/{make_dataset(organization).pk}").status_code == 404
    assert holder.get("/api/user").status_code == 401
    assert holder.get("/api/datasets").json() == []
    links.revoke_sharing_token(actor=actor_for(admin), dataset=dataset)
    assert holder.get(f"/api/datasets/{dataset.pk}").status_code == 401


@pytest.mark.parametrize("version", ["", "/v13", "/v16"])
@pytest.mark.parametrize("route", ["exploreRemote", "exploreAndAddRemote"])
def test_remote_data_is_told_to_be_none_of_this_version(
    admin: User, version: str, route: str
) -> None:
    body = {"remoteUri": "https://example.org/data.zarr", "datasetName": "remote"}
    address = f"/api{version}/datasets/{route}"
    answer = as_user(admin).post(address, body, content_type="application/json")
    assert answer.status_code == 501
    assert "nothing was added" in answer.json()["messages"][0]["error"]
    assert not Dataset.objects.filter(name="remote").exists()
    assert Client().post(address, body, content_type="application/json").status_code == 401
