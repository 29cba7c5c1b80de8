"""Signing in and out, and getting a new password by e-mail."""

from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse_lazy
from django.views.generic import FormView

from sharing.forms import NewPasswordForm, PasswordResetForm, SignInForm
from sharing.tasks import send_password_reset
from sharing.throttling import attempts_left, lockout_minutes

WARN_AT = 2
"""The number of attempts left at which the page begins to tell of it."""


class SignIn(auth_views.LoginView):
    """Address and password; django-axes stands before it (sharing.throttling)."""

    form_class = SignInForm
    template_name = "sharing/sign_in.html"
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Say what is wrong and, before the account is locked, how close that is."""
        left = attempts_left(self.request)
        if left is not None and 0 < left <= WARN_AT:
            form.add_error(None, _warning(left))
        return super().form_invalid(form)


def _warning(left: int) -> str:
    minutes = lockout_minutes()
    return (
        f"{left} attempt{pluralize(left)} left: after that, this account can't be signed in to "
        f"from here for {minutes} minute{pluralize(minutes)}. Ask for a new password if you forgot "
        "yours."
    )


class SignOut(auth_views.LogoutView):
    """Ends the session, and with it the page tokens made from it; POST only."""

    http_method_names = ["post", "options"]


class PasswordReset(FormView):  # type: ignore[type-arg]
    """Asks for an address, and answers all alike and in the same time.

    Whether there is such an account is looked up by a worker.
    """

    form_class = PasswordResetForm
    template_name = "sharing/password_reset.html"
    success_url = reverse_lazy("sharing:password-reset-sent")

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Leave the rest to a worker."""
        send_password_reset.delay(form.cleaned_data["email"])
        return super().form_valid(form)


class PasswordResetSent(auth_views.PasswordResetDoneView):
    """Says that a mail is on its way if there is an account."""

    template_name = "sharing/password_reset_sent.html"


class PasswordResetConfirm(auth_views.PasswordResetConfirmView):
    """Takes a new password from whoever has the mailed link."""

    form_class = NewPasswordForm
    template_name = "sharing/password_reset_confirm.html"
    success_url = reverse_lazy("sharing:password-reset-done")


class PasswordResetDone(auth_views.PasswordResetCompleteView):
    """Says that the password was changed."""

    template_name = "sharing/password_reset_done.html"
