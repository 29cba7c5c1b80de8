"""Mails that must arrive: kept in a table until the mail server has taken them.

A mail is written down in the transaction of what it tells of, and tried once that has committed;
beat has what is left tried again (sharing.tasks). Who tries a mail claims it first, so that one of
several workers sends it. Where a worker is killed just when the server took a mail, that
one is sent again, under the same Message-ID.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from email.mime.image import MIMEImage
from smtplib import SMTPRecipientsRefused, SMTPResponseException

from django.core.mail import EmailMultiAlternatives
from django.core.mail.utils import DNS_NAME
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from sharing.models import User, WaitingMail

logger = logging.getLogger(__name__)

# Longer than a mail server may take to answer (EMAIL_TIMEOUT), so that nobody else tries meanwhile.
CLAIM = timedelta(minutes=10)
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)
_AT_A_TIME = 100
_LONGEST_SUBJECT = 200


def post(*, to: User, subject: str, text: str, html: str, picture: bytes = b"") -> None:
    """Send a mail once the transaction has committed, and again until it is taken, for a day.

    `picture` is a JPEG that the HTML may show as `cid:picture`.
    """
    subject = " ".join(subject.split())
    if len(subject) > _LONGEST_SUBJECT:
        subject = subject[: _LONGEST_SUBJECT - 1] + "…"
    mail = WaitingMail.objects.create(
        user=to, subject=subject, text=text, html=html, picture=picture
    )
    transaction.on_commit(lambda: _send([mail.pk]))


def send_due() -> None:
    """Try every mail whose time has come, until one finds no mail server at all."""
    due = WaitingMail.objects.filter(due__lte=timezone.now()).order_by("due")
    _send(due.values_list("pk", flat=True)[:_AT_A_TIME])


def _send(mail_ids: Iterable[str]) -> None:
    for mail_id in mail_ids:
        mail = _claimed(mail_id)
        if mail is None:
            continue
        try:
            if mail.user.is_active:
                _message(mail).send()
        except (SMTPRecipientsRefused, SMTPResponseException) as error:
            _put_back(mail, error)
        except Exception as error:
            _put_back(mail, error)
            return
        else:
            mail.delete()


def _claimed(mail_id: str) -> WaitingMail | None:
    """The mail, for the caller to try; None where somebody else does, or did."""
    now = timezone.now()
    claimed = WaitingMail.objects.filter(pk=mail_id, due__lte=now).update(
        due=now + CLAIM, tries=F("tries") + 1
    )
    return WaitingMail.objects.select_related("user").get(pk=mail_id) if claimed else None


def _put_back(mail: WaitingMail, error: Exception) -> None:
    """Have the mail tried later, or give it up."""
    problem = str(error) or type(error).__name__
    delay = min(FIRST_DELAY * 2 ** min(mail.tries - 1, 10), LONGEST_DELAY)
    due = timezone.now() + delay
    if due > mail.expires:
        logger.error("the mail %s is given up after %s tries: %s", mail, mail.tries, problem)
        mail.delete()
        return
    logger.warning("the mail %s is tried again in %s: %s", mail, delay, problem)
    WaitingMail.objects.filter(pk=mail.pk).update(due=due, problem=problem)


class _Message(EmailMultiAlternatives):
    """Text and HTML, and what the HTML shows."""

    mixed_subtype = "related"


def _message(mail: WaitingMail) -> _Message:
    message = _Message(
        subject=mail.subject,
        body=mail.text,
        to=[mail.user.email],
        headers={
            "Message-ID": f"<{mail.pk}@{DNS_NAME}>",
            "Auto-Submitted": "auto-generated",  # no mailbox answers that it is on holiday
        },
    )
    message.attach_alternative(mail.html, "text/html")
    if mail.picture:
        picture = MIMEImage(bytes(mail.picture), "jpeg")
        picture.add_header("Content-ID", "<picture>")
        picture.add_header("Content-Disposition", "inline", filename="picture.jpg")
        message.attach(picture)
    return message
