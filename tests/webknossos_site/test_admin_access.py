"""Who sees and does what in the admin: every role at every view of every registered table."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from datasets.models import Dataset
from sharing.models import Team, User
from tests.admin_rows import (
    MAKERS,
    OPERATOR_EMAIL,
    FormFields,
    World,
    columns,
    each_model,
    table_of,
    url,
)
from tests.factories import make_team

pytestmark = pytest.mark.django_db

SHUT_OUT = ("admin of alpha without staff", "member of alpha", "anonymous")


@pytest.fixture
def world() -> World:
    return World()


def is_refused(response: Any) -> bool:
    """Refused, or sent away with the word that there is no such row."""
    return response.status_code in {302, 403, 404}


def relations_of(form: Any) -> list[str]:
    return [name for name, field in form.fields.items() if hasattr(field, "queryset")]


# Who does not enter -------------------------------------------------------------------------------


def test_no_address_leads_from_any_id_to_any_page(world: World) -> None:
    _, dataset = world.rows(Dataset)
    number = ContentType.objects.get_for_model(dataset).pk
    response = world.client("staff of alpha").get(f"/admin/r/{number}/{dataset.pk}/")
    assert response.status_code == 404


@pytest.mark.parametrize("role", SHUT_OUT)
@each_model
def test_nobody_but_operators_enters(world: World, model: type[Model], role: str) -> None:
    row, _ = world.rows(model)
    before = columns(row)
    client = world.client(role)
    for address in (
        reverse("admin:index"),
        url(model, "changelist"),
        url(model, "change", row.pk),
        url(model, "history", row.pk),
        url(model, "delete", row.pk),
        url(model, "add"),
        reverse("admin:autocomplete"),
    ):
        for response in (client.get(address, follow=True), client.post(address, {"post": "yes"})):
            assert response.status_code in {302, 403} or response.redirect_chain, address
            assert b"site-name" not in response.content, address
    assert columns(row) == before


def test_a_deactivated_operator_does_not_enter(world: World) -> None:
    client = world.client("superuser")
    User.objects.filter(email=OPERATOR_EMAIL).update(is_active=False)
    assert client.get(reverse("admin:index")).status_code == 302


def test_sign_in_leads_to_the_throttled_page_of_the_site(world: World) -> None:
    response = world.client("anonymous").get("/admin/sharing/user/", follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("sharing:sign-in"))
    assert "next=%2Fadmin%2Fsharing%2Fuser%2F" in response.redirect_chain[-1][0].replace("/", "%2F")
    direct = world.client("anonymous").post(
        "/admin/login/", {"username": OPERATOR_EMAIL, "password": "a long enough password"}
    )
    assert direct.status_code == 302
    assert "sessionid" not in direct.cookies


def test_the_sign_in_leads_to_no_foreign_page(world: World) -> None:
    client = world.client("superuser")
    response = client.get("/admin/login/?next=https://elsewhere.example/")
    assert response["Location"] == reverse("admin:index")


# What superusers see ------------------------------------------------------------------------------


@each_model
def test_superusers_see_every_row_and_its_pages(world: World, model: type[Model]) -> None:
    rows = world.rows(model)
    client = world.client("superuser")
    listed = client.get(url(model, "changelist"))
    for row in rows:
        assert url(model, "change", row.pk).encode() in listed.content
        assert client.get(url(model, "change", row.pk)).status_code == 200
        assert client.get(url(model, "history", row.pk)).status_code == 200


# What staff see -----------------------------------------------------------------------------------


def is_for_superusers(model: type[Model]) -> bool:
    return table_of(model).organization_path is None


@each_model
def test_staff_see_rows_of_their_own_organization_only(world: World, model: type[Model]) -> None:
    alphas, bravos = world.rows(model)
    for role, own, foreign in (
        ("staff of alpha", alphas, bravos),
        ("staff of bravo", bravos, alphas),
    ):
        client = world.client(role)
        listed = client.get(url(model, "changelist"))
        for view in ("change", "history", "delete"):
            response = client.get(url(model, view, foreign.pk))
            assert is_refused(response), (role, view)
        if is_for_superusers(model):
            assert listed.status_code == 403
            assert is_refused(client.get(url(model, "change", own.pk)))
            continue
        assert url(model, "change", own.pk).encode() in listed.content
        assert url(model, "change", foreign.pk).encode() not in listed.content
        assert client.get(url(model, "change", own.pk)).status_code == 200
        assert client.get(url(model, "history", own.pk)).status_code == 200


@each_model
def test_no_page_of_staff_names_another_organization_or_a_superuser(
    world: World, model: type[Model]
) -> None:
    if is_for_superusers(model):
        return
    for every in MAKERS:
        world.rows(every)
    own, _ = world.rows(model)
    client = world.client("staff of alpha")
    operator = world.people["superuser"]
    table_of(model).log_change(request_of(operator), own, "Olgamira did it.")
    pages = [
        client.get(address, follow=True).content.decode()
        for address in (
            reverse("admin:index"),
            url(model, "changelist"),
            url(model, "changelist") + "?q=brav",
            url(model, "add"),
            url(model, "change", own.pk),
            url(model, "history", own.pk),
            url(model, "delete", own.pk),
        )
    ]
    for page in pages:
        text = page.replace("?q=brav", "").replace('value="bravo"', "")
        for word in ("bravo", "Olgamira", OPERATOR_EMAIL):
            assert word not in text, text[max(0, text.find(word) - 200) : text.find(word) + 80]


def request_of(user: Any) -> Any:
    return type("Request", (), {"user": user})()


@each_model
def test_the_index_shows_staff_no_table_that_is_not_theirs(
    world: World, model: type[Model]
) -> None:
    page = world.client("staff of alpha").get(reverse("admin:index")).content.decode()
    if is_for_superusers(model):
        assert url(model, "changelist") not in page


@each_model
def test_autocompletion_offers_rows_of_the_own_organization_only(
    world: World, model: type[Model]
) -> None:
    client = world.client("staff of alpha")
    for place in (table_of(model), *[i(model, admin.site) for i in table_of(model).inlines]):
        for name in place.autocomplete_fields:
            source: type[Model] = place.model
            target = source._meta.get_field(name).related_model
            _, foreign = world.rows(target)
            query = {
                "app_label": source._meta.app_label,
                "model_name": source._meta.model_name,
                "field_name": name,
                "term": "",
            }
            response = client.get(reverse("admin:autocomplete"), query)
            if response.status_code == 403:
                assert is_for_superusers(target)
                continue
            offered = {result["id"] for result in response.json()["results"]}
            assert str(foreign.pk) not in offered
            assert str(world.people["superuser"].pk) not in offered


# What staff do ------------------------------------------------------------------------------------


@each_model
def test_staff_change_no_row_of_another_organization(world: World, model: type[Model]) -> None:
    _, foreign = world.rows(model)
    client = world.client("staff of alpha")
    as_superuser = world.client("superuser").get(url(model, "change", foreign.pk))
    data = FormFields(as_superuser.content.decode()).data
    before = columns(foreign)
    assert is_refused(client.post(url(model, "change", foreign.pk), {**data, "name": "taken"}))
    assert is_refused(client.post(url(model, "delete", foreign.pk), {"post": "yes"}))
    assert columns(foreign) == before


@each_model
def test_actions_of_staff_reach_no_row_of_another_organization(
    world: World, model: type[Model]
) -> None:
    _, foreign = world.rows(model)
    client = world.client("staff of alpha")
    before = columns(foreign)
    for name in ("delete_selected", *table_of(model).actions):
        data = {"action": name, "_selected_action": [foreign.pk], "post": "yes"}
        client.post(url(model, "changelist"), {**data, "index": 0, "select_across": 1})
        client.post(url(model, "changelist"), data)
        assert columns(foreign) == before, name


@each_model
def test_a_forged_form_moves_no_row_and_makes_no_operator(world: World, model: type[Model]) -> None:
    if is_for_superusers(model):
        return
    own, _ = world.rows(model)
    client = world.client("staff of alpha")
    page = client.get(url(model, "change", own.pk))
    data = FormFields(page.content.decode()).data
    operators = set(User.objects.filter(is_staff=True).values_list("pk", "is_superuser"))
    forged = {
        **data,
        "organization": world.bravo.pk,
        "is_staff": "on",
        "is_superuser": "on",
        "id": "0" * 24,
    }
    client.post(url(model, "change", own.pk), forged)
    after = columns(own)
    assert after
    if "organization_id" in after:
        assert after["organization_id"] == world.alpha.pk
    assert set(User.objects.filter(is_staff=True).values_list("pk", "is_superuser")) == operators


@each_model
def test_not_even_superusers_move_a_row_to_another_organization(
    world: World, model: type[Model]
) -> None:
    own, _ = world.rows(model)
    if "organization_id" not in columns(own):
        return
    client = world.client("superuser")
    data = FormFields(client.get(url(model, "change", own.pk)).content.decode()).data
    client.post(url(model, "change", own.pk), {**data, "organization": world.bravo.pk})
    assert columns(own)["organization_id"] == world.alpha.pk


@each_model
def test_a_forged_form_refers_to_no_row_of_another_organization(
    world: World, model: type[Model]
) -> None:
    if is_for_superusers(model):
        return
    own, _ = world.rows(model)
    client = world.client("staff of alpha")
    page = client.get(url(model, "change", own.pk))
    form = page.context["adminform"].form
    for name in relations_of(form):
        foreign = world.rows(form.fields[name].queryset.model)[1]
        before = columns(own)
        data = FormFields(page.content.decode()).data
        response = client.post(
            url(model, "change", own.pk), {**data, name: [foreign.pk], f"{name}_id": foreign.pk}
        )
        assert response.status_code == 200, name
        assert name in response.context["adminform"].form.errors
        assert columns(own) == before


@each_model
def test_staff_add_rows_to_their_own_organization_only(world: World, model: type[Model]) -> None:
    client = world.client("staff of alpha")
    page = client.get(url(model, "add"))
    if page.status_code == 403:
        assert client.post(url(model, "add"), {"organization": "alpha"}).status_code == 403
        return
    form = page.context["adminform"].form
    data = FormFields(page.content.decode()).data
    names = {
        "name": "new",
        "email": "new@bravo.example",
        "secret": "s",
        "scope": "s3://",
        "kind": "s3",
    }
    count = model._default_manager.count()
    response = client.post(url(model, "add"), {**data, **names, "organization": world.bravo.pk})
    assert "organization" in form.fields
    assert "organization" in response.context["adminform"].form.errors
    assert model._default_manager.count() == count


def test_staff_can_not_edit_a_superuser_of_their_own_organization(world: World) -> None:
    operator = world.people["superuser"]
    client = world.client("staff of alpha")
    assert is_refused(client.get(url(User, "change", operator.pk)))
    for name in table_of(User).actions:
        client.post(url(User, "changelist"), {"action": name, "_selected_action": [operator.pk]})
    operator.refresh_from_db()
    assert operator.is_active


def test_what_a_deletion_takes_along_names_nobody_that_staff_do_not_see(world: World) -> None:
    team = make_team(world.alpha, members=(world.people["superuser"],))
    client = world.client("staff of alpha")
    alone = client.get(url(Team, "delete", team.pk))
    among_others = client.post(
        url(Team, "changelist"), {"action": "delete_selected", "_selected_action": [team.pk]}
    )
    for page in (alone, among_others):
        assert page.status_code == 200
        assert team.name.encode() in page.content
        assert b"Olgamira" not in page.content


def test_staff_need_no_permission_rows(world: World) -> None:
    staff = world.people["staff of alpha"]
    assert not staff.user_permissions.exists()
    assert world.client("staff of alpha").get(url(User, "changelist")).status_code == 200


@each_model
def test_filters_in_the_address_guess_no_secret(world: World, model: type[Model]) -> None:
    world.rows(model)
    fields = {field.name for field in model._meta.get_fields()}
    for secret in fields & {"password", "digest", "encrypted_token", "encrypted_secret"}:
        client: Client = world.client("superuser")
        address = url(model, "changelist")
        assert client.get(f"{address}?{secret}__startswith=a").status_code == 400
