"""People with an account."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from sharing.access import Actor
from sharing.ids import HexIdModel

from .organization import Organization


class UserQuerySet(QuerySet["User"]):
    """The lists of people."""

    def visible_to(self, actor: Actor) -> Self:
        """The people that `actor` may see: sharing.access's SEE_TEAMMATES as a query.

        Everybody sees themselves; members see the people of their own teams, where the default
        team, which everybody is in, does not count.
        """
        if actor.is_superuser:
            return self.all()
        if actor.organization_id is None:
            return self.none()
        own = self.filter(organization=actor.organization_id)
        if actor.manages_datasets_of(actor.organization_id) or actor.is_team_manager:
            return own
        teammates = own.filter(
            memberships__team__in=actor.team_ids, memberships__team__is_default=False
        )
        return own.filter(Q(pk=actor.user_id) | Q(pk__in=teammates.values("pk")))


class UserManager(BaseUserManager["User"]):
    """Makes users whose e-mail address is their login."""

    def get_queryset(self) -> UserQuerySet:
        """Everybody."""
        return UserQuerySet(self.model, using=self._db)

    def visible_to(self, actor: Actor) -> UserQuerySet:
        """The people that `actor` may see."""
        return self.get_queryset().visible_to(actor)

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user with this address, whatever its case."""
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user without any right beyond its organization's default team."""
        if not email:
            raise ValueError("A user needs an e-mail address: it is the login.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An operator: may do everything, in the admin and on the pages."""
        fields |= {"is_staff": True, "is_superuser": True}
        return self.create_user(email, password, **fields)


class User(HexIdModel, AbstractBaseUser, PermissionsMixin):
    """A person of one organization. Operators (superusers) may belong to none."""

    email = models.EmailField(unique=True)
    first_name = models.CharField(max_length=128, blank=True)
    last_name = models.CharField(max_length=128, blank=True)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="users", null=True, blank=True
    )
    is_admin = models.BooleanField(
        "organization admin",
        default=False,
        help_text="Sees and edits everything of the organization and manages its people.",
    )
    is_dataset_manager = models.BooleanField(
        default=False, help_text="Sees and edits all datasets of the organization."
    )
    is_active = models.BooleanField(
        default=True, help_text="Inactive people can't sign in; their tokens stop working at once."
    )
    is_staff = models.BooleanField(
        "may enter the admin",
        default=False,
        help_text="Sees the rows of the own organization here. Only a superuser may grant it.",
    )
    is_mailed_when_done = models.BooleanField(
        "mail me when my work is done",
        default=True,
        help_text="Work that takes long, such as a conversion: that it is done, or why it failed.",
    )
    created = models.DateTimeField(default=timezone.now, editable=False)
    last_activity = models.DateTimeField(null=True, blank=True, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["last_name", "first_name", "email"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_ignores_case"),
            models.CheckConstraint(
                condition=models.Q(organization__isnull=False) | models.Q(is_superuser=True),
                name="user_has_organization_unless_superuser",
            ),
        ]

    def __str__(self) -> str:
        return self.get_full_name()

    @property
    def active_or_created(self) -> datetime:
        """When the person was here last; when the account was made where they never were."""
        return self.last_activity or self.created

    def get_full_name(self) -> str:
        """First and last name, or the address where neither is known."""
        return f"{self.first_name} {self.last_name}".strip() or self.email

    def get_short_name(self) -> str:
        """What a page calls this person."""
        return self.first_name or self.email
