"""What a person sees of datasets, by role; and what a stranger must not learn."""

import json
import re

import pytest
from django.test import Client

from datasets.access import Action, may
from datasets.models import Dataset, Tag
from datasets.services import links
from datasets.services.audience import READ_FOLDER
from datasets.streaming.tokens import ReaderKind, opened_page_token
from datasets.views.markdown import rendered
from sharing.access import actor_for
from sharing.grants import set_teams
from tests.factories import make_dataset, make_organization, make_team, make_user

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def dataset(lab) -> Dataset:
    dataset = make_dataset(
        lab, name="halves", voxel_size_x=11.24, voxel_size_y=11.24, voxel_size_z=25,
        voxel_size_unit="nanometer",
    )  # fmt: skip
    layer = dataset.layers.create(
        position=0,
        name="color",
        category="color",
        element_class="uint8",
        data_format="wkw",
        width=512,
        height=512,
        depth=128,
    )
    layer.mags.create(x=1, y=1, z=1)
    return dataset


def text_of(response) -> str:
    return response.content.decode()


def test_a_visitor_is_asked_to_sign_in(client, db):
    assert client.get("/").headers["Location"].startswith("/auth/login")


def test_a_row_shows_voxel_size_extent_and_what_can_be_done(dataset, admin, signed_in):
    page = text_of(signed_in(admin).get("/"))
    assert "11.24 \u00d7 11.24 \u00d7 25 nm" in page
    assert "512 \u00d7 512 \u00d7 128" in page
    assert "5.755 \u00d7 5.755 \u00d7 3.2 \u00b5m" in page
    assert f"/datasets/{dataset.slug}/view" in page


def test_a_row_says_why_a_dataset_cannot_be_used(lab, admin, signed_in):
    make_dataset(lab, name="bare", status=Dataset.Status.NOT_IMPORTED)
    make_dataset(lab, name="broken", status="Error: Invalid json format, line 3")
    page = text_of(signed_in(admin).get("/"))
    assert "Not imported yet." in page
    assert "Import" in page
    assert "Error: Invalid json format, line 3" in page
    assert "Show error" in page


def test_a_row_shows_work_in_progress_and_a_waiting_change(lab, admin, signed_in):
    make_dataset(lab, job_stage="Computing mags", job_percentage=63.4, job_message="mag 4")
    make_dataset(lab, pending_hash="abc", pending_properties={})
    page = text_of(signed_in(admin).get("/"))
    assert "Computing mags · 63 %" in page
    assert "mag 4" in page
    assert "Changed on disk" in page
    assert "Review changes" in page


def test_names_tags_folders_and_descriptions_run_nothing(lab, admin, dataset, signed_in):
    dataset.name = dataset.description = f"{EVIL} </script>"
    dataset.folder.name = "<b>bold</b>"
    dataset.folder.save()
    dataset.save()
    dataset.tags.add(Tag.objects.create(organization=lab, name='"><script>alert(2)</script>'))
    client = signed_in(admin)
    for address in ("/", f"/datasets/{dataset.pk}", f"/datasets/{dataset.pk}/view", f"/?q={EVIL}"):
        page = text_of(client.get(address))
        for forbidden in ("<script>alert", "<img src=x", "<b>bold"):
            assert forbidden not in page, address


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[a](javascript:alert(1))",
        "[a](data:text/html;base64,xx)",
        "![a](https://elsewhere.example/pixel.png)",
        "<a href='x' onclick='y'>z</a>",
    ],
)
def test_descriptions_cannot_run_or_load_anything(text):
    html = rendered(text)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert "<a href='x'" not in html


def test_descriptions_are_formatted():
    html = rendered("# Title\n\n**bold** [paper](https://example.org)\n\n|a|b|\n|-|-|\n|1|2|")
    assert "<h1>Title</h1>" in html
    assert "<strong>bold</strong>" in html
    assert 'href="https://example.org"' in html
    assert "<td>1</td>" in html


PAGES = ("", "/view", "/import")


@pytest.mark.parametrize("page", PAGES)
def test_missing_and_invisible_datasets_look_the_same_to_a_stranger(dataset, signed_in, page):
    stranger = signed_in(make_user(make_organization()))
    missing = "0" * 24

    def answer(dataset_id: str) -> tuple[int, str]:
        response = stranger.get(f"/datasets/{dataset_id}{page}")
        return response.status_code, text_of(response).replace(dataset_id, "")

    status, shown = answer(dataset.pk)
    assert (status, without_tokens(shown)) == (404, without_tokens(answer(missing)[1]))
    assert "halves" not in shown


def without_tokens(page: str) -> str:
    return "".join(line for line in page.splitlines() if "csrfmiddlewaretoken" not in line)


@pytest.mark.parametrize("action", ["reload", "apply", "dismiss", "reconsider", "share"])
def test_actions_are_404_for_strangers_and_refused_to_viewers(dataset, lab, member, action):
    address = f"/datasets/{dataset.pk}/{action}"
    client = Client()
    assert client.post(address).status_code == 404

    viewer = make_user(lab)
    dataset.is_public = True
    dataset.save()
    client.force_login(viewer)
    expected = 200 if action == "share" else 403
    assert client.post(address).status_code == expected
    assert client.get(address).status_code == 405


def test_only_editors_see_paths_and_who_can_see_it(dataset, lab, admin, signed_in):
    dataset.is_public = True
    dataset.save()
    for user, sees in ((admin, True), (make_user(lab), False)):
        page = text_of(signed_in(user).get(f"/datasets/{dataset.pk}"))
        assert ("binaryData" in page) is sees
        assert ("Who can see it, and why" in page) is sees


def test_an_editor_learns_who_can_see_a_dataset_and_why(dataset, lab, admin, signed_in):
    team = make_team(lab, members=(make_user(lab, first_name="Tara", last_name="Team"),))
    set_teams(dataset.folder, READ_FOLDER, [team])
    page = text_of(signed_in(admin).get(f"/datasets/{dataset.pk}"))
    assert f"Team {team.name}" in page
    assert "given access to the folder" in page
    assert "Tara Team" in page


def test_a_broken_file_is_shown_with_the_line_of_its_error(lab, admin, signed_in):
    dataset = make_dataset(
        lab,
        status="Error: Invalid json format in x: Expecting value at line 2, column 5",
        raw_properties='{\n  "dataLayers": [,]\n}',
    )
    page = text_of(signed_in(admin).get(f"/datasets/{dataset.pk}"))
    assert "What to do" in page
    assert 'class="is-wrong" aria-label="Line 2: the error"' in page


def test_view_mode_of_an_unusable_dataset_leads_to_its_explanation(lab, admin, signed_in):
    dataset = make_dataset(lab, status=Dataset.Status.NO_LONGER_AVAILABLE)
    response = signed_in(admin).get(f"/datasets/{dataset.pk}/view", follow=True)
    assert "No longer available on datastore." in text_of(response)
    assert "Put it back" in text_of(response)


def test_only_the_id_counts_in_an_address(dataset, admin, signed_in):
    client = signed_in(admin)
    for slug in (dataset.slug, dataset.pk, f"an-older-name-{dataset.pk}"):
        assert client.get(f"/datasets/{slug}/view").status_code == 200


def test_the_older_address_is_redirected_and_keeps_its_token(dataset, lab, admin, client):
    token = links.sharing_token(actor=actor_for(admin), dataset=dataset)
    response = client.get(f"/datasets/{lab.pk}/halves/view?token={token}")
    assert response.headers["Location"] == f"/datasets/{dataset.slug}/view?token={token}"
    assert client.get(f"/datasets/{lab.pk}/halves/view").status_code == 404


def test_a_sharing_link_opens_view_mode_without_an_account(dataset, admin, client):
    token = links.sharing_token(actor=actor_for(admin), dataset=dataset)
    address = f"/datasets/{dataset.slug}/view"
    response = client.get(f"{address}?token={token}")
    assert "halves" in text_of(response)
    assert "Save view configuration as default" not in text_of(response)
    # Data is reached with a token of the page, which ends by itself.
    assert token not in json.dumps(response.context["manifest"])
    assert client.get(f"{address}?token=wrong").status_code == 404


def test_a_revoked_link_does_not_shut_out_somebody_with_an_account(dataset, admin, signed_in):
    token = links.sharing_token(actor=actor_for(admin), dataset=dataset)
    links.revoke_sharing_token(actor=actor_for(admin), dataset=dataset)
    client = signed_in(admin)
    response = client.get(f"/datasets/{dataset.pk}/view?token={token}")
    source = response.context["manifest"]["layers"][0]["source"]
    opened = opened_page_token(source.split("/")[3])
    assert opened is not None
    assert opened.kind is ReaderKind.SESSION


def test_share_gives_the_same_token_each_time(dataset, admin, signed_in):
    client = signed_in(admin)
    tokens = {client.post(f"/datasets/{dataset.pk}/share").json()["token"] for _ in range(2)}
    assert len(tokens) == 1
    holder = Client().get(f"/datasets/{dataset.pk}/view?token={tokens.pop()}")
    assert holder.status_code == 200


def test_pages_allow_no_inline_script_and_only_the_frame_evaluates(dataset, admin, signed_in):
    client = signed_in(admin)
    for address in ("/", f"/datasets/{dataset.pk}", f"/datasets/{dataset.pk}/view"):
        response = client.get(address)
        policy = response.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "style=" not in text_of(response)
        assert "onclick" not in text_of(response)
    frame = client.get("/viewer/v/frame/")
    assert "'unsafe-eval'" in frame.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in frame.headers["Content-Security-Policy"]
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_error_pages_say_what_to_do(client, db, admin, dataset, lab, signed_in):
    assert "sign in" in text_of(client.get("/nowhere"))
    dataset.is_public = True
    dataset.save()
    refused = signed_in(make_user(lab)).post(f"/datasets/{dataset.pk}/reload")
    assert refused.status_code == 403
    assert "You are not allowed to edit" in text_of(refused)


def test_may_share_follows_the_rules(dataset, lab, signed_in):
    dataset.is_public = True
    dataset.save()
    outsider = make_user(make_organization())
    assert not may(actor_for(outsider), Action.GET_LINK, dataset)
    assert signed_in(outsider).post(f"/datasets/{dataset.pk}/share").status_code == 403


def test_only_a_sharing_link_that_exists_is_offered_to_be_revoked(dataset, admin, signed_in):
    editor = signed_in(admin)
    offer = re.compile(r"<form[^>]*/revoke-link[^>]*data-revokes-link( hidden)?")
    hidden = []
    for deed in ("", "share", "revoke-link"):
        if deed:
            editor.post(f"/datasets/{dataset.pk}/{deed}")
        page = editor.get(f"/datasets/{dataset.pk}/view").content.decode()
        hidden.append(offer.search(page)[1] is not None)
    assert hidden == [True, False, True]


def test_an_editor_revokes_the_sharing_link_where_it_is_shared(dataset, admin, signed_in, client):
    editor = signed_in(admin)
    address = f"/datasets/{dataset.pk}/revoke-link"
    token = editor.post(f"/datasets/{dataset.pk}/share").json()["token"]
    assert b"/revoke-link" in editor.get(f"/datasets/{dataset.pk}/view").content
    visited = client.get(f"/datasets/{dataset.pk}/view", {"token": token})
    assert visited.status_code == 200
    assert b"revoke-link" not in visited.content
    assert client.post(f"{address}?token={token}").status_code == 403
    assert client.get(f"/datasets/{dataset.pk}/view", {"token": token}).status_code == 200
    assert editor.post(address).status_code == 302
    assert client.get(f"/datasets/{dataset.pk}/view", {"token": token}).status_code == 404
