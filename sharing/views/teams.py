"""The pages of teams: the list, and each team with its members."""

from django.contrib import messages
from django.db.models import Count, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from sharing.access import PeopleAction, PeopleSubject, may
from sharing.errors import ServiceError
from sharing.forms import MemberForm, TeamForm
from sharing.models import Team, TeamMembership
from sharing.services import teams
from sharing.services.people import person_for

from .administration import AdministrationPage


class Teams(AdministrationPage):
    """All teams of the organization."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The list, with a form for a new team for those who may make one."""
        return self._page(request, TeamForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make a team."""
        form = TeamForm(request.POST)
        if form.is_valid():
            try:
                team = teams.create_team(
                    actor=self.actor, organization=self.organization, **form.cleaned_data
                )
            except ServiceError as error:
                form.add_service_error(error)
            else:
                return redirect("sharing:team", team.pk)
        return self._page(request, form, status=400)

    def _page(self, request: HttpRequest, form: TeamForm, *, status: int = 200) -> HttpResponse:
        managers = TeamMembership.objects.filter(is_manager=True).select_related("user")
        listed = (
            Team.objects.filter(organization=self.organization)
            .annotate(people=Count("memberships", filter=Q(memberships__user__is_active=True)))
            .prefetch_related(Prefetch("memberships", queryset=managers, to_attr="managers"))
        )
        about = PeopleSubject(self.organization.pk)
        return render(
            request,
            "sharing/teams.html",
            {
                "organization": self.organization,
                "teams": listed,
                "form": form,
                "may_create": may(self.actor, PeopleAction.CREATE_TEAM, about),
            },
            status=status,
        )


class TeamDetail(AdministrationPage):
    """One team and its members."""

    def get(self, request: HttpRequest, team_id: str) -> HttpResponse:
        """The members, with what the actor may do to them."""
        team = teams.team_for(self.actor, team_id)
        return self._page(request, team, MemberForm(team=team))

    def post(self, request: HttpRequest, team_id: str) -> HttpResponse:
        """Add a member."""
        team = teams.team_for(self.actor, team_id)
        form = MemberForm(request.POST, team=team)
        if form.is_valid():
            try:
                teams.add_member(actor=self.actor, team=team, **form.cleaned_data)
            except ServiceError as error:
                form.add_service_error(error)
            else:
                return redirect("sharing:team", team.pk)
        return self._page(request, team, form, status=400)

    def _page(
        self, request: HttpRequest, team: Team, form: MemberForm, *, status: int = 200
    ) -> HttpResponse:
        about = PeopleSubject.of_team(team)
        return render(
            request,
            "sharing/team.html",
            {
                "team": team,
                "memberships": team.memberships.select_related("user").order_by(
                    "-is_manager", "user__last_name", "user__first_name", "user__email"
                ),
                "form": form,
                "may_change": may(self.actor, PeopleAction.CHANGE_TEAM_MEMBERS, about),
                "may_delete": may(self.actor, PeopleAction.DELETE_TEAM, about),
            },
            status=status,
        )


class DeleteTeam(AdministrationPage):
    """Deletes a team."""

    def post(self, request: HttpRequest, team_id: str) -> HttpResponse:
        """Delete it, and go back to the list."""
        team = teams.team_for(self.actor, team_id)
        try:
            teams.delete_team(actor=self.actor, team=team)
        except ServiceError as error:
            messages.error(request, str(error))
            return redirect("sharing:team", team_id)
        messages.success(request, f"The team '{team}' was deleted.")
        return redirect("sharing:teams")


class RemoveMember(AdministrationPage):
    """Takes somebody out of a team."""

    def post(self, request: HttpRequest, team_id: str, user_id: str) -> HttpResponse:
        """Remove the member."""
        team, user = teams.team_for(self.actor, team_id), person_for(self.actor, user_id)
        try:
            teams.remove_member(actor=self.actor, team=team, user=user)
        except ServiceError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{user} is no longer in the team '{team}'.")
        return redirect("sharing:team", team_id)


class SetManager(AdministrationPage):
    """Makes a member a manager of the team, or a plain member."""

    def post(self, request: HttpRequest, team_id: str, user_id: str) -> HttpResponse:
        """Take the state from the field `is_manager`: `yes`, or anything else."""
        team, user = teams.team_for(self.actor, team_id), person_for(self.actor, user_id)
        is_manager = request.POST.get("is_manager") == "yes"
        try:
            teams.set_manager(actor=self.actor, team=team, user=user, is_manager=is_manager)
        except ServiceError as error:
            messages.error(request, str(error))
        return redirect("sharing:team", team_id)
