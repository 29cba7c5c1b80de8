"""Mails that the mail server has not taken yet."""

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from sharing.ids import HexIdModel

from .user import User

# For so long a mail is tried.
LIFETIME = timedelta(days=1)


class WaitingMail(HexIdModel):
    """A mail to a person, written and not sent yet; gone once it is (sharing.services.mails).

    `picture` is a JPEG that the HTML shows as `cid:picture`, or empty. `due` is when it is tried
    next, `problem` what came of the last try.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="waiting_mails")
    subject = models.CharField(max_length=255)
    text = models.TextField()
    html = models.TextField()
    picture = models.BinaryField(default=b"", blank=True)
    created = models.DateTimeField(default=timezone.now)
    due = models.DateTimeField(default=timezone.now, db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["due", "pk"]

    def __str__(self) -> str:
        return f"'{self.subject}' to {self.user}"

    @property
    def expires(self) -> datetime:
        """When it is given up."""
        return self.created + LIFETIME
