"""Sharing links: secret URLs that open one thing to whoever has them."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.ids import HexIdModel

from .user import User


class SharingLinkQuerySet(QuerySet["SharingLink"]):
    """Questions about links."""

    def usable(self) -> "SharingLinkQuerySet":
        """Links that open something now."""
        return self.filter(
            Q(expires__isnull=True) | Q(expires__gt=timezone.now()), revoked__isnull=True
        )

    def to(self, thing: models.Model) -> "SharingLinkQuerySet":
        """The links that open `thing`."""
        return self.filter(
            content_type=ContentType.objects.get_for_model(thing), object_id=thing.pk
        )


class SharingLink(HexIdModel):
    """A named, revocable link to one thing, which this app needs not know.

    People copy a link again, so its token can't be stored as a digest alone: it is stored
    encrypted, with keys that are not in the database (sharing.secrets), and found by its digest.
    """

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
    object_id = models.CharField(max_length=24)
    thing = GenericForeignKey("content_type", "object_id")
    name = models.CharField(max_length=128)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    encrypted_token = models.TextField(editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True, editable=False)
    revoked = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SharingLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]
        indexes = [models.Index(fields=["content_type", "object_id"])]

    def __str__(self) -> str:
        return self.name
