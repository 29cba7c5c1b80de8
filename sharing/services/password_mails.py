"""Mails with a link for a new password: few to one mailbox, so that nobody floods a colleague's."""

from datetime import timedelta

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from sharing import mail
from sharing.models import PasswordMail, User

MOST = 3
WITHIN = timedelta(hours=1)


def send(email: str) -> None:
    """Mail a link, where an active account has this address and got fewer than `MOST` lately.

    Whoever asked is told the same either way (sharing.views.sign_in).
    """
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None or not _noted(user):
        return
    path = reverse(
        "sharing:password-reset-confirm",
        args=[
            urlsafe_base64_encode(force_bytes(user.pk)),
            default_token_generator.make_token(user),
        ],
    )
    mail.send(to=user.email, template="password_reset", user=user, path=path)


def _noted(user: User) -> bool:
    """Note that a mail goes to this person; False where they had enough."""
    long_ago = timezone.now() - WITHIN
    with transaction.atomic():
        # Two that ask at the same time are counted one after the other.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        PasswordMail.objects.filter(user=user, sent__lte=long_ago).delete()
        if PasswordMail.objects.filter(user=user).count() >= MOST:
            return False
        PasswordMail.objects.create(user=user)
    return True
