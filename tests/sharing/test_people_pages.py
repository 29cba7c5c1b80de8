"""The pages of accounts, tokens, teams and people, as people in each role meet them."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from sharing.models import ApiToken, Invitation, Organization, Team, User
from sharing.services.tokens import authenticate, create_token
from tests.factories import PASSWORD, make_team, make_user

SignedIn = Callable[[User], Client]

PAGES = ["/account", "/account/token", "/teams", "/users"]
PUBLIC_PAGES = ["/auth/login", "/auth/password", "/auth/password/sent", "/auth/password/done"]


def text_of(answer: HttpResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.mark.parametrize("page", PAGES)
def test_visitors_are_asked_to_sign_in(page: str, db: None) -> None:
    assert Client().get(page).headers["Location"] == f"/auth/login?next={page}"


@pytest.mark.parametrize(
    ("page", "member_gets", "manager_gets"),
    [
        ("/account", 200, 200),
        ("/account/token", 200, 200),
        ("/teams", 403, 200),
        ("/users", 403, 200),
    ],
)
def test_members_have_an_account_and_managers_the_administration_too(
    page: str,
    member_gets: int,
    manager_gets: int,
    member: User,
    manager: User,
    admin: User,
    team: Team,
    signed_in: SignedIn,
) -> None:
    assert signed_in(member).get(page).status_code == member_gets
    assert signed_in(manager).get(page).status_code == manager_gets
    assert signed_in(admin).get(page).status_code == 200


@pytest.mark.parametrize("page", PAGES + PUBLIC_PAGES)
def test_pages_hold_no_inline_script_or_style(
    page: str, admin: User, team: Team, signed_in: SignedIn
) -> None:
    browser = Client() if page in PUBLIC_PAGES else signed_in(admin)
    content = browser.get(page).content.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", content)


def test_a_token_is_shown_once_and_listed_by_its_beginning(
    member: User, signed_in: SignedIn
) -> None:
    browser = signed_in(member)
    tomorrow = timezone.localdate() + timedelta(days=1)
    made = browser.post("/account/token", {"name": "nightly run", "last_day": tomorrow.isoformat()})
    token = ApiToken.objects.get()
    secret = made.context["secret"]
    assert f'value="{secret}"' in made.content.decode()
    assert token.expires is not None
    assert token.expires.date() == tomorrow
    later = browser.get("/account/token").content.decode()
    assert secret not in later
    assert f"{secret[:8]}…" in later
    assert "never" in later

    browser.post(f"/account/token/{token.pk}/revoke")
    assert authenticate(secret) is None
    assert "nightly run" not in text_of(browser.get("/account/token"))


def test_a_day_that_has_passed_is_objected_to_on_the_form(
    member: User, signed_in: SignedIn
) -> None:
    answer = signed_in(member).post("/account/token", {"name": "x", "last_day": "2020-01-01"})
    assert answer.status_code == 400
    assert "Choose a later day" in text_of(answer)
    assert not ApiToken.objects.exists()


def test_revoking_the_token_of_another_says_that_there_is_none(
    member: User, admin: User, signed_in: SignedIn
) -> None:
    token, secret = create_token(user=admin, name="script")
    answer = signed_in(member).post(f"/account/token/{token.pk}/revoke", follow=True)
    assert "You have no such token" in text_of(answer)
    assert authenticate(secret) is not None


def test_people_change_their_name_and_password(member: User, signed_in: SignedIn) -> None:
    browser, elsewhere = signed_in(member), signed_in(member)
    browser.post("/account", {"first_name": "Maria", "last_name": "Muster"})
    assert "Maria" in text_of(browser.get("/account"))
    weak = browser.post(
        "/account/password",
        {"old_password": "wrong", "new_password1": "x", "new_password2": "y"},
    )
    assert weak.status_code == 400
    browser.post(
        "/account/password",
        {
            "old_password": PASSWORD,
            "new_password1": "quite another 5",
            "new_password2": "quite another 5",
        },
    )
    assert User.objects.get(pk=member.pk).check_password("quite another 5")
    assert browser.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


def test_an_admin_makes_a_team_fills_it_and_deletes_it(
    admin: User, member: User, signed_in: SignedIn
) -> None:
    browser = signed_in(admin)
    page = browser.post("/teams", {"name": "Imaging"}).headers["Location"]
    team = Team.objects.get(name="Imaging")
    assert page == f"/teams/{team.pk}"
    browser.post(page, {"user": member.pk, "is_manager": "on"})
    assert "Mo Member" in text_of(browser.get(page))
    assert "Team manager" in text_of(browser.get(page))
    browser.post(f"{page}/members/{member.pk}/manager", {"is_manager": "no"})
    assert "Team manager" not in text_of(browser.get(page))
    assert "Imaging 1 none" in text_of(browser.get("/teams"))
    browser.post(f"{page}/members/{member.pk}/remove")
    assert "Nobody is in this team yet." in text_of(browser.get(page))
    assert "was deleted" in text_of(browser.post(f"{page}/delete", follow=True))
    assert browser.get(page).status_code == 404


def test_a_taken_name_is_objected_to_on_the_form(admin: User, signed_in: SignedIn) -> None:
    browser = signed_in(admin)
    browser.post("/teams", {"name": "Imaging"})
    again = browser.post("/teams", {"name": "Imaging"})
    assert again.status_code == 400
    assert "already a team named" in text_of(again)


def test_a_team_manager_changes_the_own_team_only(
    lab: Organization, team: Team, manager: User, signed_in: SignedIn
) -> None:
    other, joining = make_team(lab), make_user(lab)
    browser = signed_in(manager)
    assert "Add a member" in text_of(browser.get(f"/teams/{team.pk}"))
    assert "Add a member" not in text_of(browser.get(f"/teams/{other.pk}"))
    assert "New team" not in text_of(browser.get("/teams"))
    for changed in (team, other):
        browser.post(f"/teams/{changed.pk}", {"user": joining.pk})
        browser.post(f"/teams/{changed.pk}/delete")
    assert [team.pk for team in joining.teams.filter(is_default=False)] == [team.pk]


def test_teams_and_people_of_other_organizations_are_not_there(
    team: Team, member: User, stranger: User, signed_in: SignedIn
) -> None:
    browser = signed_in(stranger)
    for page in (f"/teams/{team.pk}", "/teams/0123456789abcdef01234567"):
        assert browser.get(page).status_code == 404
    assert browser.post(f"/users/{member.pk}/deactivate").status_code == 404
    assert browser.post(f"/users/{member.pk}/roles", {"is_admin": "on"}).status_code == 404
    assert "mo@example.org" not in text_of(browser.get("/users"))
    assert User.objects.get(pk=member.pk).is_active


def test_an_admin_changes_roles_and_shuts_people_out(
    admin: User, member: User, signed_in: SignedIn
) -> None:
    browser = signed_in(admin)
    browser.post(f"/users/{member.pk}/roles", {"is_dataset_manager": "on"})
    assert User.objects.get(pk=member.pk).is_dataset_manager
    browser.post(f"/users/{member.pk}/roles", {})
    assert not User.objects.get(pk=member.pk).is_dataset_manager
    browser.post(f"/users/{member.pk}/deactivate")
    assert not User.objects.get(pk=member.pk).is_active
    assert "deactivated" in text_of(browser.get("/users"))
    browser.post(f"/users/{member.pk}/reactivate")
    assert User.objects.get(pk=member.pk).is_active


def test_an_admin_who_drops_the_own_role_is_told_why_not(admin: User, signed_in: SignedIn) -> None:
    answer = signed_in(admin).post(f"/users/{admin.pk}/roles", {}, follow=True)
    assert "Ask another admin" in answer.content.decode()
    assert User.objects.get(pk=admin.pk).is_admin


def test_a_team_manager_sees_people_but_changes_and_invites_nobody(
    team: Team, manager: User, member: User, signed_in: SignedIn
) -> None:
    browser = signed_in(manager)
    page = text_of(browser.get("/users"))
    assert "mo@example.org" in page
    assert "Deactivate" not in page
    assert "Invite" not in page
    browser.post(f"/users/{member.pk}/deactivate")
    browser.post("/users", {"email": "new@example.org"})
    assert User.objects.get(pk=member.pk).is_active
    assert not Invitation.objects.exists()


def test_an_invitation_is_made_sent_again_and_revoked_on_the_page(
    admin: User, team: Team, signed_in: SignedIn
) -> None:
    browser = signed_in(admin)
    made = browser.post("/users", {"email": "new@example.org", "teams": [team.pk]})
    invitation = Invitation.objects.get()
    assert made.context["link"] in made.content.decode()
    assert list(invitation.teams.all()) == [team]
    again = browser.post(f"/users/invitations/{invitation.pk}/resend")
    assert again.context["link"] != made.context["link"]
    path = again.context["link"].partition("/auth/")[2]
    assert Client().get(f"/auth/{path}").status_code == 200
    browser.post(f"/users/invitations/{invitation.pk}/revoke")
    assert Client().get(f"/auth/{path}").status_code == 404
    assert "Nobody's answer is awaited." in text_of(browser.get("/users"))


def test_inviting_somebody_who_is_there_is_objected_to_on_the_form(
    admin: User, member: User, signed_in: SignedIn
) -> None:
    answer = signed_in(admin).post("/users", {"email": member.email})
    assert answer.status_code == 400
    assert "has an account already" in text_of(answer)


def test_people_are_found_by_parts_of_name_and_address(
    admin: User, member: User, signed_in: SignedIn
) -> None:
    found = text_of(signed_in(admin).get("/users", {"q": "MO exam"}))
    assert "mo@example.org" in found
    assert "tina@example.org" not in found


def test_the_page_of_people_asks_as_much_for_fifty_as_for_two(
    lab: Organization,
    admin: User,
    signed_in: SignedIn,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    browser = signed_in(admin)
    browser.get("/users")  # notes the visit, which later ones within five minutes don't
    team = make_team(lab, members=(admin,))
    with django_assert_num_queries(QUERIES_OF_USERS_PAGE):
        browser.get("/users")
    for _ in range(60):
        team.memberships.create(user=make_user(lab))
    with django_assert_num_queries(QUERIES_OF_USERS_PAGE):
        page = browser.get("/users")
    assert len(page.context["page"].object_list) == 50
    assert "Page 1 of 2" in text_of(page)


# Session, user, the actor's teams for the page and for its bar, organization, count, people,
# memberships, teams, teams of the form, invitations.
QUERIES_OF_USERS_PAGE = 11


def test_a_service_error_that_no_form_shows_is_a_page_for_people_and_json_for_programs(
    member: User, signed_in: SignedIn
) -> None:
    page = signed_in(member).get("/users")
    assert page.status_code == 403
    assert "Here it is managed who belongs to" in text_of(page)
    assert "Only its admins and team managers can open this page." in text_of(page)
    answer = signed_in(member).get("/api/users/unknown")
    assert answer.status_code == 404
    assert answer.json() == {
        "messages": [{"error": "There is no such person, or you can't see them."}]
    }


def test_an_operator_without_organization_is_pointed_to_the_operation_pages(
    db: None, signed_in: SignedIn
) -> None:
    page = signed_in(User.objects.create_superuser("root@example.org")).get("/teams")
    assert page.status_code == 409
    assert "Manage those of all organizations under 'Operation'" in html.unescape(text_of(page))


def test_everybody_chooses_whether_mails_come_when_work_is_done(
    member: User, signed_in: SignedIn
) -> None:
    browser = signed_in(member)
    box = r'<input type="checkbox" name="is_mailed_when_done"[^>]* checked'
    assert re.search(box, browser.get("/account").content.decode())
    for sent, wanted in (({}, False), ({"is_mailed_when_done": "on"}, True)):
        answer = browser.post("/account/mails", sent, follow=True)
        assert "Your choice of mails was saved." in text_of(answer)
        member.refresh_from_db()
        assert member.is_mailed_when_done is wanted
        assert bool(re.search(box, answer.content.decode())) is wanted
