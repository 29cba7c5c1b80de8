"""Mails that must arrive, over real SMTP: with servers that take them, refuse them, or are away."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from sharing import tasks
from sharing.models import User, WaitingMail
from sharing.models.waiting_mail import LIFETIME
from sharing.services import mails
from tests.mailbox import Mailbox, mail_server, without_mail_server

OnCommit = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with mail_server(settings) as box:
        yield box


@pytest.fixture
def no_server(settings: Any) -> None:
    without_mail_server(settings)


def post(to: User, subject: str = "Brain is converted", **parts: Any) -> None:
    mails.post(to=to, **{"subject": subject, "text": "Look.", "html": "<p>Look.</p>", **parts})


def now_due() -> None:
    WaitingMail.objects.update(due=timezone.now())


def test_a_mail_leaves_once_what_it_tells_of_has_committed(
    member: User, mailbox: Mailbox, django_capture_on_commit_callbacks: OnCommit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        post(member, text="Schön.", html="<p>Schön.</p>")
        assert mailbox.messages == []
    (message,) = mailbox.messages
    assert message["Subject"] == "Brain is converted"
    assert message["To"] == member.email
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = message.get_payload()
    assert text.get_content_type() == "text/plain"
    assert text.get_payload(decode=True).decode().strip() == "Schön."
    assert html.get_content_type() == "text/html"
    assert html.get_payload(decode=True).decode().strip() == "<p>Schön.</p>"
    assert not WaitingMail.objects.exists()


def test_what_is_rolled_back_is_not_mailed(
    member: User, mailbox: Mailbox, django_capture_on_commit_callbacks: OnCommit
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        post(member)
        transaction.set_rollback(True)
    tasks.send_waiting_mails()
    assert mailbox.messages == []


def test_a_picture_is_shown_inside_of_the_html(member: User, mailbox: Mailbox) -> None:
    post(member, html='<img src="cid:picture">', picture=b"\xff\xd8 a JPEG \xff\xd9")
    mails.send_due()
    (message,) = mailbox.messages
    assert message.get_content_type() == "multipart/related"
    texts, picture = message.get_payload()
    assert texts.get_content_type() == "multipart/alternative"
    assert picture["Content-ID"] == "<picture>"
    assert picture.get_content_type() == "image/jpeg"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_payload(decode=True) == b"\xff\xd8 a JPEG \xff\xd9"


@pytest.mark.parametrize("answer", ["450 mailbox is busy", "550 who is that?"])
def test_a_refused_mail_waits_and_is_sent_later(
    member: User, mailbox: Mailbox, answer: str
) -> None:
    mailbox.refused[member.email] = answer
    post(member)
    mails.send_due()
    waiting = WaitingMail.objects.get()
    assert waiting.tries == 1
    assert answer.partition(" ")[2] in waiting.problem
    mailbox.refused.clear()
    mails.send_due()
    assert mailbox.messages == []  # its time has not come
    now_due()
    tasks.send_waiting_mails()
    assert len(mailbox.messages) == 1
    assert not WaitingMail.objects.exists()


def test_one_refused_address_keeps_no_other_mail(
    member: User, manager: User, mailbox: Mailbox
) -> None:
    mailbox.refused[member.email] = "550 who is that?"
    post(member)
    post(manager)
    mails.send_due()
    assert [message["To"] for message in mailbox.messages] == [manager.email]


def test_without_a_server_only_one_mail_is_tried_at_a_time(
    member: User, manager: User, no_server: None
) -> None:
    post(member)
    post(manager)
    mails.send_due()
    assert sorted(WaitingMail.objects.values_list("tries", flat=True)) == [0, 1]


def test_the_time_between_tries_grows_to_an_hour_and_ends_after_a_day(
    member: User, no_server: None, caplog: pytest.LogCaptureFixture
) -> None:
    post(member)
    created = WaitingMail.objects.get().created
    delays = []
    while WaitingMail.objects.exists():
        now_due()
        before = timezone.now()
        mails.send_due()
        for waiting in WaitingMail.objects.all():
            delay = waiting.due - before
            delays.append(round(delay.total_seconds() / 60))
            # As if that time had passed.
            WaitingMail.objects.update(created=waiting.created - delay)
            created -= delay
    assert delays[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert max(delays) == 60
    assert LIFETIME - timedelta(hours=1) < timedelta(minutes=sum(delays)) <= LIFETIME
    assert "given up after" in caplog.records[-1].message
    assert caplog.records[-1].levelno == logging.ERROR


def test_who_was_deactivated_meanwhile_gets_none(member: User, mailbox: Mailbox) -> None:
    post(member)
    User.objects.update(is_active=False)
    mails.send_due()
    assert mailbox.messages == []
    assert not WaitingMail.objects.exists()


def test_a_name_with_line_breaks_adds_no_headers(member: User, mailbox: Mailbox) -> None:
    post(member, subject="Brain\r\nBcc: everybody@example.org\n is converted " + "x" * 400)
    mails.send_due()
    (message,) = mailbox.messages
    assert message["Bcc"] is None
    assert message["Subject"].strip().startswith("Brain Bcc: everybody@example.org is converted")


@pytest.mark.django_db(transaction=True)
def test_several_workers_send_a_mail_once(member: User, mailbox: Mailbox) -> None:
    WaitingMail.objects.create(user=member, subject="One", text="Look.", html="Look.")
    start = Barrier(3)

    def work() -> None:
        start.wait()
        try:
            tasks.send_waiting_mails()
        finally:
            connection.close()

    workers = [Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(mailbox.messages) == 1
