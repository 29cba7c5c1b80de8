"""The page of people: who there is, with what roles, and who is invited."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from sharing.access import PeopleAction, PeopleSubject, may
from sharing.errors import ServiceError
from sharing.forms import InvitationForm, RolesForm
from sharing.models import Invitation, User
from sharing.services import invitations, people

from .administration import AdministrationPage

PAGE_SIZE = 50


class PeoplePage(AdministrationPage):
    """Whatever answers with the page of people."""

    def _empty_form(self) -> InvitationForm:
        return InvitationForm(organization_id=self.organization.pk)

    def _page(
        self,
        request: HttpRequest,
        form: InvitationForm,
        *,
        status: int = 200,
        invited: Invitation | None = None,
        link: str = "",
    ) -> HttpResponse:
        query = request.GET.get("q", "").strip()
        listed = User.objects.visible_to(self.actor).filter(organization=self.organization)
        for word in query.split():
            listed = listed.filter(
                Q(first_name__icontains=word)
                | Q(last_name__icontains=word)
                | Q(email__icontains=word)
            )
        page = Paginator(
            listed.order_by("-is_active", "last_name", "first_name", "email").prefetch_related(
                "memberships__team"
            ),
            PAGE_SIZE,
        ).get_page(request.GET.get("page"))
        context = {
            "organization": self.organization,
            "page": page,
            "query": query,
            "may_change": may(
                self.actor, PeopleAction.GRANT_ROLES, PeopleSubject(self.organization.pk)
            ),
        }
        if may(self.actor, PeopleAction.INVITE, PeopleSubject(self.organization.pk)):
            context |= {
                "form": form,
                "invited": invited,
                "link": link,
                "invitations": invitations.pending_of(
                    actor=self.actor, organization=self.organization
                ),
            }
        return render(request, "sharing/users.html", context, status=status)


@method_decorator(never_cache, name="dispatch")
class Users(PeoplePage):
    """The people of the organization, and for admins the invitations."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page of people, those whose name or address holds `?q=`."""
        return self._page(request, self._empty_form())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Invite somebody; the answer shows the link, for when the mail doesn't arrive."""
        form = InvitationForm(request.POST, organization_id=self.organization.pk)
        if form.is_valid():
            try:
                invitation, link = invitations.invite(
                    actor=self.actor, organization=self.organization, **form.cleaned_data
                )
            except ServiceError as error:
                form.add_service_error(error)
            else:
                return self._page(request, self._empty_form(), invited=invitation, link=link)
        return self._page(request, form, status=400)


class ChangeRoles(AdministrationPage):
    """Gives and takes roles."""

    def post(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Set both roles as the boxes say."""
        user, form = people.person_for(self.actor, user_id), RolesForm(request.POST)
        form.full_clean()
        try:
            people.change_roles(actor=self.actor, user=user, **form.cleaned_data)
        except ServiceError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"The roles of {user} were changed.")
        return redirect("sharing:users")


class SetActive(AdministrationPage):
    """Shuts somebody out, or lets them in again."""

    is_active = False

    def post(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Deactivate or reactivate, as the address says."""
        user = people.person_for(self.actor, user_id)
        change = people.reactivate if self.is_active else people.deactivate
        try:
            change(actor=self.actor, user=user)
        except ServiceError as error:
            messages.error(request, str(error))
        else:
            state = "may sign in again" if self.is_active else "was deactivated"
            messages.success(request, f"{user} {state}.")
        return redirect("sharing:users")


@method_decorator(never_cache, name="dispatch")
class ResendInvitation(PeoplePage):
    """Sends an invitation again, with a new link."""

    def post(self, request: HttpRequest, invitation_id: str) -> HttpResponse:
        """The answer shows the new link."""
        invitation = invitations.invitation_for(self.actor, invitation_id)
        try:
            link = invitations.resend(actor=self.actor, invitation=invitation)
        except ServiceError as error:
            messages.error(request, str(error))
            return redirect("sharing:users")
        return self._page(request, self._empty_form(), invited=invitation, link=link)


class RevokeInvitation(AdministrationPage):
    """Makes an invitation's link worthless."""

    def post(self, request: HttpRequest, invitation_id: str) -> HttpResponse:
        """Revoke it."""
        invitation = invitations.invitation_for(self.actor, invitation_id)
        invitations.revoke(actor=self.actor, invitation=invitation)
        messages.success(request, f"The invitation of {invitation.email} was revoked.")
        return redirect("sharing:users")
