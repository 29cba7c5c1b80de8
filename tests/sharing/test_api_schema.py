"""The API describes itself: people and teams, folders and short links, with what goes wrong."""

import re
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS

# Of each address and method: the component of the body, that of the answer, the problems it names.
DESCRIBED = {
    ("/api/user", "get"): (None, "User", {401}),
    ("/api/users", "get"): (None, "User", {401}),
    ("/api/users/{user_id}", "get"): (None, "User", {401, 404}),
    ("/api/users/{user_id}", "patch"): ("PatchedPersonChanges", "User", {400, 401, 403, 404, 409}),
    ("/api/users/{user_id}/loggedTime", "get"): (None, "LoggedTime", {401, 404}),
    ("/api/teams", "get"): (None, "Team", {401}),
    ("/api/teams", "post"): ("NewTeam", "Team", {400, 401, 403, 409}),
    ("/api/teams/{team_id}", "delete"): (None, "Notices", {401, 403, 404, 409}),
    ("/api/auth/token", "get"): (None, "Token", {401}),
    ("/api/userToken/generate", "post"): (None, "Token", {401, 403}),
    ("/api/shortLinks", "post"): ("string", "ShortLink", {400, 401, 403}),
    ("/api/shortLinks/byKey/{key}", "get"): (None, "ShortLink", {404}),
    ("/api/folders/root", "get"): (None, "FolderNode", {401, 404}),
    ("/api/folders/tree", "get"): (None, "FolderNode", {401, 404}),
    ("/api/folders/create", "post"): (None, "FolderNode", {400, 401, 403, 404}),
    ("/api/folders/{folder_id}", "get"): (None, "Folder", {401, 404}),
    ("/api/folders/{folder_id}", "put"): ("FolderUpdate", "Folder", {400, 401, 403, 404}),
    ("/api/folders/{folder_id}", "delete"): (None, "Notices", {400, 401, 403, 404}),
    ("/api/folders/{folder_id}/move", "put"): (None, "FolderNode", {400, 401, 403, 404}),
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    answer = Client().get("/api/schema")
    assert answer.status_code == 200
    described: dict[str, Any] = answer.json()
    return described


def _component(content: dict[str, Any]) -> str:
    """The name of a body's component, or of its items', or its type."""
    described = content["content"]["application/json"]["schema"]
    described = described.get("items", described)
    return str(described.get("$ref", described.get("type"))).rpartition("/")[2]


@pytest.mark.parametrize(("address", "method"), DESCRIBED)
def test_every_address_describes_body_answer_and_problems(
    address: str, method: str, schema: dict[str, Any]
) -> None:
    operation = schema["paths"][address][method]
    body, answer, problems = DESCRIBED[address, method]
    assert operation["description"]
    assert ("requestBody" in operation) == (body is not None)
    if body is not None:
        assert _component(operation["requestBody"]) == body
    responses = dict(operation["responses"])
    assert _component(responses.pop("200")) == answer
    anywhere = {400, 503} | ({413, 415} if body else set())
    assert {int(status) for status in responses} == problems | anywhere
    assert {_component(response) for response in responses.values()} == {"Problems"}


def test_what_stands_in_the_query_is_described(schema: dict[str, Any]) -> None:
    def required(address: str, method: str) -> set[str]:
        parameters = schema["paths"][address][method]["parameters"]
        return {entry["name"] for entry in parameters if entry["in"] == "query"}

    assert required("/api/folders/create", "post") == {"parentId", "name"}
    assert required("/api/folders/{folder_id}/move", "put") == {"newParentId"}


def test_the_description_is_made_without_guesses(schema: dict[str, Any]) -> None:
    told = {**GENERATOR_STATS._warn_cache, **GENERATOR_STATS._error_cache}
    assert not [text for text in told if re.search(r"sharing|[Ff]older|ApiToken", text)]


@pytest.mark.parametrize("version", ["/v13", "/v16"])
def test_it_stands_in_every_version(version: str) -> None:
    assert Client().get(f"/api{version}/schema").status_code == 200
