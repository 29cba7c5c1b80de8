"""The forms of the people pages; what they mean is the services' business."""

from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone

from .errors import ServiceError
from .models import Team, User


class PageForm(forms.BaseForm):
    """Gives the inputs of a form the look of the site's pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = _css_class(field.widget)

    def add_service_error(self, error: ServiceError) -> None:
        """Show what the service objected to above the form."""
        for message in error.messages:
            self.add_error(None, message)


def _css_class(widget: forms.Widget) -> str:
    match widget:
        case forms.CheckboxSelectMultiple():
            return ""
        case forms.CheckboxInput():
            return "form-check-input"
        case forms.Select():
            return "form-select"
    return "form-control"


class SignInForm(PageForm, auth_forms.AuthenticationForm):
    """E-mail address and password."""

    error_messages = {
        "invalid_login": (
            "Address and password don't belong together, or the account is deactivated. "
            "Mind upper and lower case in the password, or ask for a new one."
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "E-mail address"


class PasswordResetForm(PageForm, forms.Form):
    """Whose password is forgotten."""

    email = forms.EmailField(
        max_length=254,
        label="E-mail address",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class NewPasswordForm(PageForm, auth_forms.SetPasswordForm):  # type: ignore[type-arg]
    """A new password, by a link from an e-mail."""


class ChangePasswordForm(PageForm, auth_forms.PasswordChangeForm):
    """A new password, by the old one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # It stands below another form: the page opens at its top, not here.
        self.fields["old_password"].widget.attrs.pop("autofocus", None)


class NameForm(PageForm, forms.Form):
    """What a person is called."""

    first_name = forms.CharField(max_length=128, required=False)
    last_name = forms.CharField(max_length=128, required=False)


class MailsForm(PageForm, forms.Form):
    """Which mails a person wants."""

    is_mailed_when_done = forms.BooleanField(
        required=False,
        label="Mail me when my work is done",
        help_text="Work that takes long, such as a conversion: that it is done, or why it failed.",
    )


class AcceptInvitationForm(NameForm):
    """What a new account lacks: a name and a password."""

    password = forms.CharField(
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, not only digits, and nothing that many people use.",
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        """Check the password against the person's own name and address, too."""
        data: dict[str, Any] = super().clean() or {}
        if password := data.get("password"):
            person = User(
                email=self.email,
                first_name=data.get("first_name", ""),
                last_name=data.get("last_name", ""),
            )
            try:
                validate_password(password, person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data


class TokenForm(PageForm, forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=128, help_text="What it is for, such as 'analysis script'.")
    last_day = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Optional: it stops working after this day.",
    )

    def expires(self) -> datetime | None:
        """The end of the last day."""
        day = self.cleaned_data["last_day"]
        return timezone.make_aware(datetime.combine(day, time.max)) if day else None


class TeamForm(PageForm, forms.Form):
    """A new team."""

    name = forms.CharField(max_length=128)


class MemberForm(PageForm, forms.Form):
    """Who joins a team."""

    user = forms.ModelChoiceField(queryset=User.objects.none(), label="Person")
    is_manager = forms.BooleanField(required=False, label="as team manager")

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["user"]
        choices.queryset = User.objects.filter(
            organization=team.organization_id, is_active=True
        ).exclude(memberships__team=team)


class RolesForm(forms.Form):
    """Somebody's roles."""

    is_admin = forms.BooleanField(required=False)
    is_dataset_manager = forms.BooleanField(required=False)


class InvitationForm(PageForm, forms.Form):
    """Who is invited, and as what."""

    email = forms.EmailField(label="E-mail address")
    teams = forms.ModelMultipleChoiceField(
        queryset=Team.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Teams, besides the one for everybody",
    )
    is_admin = forms.BooleanField(required=False, label="Admin")
    is_dataset_manager = forms.BooleanField(required=False, label="Dataset manager")

    def __init__(self, *args: Any, organization_id: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["teams"]
        choices.queryset = Team.objects.filter(organization=organization_id, is_default=False)
