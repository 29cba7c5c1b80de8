"""Invitations: how people get an account."""

from django.db import models
from django.db.models import QuerySet
from django.utils import timezone

from sharing.ids import HexIdModel

from .organization import Organization
from .team import Team
from .user import User


class InvitationQuerySet(QuerySet["Invitation"]):
    """Questions about invitations."""

    def open(self) -> "InvitationQuerySet":
        """Invitations that can still be accepted."""
        return self.filter(accepted__isnull=True, revoked__isnull=True, expires__gt=timezone.now())


class Invitation(HexIdModel):
    """A link sent by e-mail that makes one account. Only the link's digest is stored."""

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="invitations"
    )
    email = models.EmailField()
    digest = models.CharField(max_length=64, unique=True, editable=False)
    teams = models.ManyToManyField(Team, blank=True, related_name="+")
    is_admin = models.BooleanField("organization admin", default=False)
    is_dataset_manager = models.BooleanField(default=False)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    accepted = models.DateTimeField(null=True, blank=True, editable=False)
    revoked = models.DateTimeField(null=True, blank=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.email} to {self.organization}"
