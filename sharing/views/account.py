"""A person's own pages: name, password, mails, API tokens."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from sharing.access import actor_for
from sharing.errors import NotSignedIn, ServiceError
from sharing.forms import ChangePasswordForm, MailsForm, NameForm, TokenForm
from sharing.models import User
from sharing.services import people, tokens


def signed_in(request: HttpRequest) -> User:
    """The person behind the page; raises NotSignedIn, which leads to the sign-in page."""
    if not isinstance(request.user, User):
        raise NotSignedIn("Sign in first.")
    return request.user


class Account(LoginRequiredMixin, View):
    """Name, password and mails of the person who looks."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """All forms."""
        return _account_page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Change the name."""
        form = NameForm(request.POST)
        if not form.is_valid():
            return _account_page(request, name_form=form)
        user = signed_in(request)
        people.rename(actor=actor_for(user), user=user, **form.cleaned_data)
        messages.success(request, "Your name was changed.")
        return redirect("sharing:account")


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ChangePassword(LoginRequiredMixin, View):
    """Takes the account page's second form."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Its form stands on the account page."""
        return redirect("sharing:account")

    def post(self, request: HttpRequest) -> HttpResponse:
        """Change the password; every other session of the person ends."""
        form = ChangePasswordForm(signed_in(request), request.POST)
        if not form.is_valid():
            return _account_page(request, password_form=form)
        update_session_auth_hash(request, form.save())
        messages.success(request, "Your password was changed. You were signed out elsewhere.")
        return redirect("sharing:account")


class ChooseMails(LoginRequiredMixin, View):
    """Takes the account page's third form."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Its form stands on the account page."""
        return redirect("sharing:account")

    def post(self, request: HttpRequest) -> HttpResponse:
        """Say which mails the person wants."""
        form = MailsForm(request.POST)
        form.full_clean()  # whatever is sent, a box is ticked or not
        people.choose_mails(user=signed_in(request), **form.cleaned_data)
        messages.success(request, "Your choice of mails was saved.")
        return redirect("sharing:account")


def _account_page(
    request: HttpRequest,
    *,
    name_form: NameForm | None = None,
    password_form: ChangePasswordForm | None = None,
) -> HttpResponse:
    user = signed_in(request)
    name = {"first_name": user.first_name, "last_name": user.last_name}
    return render(
        request,
        "sharing/account.html",
        {
            "name_form": name_form or NameForm(initial=name),
            "password_form": password_form or ChangePasswordForm(user),
            "mails_form": MailsForm(initial={"is_mailed_when_done": user.is_mailed_when_done}),
        },
        status=400 if name_form or password_form else 200,
    )


@method_decorator(never_cache, name="dispatch")
class Tokens(LoginRequiredMixin, View):
    """The person's API tokens."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The list, and a form for a new one."""
        return _tokens_page(request, TokenForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make a token; its secret stands in this answer and nowhere else."""
        form = TokenForm(request.POST)
        if form.is_valid():
            try:
                token, secret = tokens.create_token(
                    user=signed_in(request),
                    name=form.cleaned_data["name"],
                    expires=form.expires(),
                )
            except ServiceError as error:
                form.add_service_error(error)
            else:
                return _tokens_page(request, TokenForm(), new_token=token.name, secret=secret)
        return _tokens_page(request, form, status=400)


class RevokeToken(LoginRequiredMixin, View):
    """Revokes one of the person's API tokens."""

    def post(self, request: HttpRequest, token_id: str) -> HttpResponse:
        """It stops working at once."""
        try:
            tokens.revoke_token(user=signed_in(request), token_id=token_id)
        except ServiceError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "The token was revoked and works no longer.")
        return redirect("sharing:tokens")


def _tokens_page(
    request: HttpRequest, form: TokenForm, *, status: int = 200, **new: str
) -> HttpResponse:
    usable = tokens.tokens_of(signed_in(request))
    return render(
        request, "sharing/tokens.html", {"form": form, "tokens": usable, **new}, status=status
    )
