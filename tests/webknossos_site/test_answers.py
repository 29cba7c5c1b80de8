"""What holds for every answer of the site, whoever asks for whatever."""

import logging

import pytest
from django.test import Client

from sharing.services.tokens import create_token
from tests.factories import make_organization, make_user
from webknossos_site.logs import WithoutSecrets

pytestmark = pytest.mark.django_db


def test_a_foreign_host_name_is_refused_and_no_failure_of_the_server() -> None:
    response = Client(raise_request_exception=False).get(
        "/auth/login", headers={"host": "evil.example"}
    )
    assert response.status_code == 400


@pytest.mark.parametrize(
    "address", ["/", "/account", "/api/user", "/api/datasets", "/no-such-page"]
)
def test_no_cache_keeps_what_was_made_for_a_person(address: str) -> None:
    user = make_user(make_organization())
    _, secret = create_token(user=user, name="script")
    client = Client()
    client.force_login(user)
    for response in (client.get(address), Client().get(address, headers={"x-auth-token": secret})):
        assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/api/nothing-here", "There is no address /api/nothing-here here"),
        ("/api/v16/nothing-here", "There is no address"),
        ("/data/nothing/here", "There is no address"),
        ("/api/v9/user", "does not speak version 9 of the API, but versions 13 to 16"),
        ("/data/v17/datasets", "does not speak version 17"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_programs_are_told_of_a_wrong_address_in_their_own_form(
    address: str, told: str, method: str
) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(address)
    assert answer.status_code == 404
    (message,) = answer.json()["messages"]
    assert told in message["error"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/datasets/%00", 404),
        ("/api/datasets/%00/layers/x/thumbnail", 404),
        ("/api/datasets/disambiguate/%00/x/toId", 404),
        ("/api/folders/%00", 404),
        ("/data/zarr/%00/color/.zarray", 404),
        ("/data/v15/t/%00/zarr/x/color/zarr.json", 404),
        ("/datasets/lab/%00/view", 404),
        ("/static/%00", 404),
        ("/api/datasets?organizationId=%00", 400),
        ("/data/zarr/x/color/.zarray?token=a%00", 400),
        ("/datasets?folder=%00", 400),
    ],
)
def test_an_address_with_a_nul_names_nothing_on_any_database(address: str, status: int) -> None:
    answer = Client().get(address)
    assert answer.status_code == status
    if address.startswith(("/api/", "/data/")):
        assert "NUL" in answer.json()["messages"][0]["error"]


@pytest.mark.parametrize(
    "address",
    [
        "/data/t/{}/datasets/0123456789abcdef01234567/layers/color/histogram",
        "/data/v14/t/{}/zarr/0123456789abcdef01234567/color",
        "/auth/invitation/{}",
        "/auth/password/MTI/{}",
    ],
)
def test_secrets_in_addresses_do_not_reach_the_log(address: str) -> None:
    path = address.format("s3-cret_")
    record = logging.LogRecord("x", logging.WARNING, "", 0, "Not Found: %s", (path,), None)
    line = WithoutSecrets("%(message)s").format(record)
    assert line == f"Not Found: {address.format('...')}"
