"""Signing in and out, and getting a new password by e-mail."""

from django.contrib.auth import views as auth_views
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.views.generic import FormView

from sharing.forms import NewPasswordForm, PasswordResetForm, SignInForm
from sharing.tasks import send_password_reset


class SignIn(auth_views.LoginView):
    """Address and password; django-axes stands before it (sharing.throttling)."""

    form_class = SignInForm
    template_name = "sharing/sign_in.html"
    redirect_authenticated_user = True


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
