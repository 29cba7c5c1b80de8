"""Mails of plain text, written as templates under templates/email/."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string


def send(*, to: str, template: str, **context: object) -> None:
    """Send `templates/email/<template>.txt`, whose first line is the subject.

    Addresses in it begin with `address`, which is PUBLIC_URL and never what a request claims.
    """
    text = render_to_string(
        f"email/{template}.txt", {"address": settings.PUBLIC_URL, "to": to, **context}
    )
    subject, _, body = text.partition("\n")
    EmailMessage(subject=subject.strip(), body=body.lstrip(), to=[to]).send()
