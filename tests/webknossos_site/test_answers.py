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
