"""The admin's page on which an operator has images on the server's disk converted."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html

from conversion.services.converting_orders import convert_path
from datasets.properties import LengthUnit, VoxelSize, is_voxel_length
from sharing.admin.display import link_to
from sharing.admin.scoped import acting, scoped_admin_of
from sharing.errors import ServiceError
from sharing.models import Organization

_AXES = ("x", "y", "z")


class ConversionForm(forms.Form):
    """What is to be converted, and what it becomes."""

    path = forms.CharField(
        widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
        help_text="A file or folder on the server. It is read, and stays as it is.",
    )
    organization = forms.ModelChoiceField(Organization.objects.none(), empty_label=None)
    name = forms.CharField(label="Name of the dataset", max_length=512)
    x = forms.FloatField(label="Voxel size x", required=False)
    y = forms.FloatField(label="Voxel size y", required=False)
    z = forms.FloatField(
        label="Voxel size z",
        required=False,
        help_text="Leave all three empty to take what the files say.",
    )
    unit = forms.ChoiceField(
        choices=[(unit.value, unit.value) for unit in LengthUnit], initial=LengthUnit.NANOMETER
    )

    def __init__(self, organizations: Any, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["organization"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 (see above)
        field.queryset = organizations

    def clean(self) -> dict[str, Any]:
        """A voxel size is there as a whole or not at all."""
        said = self.cleaned_data
        lengths = [said.get(axis) for axis in _AXES]
        if any(length is not None for length in lengths) and not all(
            length is not None and is_voxel_length(length) for length in lengths
        ):
            self.add_error("z", "Give three numbers above 0, or none.")
        return said

    def voxel_size(self) -> VoxelSize | None:
        """What the person said, once the form is valid."""
        said = self.cleaned_data
        if said["x"] is None:
            return None
        factor = (said["x"], said["y"], said["z"])
        return VoxelSize(factor=factor, unit=LengthUnit(said["unit"]))


def order_conversion(site: admin.AdminSite, request: HttpRequest) -> HttpResponse:
    """Ask what to convert, and order it."""
    table = scoped_admin_of(site, Organization)
    assert table is not None  # noqa: S101 (it is registered)
    organizations = table.scope(request, Organization.objects.order_by("name"))
    form = ConversionForm(organizations, request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            job = convert_path(
                actor=acting(request),
                organization_id=said["organization"].pk,
                name=said["name"],
                path=said["path"],
                voxel_size=form.voxel_size(),
            )
        except ServiceError as error:
            for text in error.messages:
                form.add_error(None, text)
        else:
            sentence = format_html("The conversion of {} waits: {}.", said["path"], link_to(job))
            messages.success(request, sentence)
            return redirect("admin:conversion_job_changelist")
    context = {
        **site.each_context(request),
        "title": "Convert images on the server's disk",
        "form": form,
        "places": settings.ALLOWED_DATA_PATHS,
    }
    return render(request, "admin/conversion/job/convert.html", context)
