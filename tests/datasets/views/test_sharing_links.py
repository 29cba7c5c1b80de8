"""The page of a dataset's sharing links: who sees it, who makes and ends links, what is refused."""

import html
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from datasets.access import Action, may
from datasets.models import Dataset
from datasets.services import links
from datasets.services.listing import Search, list_datasets
from sharing.access import Actor, actor_for
from sharing.grants import set_teams
from sharing.models import SharingLink, User
from sharing.services.links import note_use
from tests.datasets.streaming.streamed_data import make_streamed
from tests.factories import make_dataset, make_organization, make_team, make_user

DIALOG = {"X-Requested-With": "fetch"}


@pytest.fixture
def dataset(lab, member) -> Dataset:
    """One that the member may view and not edit."""
    team = make_team(lab, members=(member,))
    dataset = make_dataset(lab, name="Mouse <retina>")
    set_teams(dataset, "read_dataset", [team])
    return dataset


def address(dataset: Dataset) -> str:
    return f"/datasets/{dataset.slug}/links"


def make(client: Client, dataset: Dataset, **values: str):
    return client.post(
        address(dataset), {"name": "Reviewers", "last_day": "", **values}, follow=True
    )


def text_of(answer) -> str:
    return html.unescape(answer.content.decode())


def shown_addresses(answer) -> list[str]:
    return [
        html.unescape(found)
        for found in re.findall(r'value="(http[^"]+)"', answer.content.decode())
    ]


def test_a_link_is_made_named_and_opens_the_dataset_to_a_visitor(dataset, admin, signed_in):
    in_a_week = (timezone.now() + timedelta(days=7)).date()
    answer = make(signed_in(admin), dataset, last_day=str(in_a_week))
    page = text_of(answer)
    assert "The link 'Reviewers' was made." in page
    assert str(in_a_week) in page
    assert "Mouse <retina>" in page
    link = SharingLink.objects.get()
    assert link.created_by == admin
    assert link.expires.date() == in_a_week
    (copied,) = shown_addresses(answer)
    parts = urlsplit(copied)
    visitor = Client()
    # No data lies behind it: what matters is that the dataset is there for who has the link.
    assert visitor.get(f"/datasets/{dataset.pk}").status_code == 404
    assert visitor.get(f"/datasets/{dataset.pk}?{parts.query}").status_code == 200
    assert parts.path == f"/datasets/{dataset.slug}/view"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": ""}, "Say whom the link is for."),
        ({"name": "   "}, "Say whom the link is for."),
        ({"name": "x" * 129}, "at most 128 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed"),
        ({"last_day": "31.12.2026"}, "That is no day. Write it as 2026-12-31"),
        ({"last_day": "2026-02-30"}, "That is no day."),
        ({"last_day": "2001-01-01"}, "2001-01-01 is over: the link would open nothing."),
    ],
)
def test_what_can_not_be_taken_is_told_in_a_sentence(dataset, admin, signed_in, values, sentence):
    answer = make(signed_in(admin), dataset, **values)
    assert sentence in text_of(answer)
    assert not SharingLink.objects.exists()


def test_the_last_possible_day_is_a_day(dataset, admin, signed_in):
    make(signed_in(admin), dataset, last_day="9999-12-31")
    assert SharingLink.objects.get().expires.year == 9999


def test_a_link_is_revoked_by_itself_and_stops_at_once(dataset, admin, signed_in):
    client = signed_in(admin)
    make(client, dataset, name="Journal")
    answer = make(client, dataset, name="Reviewers")
    assert len(shown_addresses(answer)) == 2
    gone = SharingLink.objects.get(name="Journal")
    answer = client.post(f"{address(dataset)}/{gone.pk}/revoke", follow=True)
    assert "The link 'Journal' was revoked" in text_of(answer)
    (stays,) = shown_addresses(answer)
    query = urlsplit(stays).query
    assert Client().get(f"/datasets/{dataset.pk}?{query}").status_code == 200
    assert SharingLink.objects.usable().get().name == "Reviewers"


def test_who_may_view_makes_links_and_ends_own_ones_only(dataset, admin, member, signed_in):
    make(signed_in(admin), dataset, name="of the admin")
    client = signed_in(member)
    make(client, dataset, name="of the member")
    links.sharing_token(actor=actor_for(member), dataset=dataset)
    of = {link.name: link for link in SharingLink.objects.all()}
    page = text_of(client.get(address(dataset)))
    assert re.findall(r"Revoke the link '([^']+)'\?", page) == ["of the member"]
    for name in ("of the admin", links.DEFAULT_NAME):
        answer = client.post(f"{address(dataset)}/{of[name].pk}/revoke")
        assert answer.status_code == 403
    client.post(f"{address(dataset)}/{of['of the member'].pk}/revoke")
    left = SharingLink.objects.usable().values_list("name", flat=True)
    assert set(left) == {"of the admin", links.DEFAULT_NAME}
    editor = signed_in(admin)
    editor.post(f"{address(dataset)}/{of[links.DEFAULT_NAME].pk}/revoke")
    assert SharingLink.objects.usable().get().name == "of the admin"


def test_strangers_and_visitors_get_the_answer_of_what_does_not_exist(dataset, admin, signed_in):
    make(signed_in(admin), dataset)
    link = SharingLink.objects.get()
    stranger = signed_in(make_user(make_organization(), is_admin=True))
    for client in (stranger, Client()):
        for path in (address(dataset), f"/datasets/{'0' * 24}/links"):
            assert client.get(path).status_code == 404
            assert client.post(path, {"name": "x"}).status_code == 404
        assert client.post(f"{address(dataset)}/{link.pk}/revoke").status_code == 404
    assert SharingLink.objects.usable().get() == link


def test_who_came_by_a_link_and_outsiders_of_a_public_dataset_see_no_links(
    dataset, admin, signed_in
):
    (copied,) = shown_addresses(make(signed_in(admin), dataset))
    query = urlsplit(copied).query
    assert Client().get(f"{address(dataset)}?{query}").status_code == 403
    dataset.is_public = True
    dataset.save()
    stranger = signed_in(make_user(make_organization(), is_admin=True))
    assert stranger.get(address(dataset)).status_code == 403
    assert copied not in text_of(stranger.get("/"))


def test_a_link_of_another_dataset_is_not_revoked_here(dataset, lab, admin, signed_in):
    other = make_dataset(lab)
    client = signed_in(admin)
    make(client, other)
    link = SharingLink.objects.get()
    assert client.post(f"{address(dataset)}/{link.pk}/revoke").status_code == 404
    assert SharingLink.objects.usable().exists()


def test_the_dialog_gets_the_same_parts_without_the_page(dataset, admin, signed_in):
    client = signed_in(admin)
    for answer in (
        client.get(address(dataset), headers=DIALOG),
        client.post(address(dataset), {"name": "Journal"}, headers=DIALOG),
        client.post(address(dataset), {"name": ""}, headers=DIALOG),
    ):
        page = text_of(answer)
        assert answer.status_code == 200
        assert "<html" not in page
        assert "Make the link" in page
        assert answer["Cache-Control"] == "no-store"
    assert "Journal" in page


def test_a_link_whose_key_is_gone_can_still_be_revoked(dataset, admin, signed_in, settings):
    client = signed_in(admin)
    make(client, dataset)
    settings.ENCRYPTION_KEYS = ["another"]
    answer = client.get(address(dataset))
    assert "The key that this link was stored with is gone" in text_of(answer)
    assert "Revoke the link 'Reviewers'?" in text_of(answer)


def test_the_page_costs_the_same_however_many_links(
    dataset, admin, signed_in, django_assert_max_num_queries
):
    client = signed_in(admin)
    for number in range(12):
        make(client, dataset, name=f"link {number}")
    with django_assert_max_num_queries(12):
        client.get(address(dataset))


def test_the_use_of_a_link_is_noted_at_most_once_a_minute(dataset, admin, signed_in):
    make(signed_in(admin), dataset)
    link = SharingLink.objects.get()
    assert "never" in text_of(signed_in(admin).get(address(dataset)))
    note_use({link.digest})
    link.refresh_from_db()
    first = link.last_used
    assert first is not None
    note_use({link.digest})
    link.refresh_from_db()
    assert link.last_used == first
    SharingLink.objects.update(last_used=first - timedelta(hours=2))
    assert "2\xa0hours ago" in text_of(signed_in(admin).get(address(dataset)))
    note_use({link.digest})
    link.refresh_from_db()
    assert link.last_used >= first


def test_the_list_offers_links_to_exactly_those_who_may_get_one(dataset, lab, admin, member):
    public = make_dataset(lab, is_public=True)
    manager = make_user(lab)
    make_team(lab, managers=(manager,))
    people = [admin, member, manager, make_user(lab), make_user(make_organization())]
    seen = 0
    for user in people:
        actor: Actor = actor_for(User.objects.get(pk=user.pk))
        for row in list_datasets(actor=actor, search=Search()).rows:
            seen += 1
            assert row.is_own == may(actor, Action.GET_LINK, row.dataset), (user, row.dataset)
    assert seen >= len(people)
    assert public


def test_reading_data_by_a_link_is_a_use_and_by_anything_else_is_not(
    admin, lab, settings, tmp_path
):
    settings.BINARY_DATA_DIR = tmp_path / "binaryData"
    streamed = make_streamed(organization=lab)
    actor = actor_for(admin)
    links.create_link(actor=actor, dataset=streamed.dataset, name="another")
    token = links.sharing_token(actor=actor, dataset=streamed.dataset)
    thumbnail = f"/datasets/{streamed.id}/thumbnail?w=20&h=20"
    assert Client().get(thumbnail).status_code == 404
    assert not SharingLink.objects.exclude(last_used=None).exists()
    assert Client().get(f"{thumbnail}&token={token}").status_code == 200
    assert SharingLink.objects.exclude(last_used=None).get().name == links.DEFAULT_NAME
