"""Data stores, and the keys to storages outside, in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet, URLField
from django.http import HttpRequest
from django.utils.safestring import SafeString

from datasets.models import Dataset, DataStore, StorageCredential
from sharing.admin.display import list_link
from sharing.admin.scoped import (
    OneOrganizationForm,
    OrganizationScopedAdmin,
    ScopedRelatedFilter,
)


@admin.register(DataStore)
class DataStoreAdmin(OrganizationScopedAdmin):
    """Data stores are the whole site's: superusers only."""

    organization_path = None
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    fields = (
        *("name", "url", "public_url", "is_scratch", "allows_upload", "allows_upload_to_paths"),
        *("reports_used_storage", "only_allowed_organization"),
    )
    autocomplete_fields = ("only_allowed_organization",)
    list_display = ("name", "public_url", "allows_upload", "only_allowed_organization", "datasets")
    list_select_related = ("only_allowed_organization",)
    search_fields = ("name", "url", "public_url")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The name is its key: rows refer to it."""
        return () if obj is None else ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataStore]:
        """Data stores with the number that the list shows."""
        rows: QuerySet[DataStore] = (
            super().get_queryset(request).annotate(dataset_count=Count("datasets"))
        )
        return rows

    @admin.display(description="Datasets", ordering="dataset_count")
    def datasets(self, row: DataStore) -> SafeString:
        """How many datasets, linked to them."""
        return list_link(Dataset, row.dataset_count, data_store__name__exact=row.pk)  # type: ignore[attr-defined]


class StorageCredentialForm(OneOrganizationForm):
    """A credential with its secret, which is taken and never shown again."""

    secret = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        required=False,
        strip=False,
        help_text="Password, secret key or service account JSON. It is stored encrypted and never "
        "shown again; leave it empty to keep the one that is stored.",
    )

    def clean_secret(self) -> str:
        """A new credential needs its secret."""
        secret: str = self.cleaned_data["secret"]
        if not secret and self.instance._state.adding:
            raise forms.ValidationError("A new credential needs its secret.")
        return secret

    def save(self, commit: bool = True) -> Any:
        """Replace the secret where one was typed."""
        if self.cleaned_data["secret"]:
            self.instance.set_secret(self.cleaned_data["secret"])
        return super().save(commit)


@admin.register(StorageCredential)
class StorageCredentialAdmin(OrganizationScopedAdmin):
    """Keys to storages outside; their secrets are write-only."""

    form = StorageCredentialForm
    shown_people = ("created_by",)
    fields = (
        *("organization", "name", "kind", "scope", "identifier", "secret"),
        *("created_by", "created", "last_used"),
    )
    readonly_fields = ("created_by", "created", "last_used")
    autocomplete_fields = ("organization",)
    list_display = ("name", "organization", "kind", "scope", "mags", "created_by", "last_used")
    list_filter = ("kind", ("organization", ScopedRelatedFilter))
    list_select_related = ("organization",)
    search_fields = ("name", "scope", "identifier")
    date_hierarchy = "created"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StorageCredential]:
        """Credentials with the number that the list shows."""
        rows: QuerySet[StorageCredential] = (
            super().get_queryset(request).annotate(mag_count=Count("mags"))
        )
        return rows

    def save_model(
        self, request: HttpRequest, obj: StorageCredential, form: Any, change: bool
    ) -> None:
        """A new credential remembers who made it."""
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    @admin.display(description="Used by mags", ordering="mag_count")
    def mags(self, row: StorageCredential) -> int:
        """How many mags are read with it."""
        return int(row.mag_count)  # type: ignore[attr-defined]
