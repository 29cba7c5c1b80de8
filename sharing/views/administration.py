"""What the pages for admins and team managers have in common."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views import View

from sharing.access import Actor, PeopleAction, PeopleSubject, may
from sharing.api.actors import actor_from_request
from sharing.errors import Conflict, NotAllowed
from sharing.models import Organization, User


class AdministrationPage(LoginRequiredMixin, View):
    """A page of the administration of the actor's own organization."""

    actor: Actor
    organization: Organization

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let in whoever may open the administration menu."""
        if not isinstance(request.user, User):
            return self.handle_no_permission()
        self.actor = actor_from_request(request)
        organization = request.user.organization
        if organization is None:
            raise Conflict(
                "Your account operates the site and belongs to no organization, so it has no teams "
                "and people of its own. Manage those of all organizations under 'Operation'."
            )
        if not may(self.actor, PeopleAction.ADMINISTER, PeopleSubject(organization.pk)):
            raise NotAllowed(
                f"Here it is managed who belongs to {organization} and to its teams. Only its "
                "admins and team managers can open this page."
            )
        self.organization = organization
        return super().dispatch(request, *args, **kwargs)
