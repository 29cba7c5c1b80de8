"""What workers do for this app."""

from celery import shared_task
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from . import mail
from .models import User


@shared_task(name="sharing.tasks.send_password_reset")
def send_password_reset(email: str) -> None:
    """Mail a link for a new password, where an active account has this address.

    It takes the address and no id: the page that asks must not even look whether one exists.
    """
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None:
        return
    path = reverse(
        "sharing:password-reset-confirm",
        args=[
            urlsafe_base64_encode(force_bytes(user.pk)),
            default_token_generator.make_token(user),
        ],
    )
    mail.send(to=user.email, template="password_reset", user=user, path=path)
