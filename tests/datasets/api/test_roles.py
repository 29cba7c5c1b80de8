"""Who may do what to a dataset through the API: every role against every address."""

from typing import Any

import pytest

from datasets.properties import DataSource
from datasets.services.data_source import store
from tests.datasets.api.conftest import Lab, some_layer, some_source
from tests.factories import make_organization, make_team

ALL_MAY = dict.fromkeys(("admin", "dataset manager", "team manager"), 200)
HIDDEN = {"manager of another team": 404, "colleague": 404, "stranger": 404}
EDITORS = {**ALL_MAY, "member": 403, **HIDDEN, "nobody": 401}
VIEWERS = {**ALL_MAY, "member": 200, **HIDDEN, "nobody": 404}

CALLS: list[tuple[str, str, Any, dict[str, int]]] = [
    ("get", "datasets/{id}", None, VIEWERS),
    ("patch", "datasets/{id}", {"name": "new"}, EDITORS),
    ("patch", "datasets/{id}/updatePartial", {"name": "new"}, EDITORS),
    ("patch", "datasets/{id}/teams", [], EDITORS),
    ("get", "datasets/{id}/accessList", None, EDITORS),
    ("get", "datasets/{id}/sharingToken", None, {**VIEWERS, "nobody": 401}),
    ("delete", "datasets/{id}/sharingToken", None, EDITORS),
    ("put", "datasets/{id}/clearThumbnailCache", None, EDITORS),
    ("get", "datasetConfigurations/default/{id}", None, VIEWERS),
    ("put", "datasetConfigurations/default/{id}", {"zoom": 2}, EDITORS),
    ("post", "datasetConfigurations/{id}", [], VIEWERS),
    ("put", "datasetConfigurations/{id}", {"zoom": 2}, {**VIEWERS, "nobody": 401}),
    ("delete", "datasets/{id}", None, EDITORS),
]


@pytest.mark.parametrize(
    ("method", "address", "body", "statuses"), CALLS, ids=[f"{c[0]} {c[1]}" for c in CALLS]
)
def test_who_may(method: str, address: str, body: Any, statuses: dict[str, int], lab: Lab) -> None:
    is_deletion = method == "delete" and address.endswith("{id}")
    seen = {}
    # Those who may come last, since a dataset is deleted only once.
    for role in sorted(statuses, key=lambda role: statuses[role] == 200):
        if is_deletion and 200 in seen.values():
            seen[role] = 200
            continue
        answer, of_missing = (
            getattr(lab[role], method)(
                f"/api/{address.format(id=dataset_id)}",
                **({"data": body, "content_type": "application/json"} if body is not None else {}),
            )
            for dataset_id in (lab.dataset.pk, "0" * 24)
        )
        seen[role] = answer.status_code
        if answer.status_code >= 400:
            assert all(message["error"] for message in answer.json()["messages"])
        if answer.status_code in {401, 404}:
            assert answer.content == of_missing.content
    assert seen == statuses


def test_what_anybody_may_see_nobody_may_change(lab: Lab) -> None:
    lab.dataset.is_public = True
    lab.dataset.save()
    path = f"/api/datasets/{lab.dataset.pk}"
    for role, status in (("stranger", 403), ("colleague", 403), ("nobody", 401)):
        assert lab[role].get(path).status_code == 200
        for answer in (
            lab[role].delete(path),
            lab[role].patch(f"{path}/updatePartial", {"name": "x"}, "application/json"),
        ):
            assert answer.status_code == status
    lab.dataset.refresh_from_db()
    assert lab.dataset.name != "x"


def test_visitors_learn_no_path_of_the_server_and_nobody_learns_a_credential(lab: Lab) -> None:
    secret = {"credentialId": "f" * 24}
    layer = some_layer(
        mags=[{"mag": [2, 2, 1], "path": "/cluster/lab/color/2-2-1", **secret}],
        attachments={
            "meshes": [
                {"name": "m", "path": "/cluster/m", "dataFormat": "hdf5", "credentials": {"a": 1}}
            ]
        },
    )
    store(lab.dataset, DataSource.model_validate(some_source(layer)))
    lab.dataset.is_public = True
    lab.dataset.save()

    def shown(role: str) -> tuple[str, str]:
        answer = lab[role].get(f"/api/datasets/{lab.dataset.pk}")
        assert b"credential" not in answer.content
        (found,) = answer.json()["dataSource"]["dataLayers"]
        return found["mags"][0]["path"], found["attachments"]["meshes"][0]["path"]

    assert shown("member") == ("/cluster/lab/color/2-2-1", "/cluster/m")
    assert shown("nobody") == shown("stranger") == ("./color/2-2-1", "./color/meshes/m")


def test_the_access_list_names_each_person_once(lab: Lab) -> None:
    path = f"/api/datasets/{lab.dataset.pk}/accessList"

    def listed() -> set[str]:
        people = [person["id"] for person in lab["admin"].get(path).json()]
        assert len(people) == len(set(people))
        return {role for role, user in lab.people.items() if user.pk in people}

    leading = {"admin", "dataset manager"}
    assert listed() == {*leading, "team manager", "member"}
    member = lab.people["member"]
    member.is_active = False
    member.save()
    assert listed() == {*leading, "team manager"}
    lab["admin"].patch(f"/api/datasets/{lab.dataset.pk}/teams", [], "application/json")
    assert listed() == {*leading, "team manager", "manager of another team"}


class TestTeams:
    def give(self, lab: Lab, role: str, *teams: Any) -> Any:
        path = f"/api/datasets/{lab.dataset.pk}/teams"
        return lab[role].patch(path, [team.pk for team in teams], "application/json")

    def held(self, lab: Lab) -> set[str]:
        answer = lab["admin"].get(f"/api/datasets/{lab.dataset.pk}").json()
        return {team["id"] for team in answer["allowedTeams"]}

    def test_who_manages_datasets_sets_any_team(self, lab: Lab) -> None:
        answer = self.give(lab, "dataset manager", lab.other)
        assert [team["id"] for team in answer.json()] == [lab.other.pk]
        assert self.held(lab) == {lab.other.pk}

    def test_teams_that_an_editor_does_not_manage_survive(self, lab: Lab) -> None:
        self.give(lab, "admin", lab.team, lab.other)
        assert self.give(lab, "team manager").status_code == 200
        assert self.held(lab) == {lab.other.pk}

    def test_an_editor_adds_only_teams_that_they_manage(self, lab: Lab) -> None:
        refused = self.give(lab, "team manager", lab.team, lab.other)
        assert refused.status_code == 403
        assert str(lab.other) in refused.json()["messages"][0]["error"]
        assert self.held(lab) == {lab.team.pk}

    def test_a_team_of_others_is_no_team(self, lab: Lab) -> None:
        for team_id in (make_team(make_organization()).pk, "nothing"):
            path = f"/api/datasets/{lab.dataset.pk}/teams"
            refused = lab["admin"].patch(path, [team_id], "application/json")
            assert refused.status_code == 400
            assert team_id in refused.json()["messages"][0]["error"]
        assert self.held(lab) == {lab.team.pk}
