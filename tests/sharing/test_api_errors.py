"""What programs are told when a request of the API goes wrong as a whole."""

import logging
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.test.client import MULTIPART_CONTENT

from sharing.models import Team
from sharing.services.tokens import create_token
from tests.factories import make_organization, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret() -> str:
    _, secret = create_token(user=make_user(make_organization(), is_admin=True), name="script")
    return secret


def fail(*_: object, **__: object) -> None:
    raise IndexError("nobody thought of that")


def test_a_crash_is_told_with_a_reference_that_stands_in_the_log(
    secret: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sharing.api.users.CurrentUser.get", fail)
    client = Client(raise_request_exception=False)
    answer = client.get("/api/user", headers={"x-auth-token": secret})
    assert answer.status_code == 500
    (message,) = answer.json()["messages"]
    reference = message["error"].rpartition("reference ")[2].rstrip(".")
    assert len(reference) == 8
    assert "nobody thought" not in message["error"]
    logged = [record for record in caplog.records if reference in record.getMessage()]
    assert [record.levelno for record in logged] == [logging.ERROR]
    assert logged[0].exc_info is not None
    assert logged[0].exc_info[0] is IndexError


def test_tests_still_see_what_crashed(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.api.users.CurrentUser.get", fail)
    with pytest.raises(IndexError, match="nobody thought of that"):
        Client().get("/api/user", headers={"x-auth-token": secret})


@pytest.mark.parametrize("by", ["session", "token"])
def test_a_body_that_is_too_large_is_refused_in_words(by: str) -> None:
    user = make_user(make_organization(), is_admin=True)
    client, headers = Client(), {}
    if by == "session":
        client.force_login(user)
    else:
        headers = {"x-auth-token": create_token(user=user, name="script")[1]}
    body = b'"' + b"x" * 3_000_000 + b'"'
    answer = client.post("/api/teams", body, content_type="application/json", headers=headers)
    assert answer.status_code == 413
    assert "larger than 2,621,440 bytes" in answer.json()["messages"][0]["error"]


@pytest.mark.parametrize("body", [{"name": "team"}, {f"{number}": "x" for number in range(2000)}])
def test_a_form_is_refused_where_json_is_meant(secret: str, body: dict[str, str]) -> None:
    for content_type in ("application/x-www-form-urlencoded", MULTIPART_CONTENT):
        text = urlencode(body) if content_type != MULTIPART_CONTENT else body
        answer = Client().post(
            "/api/teams", text, content_type=content_type, headers={"x-auth-token": secret}
        )
        assert answer.status_code == 415
        assert "Unsupported media type" in answer.json()["messages"][0]["error"]
    assert not Team.objects.filter(name="team").exists()
