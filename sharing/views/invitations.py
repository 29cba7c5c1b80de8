"""Accepting an invitation: the one way in for people without an account."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from sharing.errors import NotFound, ServiceError
from sharing.forms import AcceptInvitationForm
from sharing.services import invitations


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class AcceptInvitation(View):
    """The page behind the link; used, revoked, expired and made-up links look the same."""

    def get(self, request: HttpRequest, secret: str) -> HttpResponse:
        """A form for name and password."""
        return self._answer(request, secret)

    def post(self, request: HttpRequest, secret: str) -> HttpResponse:
        """Make the account and sign in."""
        return self._answer(request, secret)

    def _answer(self, request: HttpRequest, secret: str) -> HttpResponse:
        try:
            invitation = invitations.invitation_behind(secret)
            form = AcceptInvitationForm(
                request.POST if request.method == "POST" else None, email=invitation.email
            )
            if form.is_valid():
                user = invitations.accept(secret=secret, **form.cleaned_data)
                login(request, user, backend="django.contrib.auth.backends.ModelBackend")
                return redirect("datasets:list")
        except NotFound:
            return render(request, "sharing/invitation_closed.html", status=404)
        except ServiceError as error:
            form.add_service_error(error)
        return render(
            request,
            "sharing/accept_invitation.html",
            {"form": form, "invitation": invitation},
            status=400 if form.is_bound else 200,
        )
