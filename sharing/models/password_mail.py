"""Mails with a link for a new password, as far as needed to send few of them."""

from django.db import models

from .user import User


class PasswordMail(models.Model):
    """That such a mail went to a person; kept until it no longer counts."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="password_mails")
    sent = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"to {self.user} at {self.sent:%Y-%m-%d %H:%M}"
