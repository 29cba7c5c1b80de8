"""Tokens with which scripts act as a person."""

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.ids import HexIdModel

from .user import User


class ApiTokenQuerySet(QuerySet["ApiToken"]):
    """Questions about tokens."""

    def usable(self) -> "ApiTokenQuerySet":
        """Tokens that work now: not revoked, not expired, of an active user."""
        not_expired = Q(expires__isnull=True) | Q(expires__gt=timezone.now())
        return self.filter(not_expired, revoked__isnull=True, user__is_active=True)


class ApiToken(HexIdModel):
    """A named token. Only its digest is stored: the token itself is shown once, when made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=128)
    prefix = models.CharField(max_length=8, editable=False, help_text="Its first characters.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True, editable=False)
    revoked = models.DateTimeField(null=True, blank=True, editable=False)
    made_with = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        editable=False,
        related_name="made",
        help_text="The token that asked for this one; it ends with it.",
    )

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}...)"
