"""Teams: the only thing that access is granted to."""

from typing import Self

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import QuerySet

from sharing.access import Actor
from sharing.ids import HexIdModel

from .organization import Organization
from .user import User


class TeamQuerySet(QuerySet["Team"]):
    """The lists of teams."""

    def visible_to(self, actor: Actor) -> Self:
        """The teams of the actor's organization; their members are another matter."""
        if actor.is_superuser:
            return self.all()
        return self.filter(organization=actor.organization_id)


class Team(HexIdModel):
    """A group of people of one organization.

    django-guardian grants to Django's groups, so each team owns one; sharing.signals keeps the
    group's members equal to the team's.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="teams")
    name = models.CharField(max_length=128)
    is_default = models.BooleanField(
        default=False, editable=False, help_text="Everybody of the organization joins it."
    )
    group = models.OneToOneField(Group, on_delete=models.PROTECT, editable=False)
    members = models.ManyToManyField(
        User, through="TeamMembership", related_name="teams", blank=True
    )
    created = models.DateTimeField(auto_now_add=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["-is_default", "name"]
        constraints = [
            models.UniqueConstraint(
                "organization", "name", name="team_name_unique_in_organization"
            ),
            models.UniqueConstraint(
                "organization",
                condition=models.Q(is_default=True),
                name="one_default_team_per_organization",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def group_name(team_id: str) -> str:
        """The name of the team's Django group; by id, since group names are unique site-wide."""
        return f"team {team_id}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Save the team, with its group on first save."""
        if not hasattr(self, "group"):
            self.group, _ = Group.objects.get_or_create(name=self.group_name(self.id))
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class TeamMembership(models.Model):
    """A person in a team, perhaps as one of its managers."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    is_manager = models.BooleanField("team manager", default=False)

    class Meta:
        constraints = [models.UniqueConstraint("team", "user", name="one_membership_per_team")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
