"""Mails about jobs: text with an HTML alternative, from templates/email/."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


def send(to: str, template: str, **context: object) -> None:
    """Send `templates/email/<template>.txt`, whose first line is the subject, and its `.html`.

    Addresses in them begin with `address`, which is PUBLIC_URL. A mail server that refuses is
    logged, so that other people still get theirs.
    """
    context = {"address": settings.PUBLIC_URL, **context}
    subject, _, text = render_to_string(f"email/{template}.txt", context).partition("\n")
    mail = EmailMultiAlternatives(subject=subject.strip(), body=text.lstrip(), to=[to])
    mail.attach_alternative(render_to_string(f"email/{template}.html", context), "text/html")
    try:
        mail.send()
    except (OSError, SMTPException):
        logger.exception("the mail '%s' to %s could not be sent", subject.strip(), to)
