"""No page of the admin shows a secret, whole, hashed or encrypted."""

import pytest
from django.urls import reverse

from sharing.admin.scoped import SECRET_FIELDS
from sharing.services.links import reveal_token
from tests.admin_rows import SECRET, World, registered, url

pytestmark = pytest.mark.django_db


def test_no_page_shows_a_secret() -> None:
    world = World()
    secrets = {SECRET}
    for model in registered():
        for row in world.rows(model):
            if model.__name__ == "SharingLink":
                secrets.add(reveal_token(row))
            names = {field.name for field in model._meta.get_fields()} & SECRET_FIELDS
            secrets |= {getattr(row, name) for name in names}
    assert len(secrets) >= 10

    client = world.client("superuser")
    pages = [reverse("admin:index")]
    for model in registered():
        pages += [url(model, "changelist"), url(model, "add")]
        for row in world.rows(model):
            pages += [url(model, view, row.pk) for view in ("change", "history", "delete")]
    for page in pages:
        html = client.get(page).content.decode()
        assert not [secret for secret in secrets if secret in html], page


def test_every_column_that_sounds_like_a_secret_is_treated_as_one() -> None:
    suspicious = {
        field.name
        for model in registered()
        for field in model._meta.get_fields()
        if field.concrete
        and any(word in field.name for word in ("password", "digest", "encrypted", "secret"))
    }
    assert suspicious <= SECRET_FIELDS
