"""Mails about jobs: text with an HTML alternative, from templates/email/."""

from django.conf import settings
from django.template.loader import render_to_string

from sharing.models import User
from sharing.services import mails


def send(to: User, template: str, *, picture: bytes = b"", **context: object) -> None:
    """Post `templates/email/<template>.txt`, whose first line is the subject, and its `.html`.

    Addresses in them begin with `address`, which is PUBLIC_URL. `picture`, a JPEG, is what the HTML
    shows as `cid:picture`.
    """
    context = {"address": settings.PUBLIC_URL, "to": to, "has_picture": bool(picture), **context}
    subject, _, text = render_to_string(f"email/{template}.txt", context).partition("\n")
    html = render_to_string(f"email/{template}.html", context)
    mails.post(to=to, subject=subject, text=text.lstrip(), html=html, picture=picture)
