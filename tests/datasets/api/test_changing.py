"""Changes to a dataset through the API: what is named changes, all else stays."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets.models import Dataset, DatasetViewConfiguration, StorageCredential
from datasets.properties import DataSource
from datasets.services import data_source_edit, editing
from datasets.services.audience import READ_FOLDER
from datasets.services.data_source import load, store
from datasets.services.folders import root_of
from sharing.access import actor_for
from sharing.grants import set_teams
from tests.datasets.api.conftest import Lab, some_layer, some_source
from tests.factories import make_dataset, make_folder, make_organization

VERSIONS = ["", "/v13", "/v14", "/v15", "/v16"]
ENTRY = {"key": "species", "type": "string", "value": "mouse"}
BIG = 2**53 + 1
EMPTY_BOX = {"topLeft": [0, 0, 0], "width": 0, "height": 0, "depth": 0}


@pytest.fixture(autouse=True)
def opened(lab: Lab) -> None:
    """The admin opened the dataset within the hour, so that looking at it changes nothing."""
    lab["admin"].get(f"/api/datasets/{lab.dataset.pk}")


def update(lab: Lab, body: Any, *, role: str = "admin", version: str = "") -> Any:
    path = f"/api{version}/datasets/{lab.dataset.pk}/updatePartial"
    return lab[role].patch(path, body, "application/json")


def seen(lab: Lab, version: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = lab["admin"].get(f"/api{version}/datasets/{lab.dataset.pk}").json()
    return answer


FILLED = {
    "name": "Mouse: brain, A",
    "description": "*Fine*",
    "sortingKey": 1_234_567_890_123,
    "isPublic": True,
    "tags": ["a", "b"],
    "metadata": [ENTRY, {"key": "n", "type": "number", "value": 2.5}],
}


@pytest.mark.parametrize("key", FILLED)
def test_only_what_is_named_changes(key: str, lab: Lab) -> None:
    assert update(lab, FILLED).status_code == 200
    before = seen(lab)
    assert {name: before[name] for name in FILLED} == FILLED
    changed = {"sortingKey": 5, "isPublic": False, "tags": ["c"], "metadata": [ENTRY]}.get(key, "x")
    answer = update(lab, {key: changed})
    assert answer.json() == seen(lab) == {**before, key: changed}


@pytest.mark.parametrize(
    ("key", "cleared"), [("description", None), ("tags", []), ("metadata", [])]
)
def test_null_clears(key: str, cleared: Any, lab: Lab) -> None:
    update(lab, FILLED)
    before = seen(lab)
    assert update(lab, {key: None}).status_code == 200
    assert seen(lab) == {**before, key: cleared}


def test_without_a_sorting_key_a_dataset_sorts_by_its_creation(lab: Lab) -> None:
    update(lab, {"sortingKey": 5})
    update(lab, {"sortingKey": None})
    assert seen(lab)["sortingKey"] == seen(lab)["created"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 513}, "name"),
        ({"name": "nul\0"}, "name"),
        ({"sortingKey": "yesterday"}, "sortingKey"),
        ({"sortingKey": 10**18}, "sortingKey"),
        ({"isPublic": "perhaps"}, "isPublic"),
        ({"name": 5}, "name: A text is expected, between quotation marks, and this is 5."),
        ({"description": 0.5}, "description: A text is expected"),
        ({"tags": [7]}, "A text is expected"),
        ({"tags": "a"}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": ["x" * 65]}, "tags"),
        ({"tags": [{}]}, "tags"),
        ({"folderId": "0" * 24}, "folder"),
        ({"metadata": [ENTRY, ENTRY]}, "'species' stands there twice"),
        ({"metadata": [{**ENTRY, "key": " "}]}, "empty key"),
        ({"metadata": [{**ENTRY, "type": "date"}]}, "metadata"),
        ({"metadata": [{**ENTRY, "type": "number"}]}, "'species'"),
        ({"metadata": [{**ENTRY, "type": "number", "value": True}]}, "'species'"),
        ({"metadata": [{**ENTRY, "type": "string[]", "value": ["a", 1]}]}, "'species'"),
        ({"metadata": [{**ENTRY, "value": "nul\0"}]}, "'species'"),
        ({"metadata": {"species": "mouse"}}, "metadata"),
        ({"metadata": [None]}, "metadata"),
        ({"metadata": [{**ENTRY, "type": "\ud800"}]}, "\\ud800"),
        ({"layerRenamings": [None]}, "layerRenamings"),
        ({"attachmentRenamings": [None]}, "attachmentRenamings"),
        ({"dataSource": {"scale": [1, 1, 1]}}, "dataLayers is missing"),
        ({"dataSource": "x"}, "dataSource"),
        ({"dataSource": some_source(some_layer(), some_layer())}, "Several layers"),
        ({"dataSource": some_source(some_layer("new"))}, "'new' may not bring"),
        (
            {"dataSource": some_source(some_layer(boundingBox=EMPTY_BOX))},
            "empty bounding box",
        ),
        ({"layerRenamings": [{"oldName": "x", "newName": "y"}]}, "no layer 'x'"),
        ({"layerRenamings": [{"oldName": "color", "newName": "a/b"}]}, "a/b"),
        ({"layerRenamings": [{"oldName": "color"}]}, "newName"),
        ([], "dictionary"),
    ],
)
def test_what_cannot_be_taken_is_named_and_changes_nothing(body: Any, told: str, lab: Lab) -> None:
    before = seen(lab)
    body = {"description": "new", **body} if isinstance(body, dict) else body
    refused = update(lab, body)
    assert refused.status_code in {400, 404}, refused.content
    assert any(told in message["error"] for message in refused.json()["messages"])
    assert seen(lab) == before


@pytest.mark.parametrize(
    "body",
    ["[" * 100_000, '{"dataSource": ' + '{"a":' * 50_000 + "1" + "}" * 50_001, '{"n": NaN}', "{"],
    ids=["lists", "objects", "no number", "cut off"],
)
def test_what_is_no_sensible_json_is_refused(body: str, lab: Lab) -> None:
    refused = update(lab, body)
    assert refused.status_code == 400
    assert "JSON" in refused.json()["messages"][0]["error"]


def test_a_form_changes_nothing(lab: Lab) -> None:
    """In a form, an absent `isPublic` would mean false."""
    update(lab, FILLED)
    path = f"/api/datasets/{lab.dataset.pk}/updatePartial"
    form = "application/x-www-form-urlencoded"
    assert lab["admin"].patch(path, "name=x", form).status_code == 415
    assert seen(lab)["isPublic"] is True


@pytest.mark.parametrize("version", VERSIONS)
def test_the_whole_object_may_be_sent_back(version: str, lab: Lab) -> None:
    path = f"/api{version}/datasets/{lab.dataset.pk}"
    update(lab, FILLED)
    whole = seen(lab, version)
    sent = {**whole, "metadata": [ENTRY], "allowedTeams": [], "dataSource": None, "created": 1}
    assert lab["admin"].patch(path, sent, "application/json").status_code == 200
    assert seen(lab, version) == {**whole, "metadata": [ENTRY]}


class TestFolder:
    def test_a_dataset_moves_with_its_audience(self, lab: Lab) -> None:
        folder = make_folder(root_of(lab.organization))
        set_teams(folder, READ_FOLDER, [lab.other])
        assert update(lab, {"folderId": folder.pk}).status_code == 200
        assert seen(lab)["folderId"] == folder.pk
        answer = lab["manager of another team"].get(f"/api/datasets/{lab.dataset.pk}")
        assert answer.status_code == 200

    def test_the_target_must_be_the_editors_too(self, lab: Lab) -> None:
        folder = make_folder(root_of(lab.organization))
        assert update(lab, {"folderId": folder.pk}, role="team manager").status_code == 404
        set_teams(folder, READ_FOLDER, [lab.team])
        assert update(lab, {"folderId": folder.pk}, role="team manager").status_code == 200

    def test_naming_the_folder_where_it_is_needs_no_right_on_it(self, lab: Lab) -> None:
        body = {"folderId": lab.dataset.folder_id, "name": "x"}
        assert update(lab, body, role="team manager").status_code == 200

    def test_another_organizations_folder_is_none(self, lab: Lab) -> None:
        folder = root_of(make_organization())
        assert update(lab, {"folderId": folder.pk}).status_code == 404


class TestDataSource:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_a_layer_is_announced_as_the_library_does(self, version: str, lab: Lab) -> None:
        source = seen(lab, version)["dataSource"]
        stray = {"axisOrder": {"x": 1, "c": 0}}
        announced = some_layer("new", mags=[], boundingBox={**EMPTY_BOX, **stray})
        source["dataLayers"].append(announced)
        assert update(lab, {"dataSource": source}, version=version).status_code == 200
        first, added = seen(lab, version)["dataSource"]["dataLayers"]
        assert (first["name"], added["name"]) == ("color", "new")
        assert added["boundingBox"] == EMPTY_BOX
        assert added["mags"] == []

    @pytest.mark.parametrize(
        ("version", "shown"),
        [
            ("/v14", BIG),
            ("/v15", {"customJsonEncoding": "bigint", "value": str(BIG)}),
        ],
    )
    def test_big_ids_come_in_either_form(self, version: str, shown: Any, lab: Lab) -> None:
        layer = some_layer("s", category="segmentation", elementClass="uint64")
        store(lab.dataset, DataSource.model_validate(some_source(layer)))
        for sent in (BIG, {"customJsonEncoding": "bigint", "value": str(BIG)}):
            source = some_source({**layer, "largestSegmentId": sent})
            assert update(lab, {"dataSource": source}, version=version).status_code == 200
            (found,) = seen(lab, version)["dataSource"]["dataLayers"]
            assert found["largestSegmentId"] == shown
            update(lab, {"dataSource": some_source(layer)})

    def test_what_the_library_does_not_know_stays(self, lab: Lab) -> None:
        credential = StorageCredential(
            name="key", kind="s3", scope="s3://", organization=lab.organization
        )
        credential.set_secret("secret")
        credential.save()
        layer = some_layer(
            mags=[{"mag": [1, 1, 1], "path": "s3://bucket/1", "credentialId": credential.pk}],
            adminViewConfiguration={"alpha": 7},
        )
        store(lab.dataset, DataSource.model_validate(some_source(layer)))
        source = some_source(some_layer(mags=[{"mag": [1, 1, 1], "path": "/etc"}]))
        assert update(lab, {"dataSource": source}).status_code == 200
        (stored,) = load(lab.dataset).layers
        assert stored.admin_view_configuration == {"alpha": 7}
        assert stored.mags[0].credential_id == credential.pk
        assert stored.mags[0].path == "s3://bucket/1"

    def test_a_renamed_layer_is_shown_as_before(self, lab: Lab) -> None:
        address = f"/api/datasetConfigurations/{lab.dataset.pk}"
        default = f"/api/datasetConfigurations/default/{lab.dataset.pk}"
        for path, alpha in ((address, 11), (default, 12)):
            view = {"layers": {"color": {"alpha": alpha}}, "colorLayerOrder": ["color"]}
            assert lab["admin"].put(path, view, "application/json").status_code == 200
        renaming = {"layerRenamings": [{"oldName": "color", "newName": "em"}]}
        assert update(lab, renaming).status_code == 200
        mine = lab["admin"].post(address, [], "application/json").json()
        assert (mine["layers"]["em"]["alpha"], mine["colorLayerOrder"]) == (11, ["em"])
        assert lab["admin"].get(default).json()["layers"]["em"]["alpha"] == 12

    def test_an_attachment_is_renamed(self, lab: Lab) -> None:
        file = {"name": "old", "path": "color/meshes/old", "dataFormat": "hdf5"}
        layer = some_layer(attachments={"meshes": [file]})
        store(lab.dataset, DataSource.model_validate(some_source(layer)))
        renaming = {
            "layerName": "em",
            "attachmentType": "meshes",
            "oldName": "old",
            "newName": "new",
        }
        body = {
            "layerRenamings": [{"oldName": "color", "newName": "em"}],
            "attachmentRenamings": [renaming],
        }
        assert update(lab, body).status_code == 200
        (found,) = seen(lab)["dataSource"]["dataLayers"]
        (renamed,) = found["attachments"]["meshes"]
        assert renamed["name"] == "new"
        assert renamed["path"].endswith(f"/{lab.dataset.directory_name}/color/meshes/old")

    @pytest.mark.parametrize("status", ["Not yet fully uploaded.", "Deleted by user."])
    def test_what_is_still_being_made_is_left_alone(self, status: str, lab: Lab) -> None:
        Dataset.objects.filter(pk=lab.dataset.pk).update(status=status)
        refused = update(lab, {"dataSource": some_source()})
        assert refused.status_code == 409
        assert status in refused.json()["messages"][0]["error"]
        assert update(lab, {"name": "x"}).status_code == 200


class TestViewConfigurations:
    def test_the_default_is_for_all_and_ones_own_wins(self, lab: Lab) -> None:
        own = f"/api/datasetConfigurations/{lab.dataset.pk}"
        default = f"/api/datasetConfigurations/default/{lab.dataset.pk}"
        lab["team manager"].put(default, {"zoom": 3, "unknown": 1}, "application/json")
        lab["member"].put(own, {"zoom": 5}, "application/json")
        assert lab["member"].post(own, [], "application/json").json()["zoom"] == 5
        assert lab["admin"].post(own, ["a tracing"], "application/json").json()["zoom"] == 3
        shown = lab["member"].get(default).json()
        assert shown["zoom"] == 3
        assert "unknown" not in shown
        assert shown["layers"]["color"]["color"] == [255, 255, 255]
        assert DatasetViewConfiguration.objects.get().user == lab.people["member"]

    @pytest.mark.parametrize("body", [[], "x", {"zoom": 10**400}])
    def test_what_is_no_configuration_is_refused(self, body: Any, lab: Lab) -> None:
        for address in ("datasetConfigurations/{}", "datasetConfigurations/default/{}"):
            path = f"/api/{address.format(lab.dataset.pk)}"
            assert lab["admin"].put(path, body, "application/json").status_code == 400

    def test_a_visitor_with_a_link_sees_the_default(self, lab: Lab) -> None:
        path = f"/api/datasets/{lab.dataset.pk}/sharingToken"
        token = lab["admin"].get(path).json()["sharingToken"]
        own = f"/api/datasetConfigurations/{lab.dataset.pk}?sharingToken={token}"
        assert lab["nobody"].post(own, [], "application/json").status_code == 200


def test_a_list_of_full_objects_costs_as_many_queries_as_one(lab: Lab) -> None:
    def listing() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            rows = lab["member"].get("/api/v13/datasets").json()
        assert all(row["dataSource"]["dataLayers"] for row in rows)
        return len(rows), len(queries)

    listing()
    short = listing()
    folder = make_folder(root_of(lab.organization))
    set_teams(folder, READ_FOLDER, [lab.team, lab.other])
    for _ in range(5):
        dataset = make_dataset(lab.organization, folder=folder)
        store(dataset, DataSource.model_validate(some_source()))
    assert listing() == (6, short[1])


def test_the_total_is_told_beyond_the_limit(lab: Lab) -> None:
    for _ in range(3):
        make_dataset(lab.organization)
    for version in VERSIONS:
        answer = lab["admin"].get(f"/api{version}/datasets?limit=2&includeTotalCount=true")
        assert (len(answer.json()), answer.headers["X-Total-Count"]) == (2, "4")
    assert "X-Total-Count" not in lab["admin"].get("/api/datasets?limit=2").headers


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_once_both_count(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take turns: none works from what it saw before the other."""
    layers = [some_layer("a"), some_layer("b")]
    store(lab.dataset, DataSource.model_validate(some_source(*layers)))
    actor = actor_for(lab.people["admin"])
    started, merging = threading.Barrier(2, timeout=20), threading.Barrier(2)
    merge = data_source_edit.merge
    failures: list[BaseException] = []

    def merge_together(*arguments: Any) -> DataSource:
        with suppress(threading.BrokenBarrierError):  # only where both got here at once, it opens
            merging.wait(0.5)
        return merge(*arguments)

    def change(changes: editing.Changes) -> None:
        try:
            stale = Dataset.objects.get(pk=lab.dataset.pk)
            started.wait()
            editing.update_dataset(actor=actor, dataset=stale, changes=changes)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    monkeypatch.setattr(data_source_edit, "merge", merge_together)
    both: list[editing.Changes] = [
        {"name": "first", "tags": ["a"], "layer_renamings": {"a": "first"}},
        {"description": "second", "is_public": True, "layer_renamings": {"b": "second"}},
    ]
    threads = [threading.Thread(target=change, args=(changes,)) for changes in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    told = seen(lab)
    assert (told["name"], told["tags"]) == ("first", ["a"])
    assert (told["description"], told["isPublic"]) == ("second", True)
    assert [layer["name"] for layer in told["dataSource"]["dataLayers"]] == ["first", "second"]
