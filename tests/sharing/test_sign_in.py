"""Signing in, being locked out, and getting a new password."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.core import mail
from django.db.models import F
from django.http import HttpResponse
from django.test import Client, RequestFactory

from sharing.forms import PasswordResetForm, SignInForm
from sharing.models import PasswordMail, User
from sharing.throttling import client_address
from tests.factories import PASSWORD

LOGIN = "/auth/login"


def sign_in(client: Client, user: User, password: str = PASSWORD, **extra: Any) -> HttpResponse:
    answer = client.post(LOGIN, {"username": user.email, "password": password}, **extra)
    assert isinstance(answer, HttpResponse)
    return answer


def is_signed_in(client: Client) -> bool:
    return client.get("/api/user").status_code == 200


def test_people_sign_in_by_address_and_password_and_out_again(member: User) -> None:
    browser = Client()
    assert sign_in(browser, member).status_code == 302
    assert is_signed_in(browser)
    assert browser.get("/auth/logout").status_code == 405
    assert is_signed_in(browser)
    assert browser.post("/auth/logout").status_code == 302
    assert not is_signed_in(browser)


def test_the_address_may_be_typed_in_any_case(member: User) -> None:
    browser = Client()
    member.email = member.email.upper()
    assert sign_in(browser, member).status_code == 302
    assert is_signed_in(browser)


def test_signing_in_returns_to_the_page_asked_for_but_not_to_another_site(member: User) -> None:
    assert Client().get("/account").headers["Location"] == "/auth/login?next=/account"
    form = {"username": member.email, "password": PASSWORD}
    inside = Client().post(LOGIN, {**form, "next": "/account"})
    assert inside.headers["Location"] == "/account"
    outside = Client().post(LOGIN, {**form, "next": "https://evil.example/"})
    assert outside.headers["Location"] == "/"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(member: User) -> None:
    def errors(username: str) -> object:
        answer = Client().post(LOGIN, {"username": username, "password": "wrong"})
        return answer.status_code, answer.context["form"].non_field_errors()

    assert errors(member.email) == errors("nobody@example.org")


def test_too_many_wrong_passwords_lock_out_and_time_unlocks(member: User) -> None:
    browser = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        assert sign_in(browser, member, "wrong").status_code == 200
    locked = sign_in(browser, member, "wrong")
    assert locked.status_code == 429
    assert "Wait 15 minutes" in locked.content.decode()
    assert locked["Retry-After"] == "900"
    assert sign_in(browser, member).status_code == 429
    assert not is_signed_in(browser)

    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=16))
    assert sign_in(browser, member).status_code == 302
    assert is_signed_in(browser)


def test_the_last_attempts_are_told_before_the_lockout_whether_or_not_there_is_an_account(
    member: User,
) -> None:
    def warnings(email: str) -> list[list[str]]:
        answers = [
            Client().post(LOGIN, {"username": email, "password": "wrong"})
            for _ in range(settings.AXES_FAILURE_LIMIT)
        ]
        assert answers.pop().status_code == 429
        assert "1 attempt left" in answers[-1].content.decode()
        return [
            [text for text in answer.context["form"].non_field_errors() if "left" in text]
            for answer in answers
        ]

    known = warnings(member.email)
    *early, (second_last,), (last,) = known
    assert not any(early)
    assert second_last.startswith("2 attempts left: after that, this account can't be signed in to")
    assert last.startswith("1 attempt left")
    assert "15 minutes" in last
    assert warnings("nobody@example.org") == known


def test_an_empty_form_is_no_attempt(member: User) -> None:
    answer = Client().post(LOGIN, {"username": "", "password": ""})
    assert "left" not in answer.content.decode().partition("<form")[2]


def test_changing_the_spelling_of_the_address_gives_no_further_attempts(member: User) -> None:
    for number in range(settings.AXES_FAILURE_LIMIT):
        spelling = User(email=member.email.upper() if number % 2 else member.email)
        last = sign_in(Client(), spelling, "wrong")
    assert last.status_code == 429


def test_nobody_is_locked_out_by_somebody_elsewhere(member: User) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        sign_in(Client(), member, "wrong", REMOTE_ADDR="192.0.2.1")
    assert sign_in(Client(), member, REMOTE_ADDR="192.0.2.1").status_code == 429
    assert sign_in(Client(), member, REMOTE_ADDR="192.0.2.2").status_code == 302


def test_an_unknown_address_is_locked_out_like_a_known_one(member: User) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        last = sign_in(Client(), User(email="nobody@example.org"), "wrong")
    assert last.status_code == 429


@pytest.mark.parametrize(("behind_proxy", "address"), [(False, "10.0.0.1"), (True, "203.0.113.7")])
def test_only_the_operators_proxy_is_believed_about_where_somebody_is(
    behind_proxy: bool, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings.ENVIRONMENT, "behind_proxy", behind_proxy)
    request = RequestFactory(
        headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}, REMOTE_ADDR="10.0.0.1"
    ).get("/")
    assert client_address(request) == address


@pytest.mark.usefixtures("tasks_run_at_once")
def test_a_forgotten_password_is_replaced_by_a_mailed_link_that_works_once(member: User) -> None:
    other_browser, browser = Client(), Client()
    sign_in(other_browser, member)
    answer = browser.post("/auth/password", {"email": member.email.upper()})
    assert answer.headers["Location"] == "/auth/password/sent"
    (letter,) = mail.outbox
    assert letter.to == [member.email]
    found = re.search(r"https?://[^/\s]+(/auth/password/\S+)", letter.body)
    assert found is not None
    assert found[0].startswith(settings.PUBLIC_URL)

    form = browser.get(found[1], follow=True).redirect_chain[-1][0]
    new = {"new_password1": "fresh and long 8", "new_password2": "fresh and long 8"}
    assert browser.post(form, new).headers["Location"] == "/auth/password/done"
    assert not is_signed_in(other_browser)
    assert sign_in(Client(), member).status_code == 200
    assert sign_in(Client(), member, "fresh and long 8").status_code == 302
    assert "can't be used any more" in Client().get(found[1], follow=True).content.decode()


@pytest.mark.usefixtures("tasks_run_at_once")
def test_asking_for_a_new_password_tells_nothing_about_who_has_an_account(
    member: User, django_assert_num_queries: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    inactive = User.objects.create(
        email="gone@example.org", organization=member.organization, is_active=False
    )

    def answer(email: str) -> tuple[int, object, bytes]:
        client = Client()
        asked = client.post("/auth/password", {"email": email})
        return asked.status_code, asked.headers, client.get("/auth/password/sent").content

    known, unknown = answer(member.email), answer("nobody@example.org")
    gone = answer(inactive.email)
    assert known == unknown == gone
    assert [letter.to for letter in mail.outbox] == [[member.email]]
    # The page itself looks nothing up, so its time tells nothing either.
    monkeypatch.setattr("sharing.views.sign_in.send_password_reset.delay", lambda email: None)
    with django_assert_num_queries(0):
        Client().post("/auth/password", {"email": member.email})


@pytest.mark.usefixtures("tasks_run_at_once")
def test_a_mailbox_gets_three_mails_an_hour_and_whoever_asks_sees_no_difference(
    member: User, admin: User
) -> None:
    def ask(user: User) -> tuple[int, object]:
        answer = Client().post("/auth/password", {"email": user.email})
        return answer.status_code, answer.headers

    answers = [ask(member) for _ in range(4)]
    assert all(answer == answers[0] for answer in answers)
    assert len(mail.outbox) == 3
    ask(admin)
    assert mail.outbox[3].to == [admin.email]
    PasswordMail.objects.update(sent=F("sent") - timedelta(hours=1))
    ask(member)
    assert len(mail.outbox) == 5
    assert PasswordMail.objects.filter(user=member).count() == 1


def test_every_form_calls_the_address_alike() -> None:
    labels = {SignInForm().fields["username"].label, PasswordResetForm().fields["email"].label}
    assert labels == {"E-mail address"}
