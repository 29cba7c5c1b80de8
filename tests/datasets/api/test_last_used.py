"""`lastUsedByUser`: when oneself last opened a dataset, in the viewer or through the API."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from datasets.models import DatasetUse
from tests.factories import make_dataset

from .conftest import Lab


def listed(client: Client, version: str = "") -> dict[str, int]:
    """By name, in the list's order, when whoever asks last opened each dataset."""
    found = client.get(f"/api{version}/datasets").json()
    return {dataset["name"]: dataset["lastUsedByUser"] for dataset in found}


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """What the clock shows."""
    clock = [timezone.now().replace(microsecond=0)]
    monkeypatch.setattr("datasets.services.uses.timezone.now", lambda: clock[0])
    return clock


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


@pytest.mark.parametrize("version", ["/v13", "/v16"])
def test_it_is_told_to_whoever_opened_it(lab: Lab, moment: list[Any], version: str) -> None:
    address = f"/api{version}/datasets/{lab.dataset.pk}"
    assert lab["member"].get(address).json()["lastUsedByUser"] == 0
    assert lab["member"].get(address).json()["lastUsedByUser"] == milliseconds(moment[0])
    assert listed(lab["member"], version) == {lab.dataset.name: milliseconds(moment[0])}
    assert listed(lab["admin"], version) == {lab.dataset.name: 0}


def test_opening_the_viewer_counts(lab: Lab, moment: list[Any]) -> None:
    client = Client()
    client.force_login(lab.people["member"])
    assert client.get(f"/datasets/{lab.dataset.pk}/view").status_code == 200
    assert listed(lab["member"]) == {lab.dataset.name: milliseconds(moment[0])}


def test_it_is_written_once_an_hour(lab: Lab, moment: list[Any]) -> None:
    begun = moment[0]
    address = f"/api/datasets/{lab.dataset.pk}"
    for minutes, seen in ((0, 0), (59, 0), (61, 61), (90, 61), (122, 122)):
        moment[0] = begun + timedelta(minutes=minutes)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            lab["member"].get(address)
        writes = [query for query in asked if "datasetuse" in query["sql"].lower()]
        is_new = minutes in {0, 61, 122}
        assert any(not query["sql"].startswith("SELECT") for query in writes) == is_new
        assert listed(lab["member"]) == {
            lab.dataset.name: milliseconds(begun + timedelta(minutes=seen))
        }
    assert DatasetUse.objects.count() == 1


def test_visitors_leave_no_trace(lab: Lab) -> None:
    lab.dataset.is_public = True
    lab.dataset.save()
    assert lab["nobody"].get(f"/api/datasets/{lab.dataset.pk}").status_code == 200
    assert lab["stranger"].get(f"/api/datasets/{lab.dataset.pk}").status_code == 200
    assert Client().get(f"/datasets/{lab.dataset.pk}/view").status_code == 200
    users = DatasetUse.objects.values_list("user", flat=True)
    assert list(users) == [lab.people["stranger"].pk]


def test_a_database_that_takes_no_writes_keeps_nobody_from_reading(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("django.db.models.query.QuerySet.bulk_create", busy)
    answer = lab["member"].get(f"/api/datasets/{lab.dataset.pk}")
    assert (answer.status_code, DatasetUse.objects.count()) == (200, 0)


def test_who_may_not_see_it_has_not_used_it(lab: Lab) -> None:
    assert lab["colleague"].get(f"/api/datasets/{lab.dataset.pk}").status_code == 404
    assert not DatasetUse.objects.exists()


def test_the_list_keeps_its_order(lab: Lab) -> None:
    make_dataset(lab.organization, name="newer", is_virtual=True)
    before = list(listed(lab["admin"]))
    lab["admin"].get(f"/api/datasets/{lab.dataset.pk}")
    assert list(listed(lab["admin"])) == before
