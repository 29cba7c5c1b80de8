"""The Import page: asks for what could not be inferred of data that was found on disk."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from datasets.access import Action, dataset_for
from datasets.properties import Category, Layer, LengthUnit, VoxelSize
from datasets.services import importing
from datasets.services.importing import LayerAnswers, Questions
from sharing.errors import Conflict, Invalid

from .actor import actor_of

_UNITS = [(unit.value, f"{unit.value} ({unit.symbol})") for unit in LengthUnit]
_LARGEST_ID = 2**64 - 1


class VoxelSizeForm(forms.Form):
    """The size of a voxel of the finest mag."""

    x = forms.FloatField(min_value=0, label="x")
    y = forms.FloatField(min_value=0, label="y")
    z = forms.FloatField(min_value=0, label="z")
    unit = forms.ChoiceField(choices=_UNITS, initial=LengthUnit.NANOMETER)

    def voxel_size(self) -> VoxelSize:
        """What the person said, once the form is valid."""
        said = self.cleaned_data
        return VoxelSize(factor=(said["x"], said["y"], said["z"]), unit=LengthUnit(said["unit"]))


class LayerForm(forms.Form):
    """What a person may correct or add about one inferred layer."""

    category = forms.ChoiceField(choices=[(entry.value, entry.value) for entry in Category])
    largest_segment_id = forms.IntegerField(
        min_value=0, max_value=_LARGEST_ID, required=False, label="Largest segment id"
    )

    def __init__(self, layer: Layer, *args: Any, **kwargs: Any) -> None:
        self.layer = layer
        super().__init__(*args, **kwargs)
        self.initial = {
            "category": layer.category,
            "largest_segment_id": layer.largest_segment_id,
        }

    def answers(self) -> LayerAnswers:
        """What the person said, once the form is valid."""
        category = Category(self.cleaned_data["category"])
        largest = self.cleaned_data["largest_segment_id"]
        is_segmentation = category is Category.SEGMENTATION
        return LayerAnswers(
            category=category, largest_segment_id=largest if is_segmentation else None
        )


@require_http_methods(["GET", "HEAD", "POST"])
def import_dataset(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """Ask, then import; what is wrong with the answers is said beside them."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id, Action.EDIT)
    try:
        questions = importing.questions_of(dataset)
    except Conflict as error:
        messages.info(request, str(error))
        return redirect("datasets:status", dataset)
    voxel_size, layers = _forms(questions, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 400
        if voxel_size.is_valid() and all(form.is_valid() for form in layers):
            try:
                importing.import_dataset(
                    actor=actor,
                    dataset=dataset,
                    voxel_size=voxel_size.voxel_size(),
                    layers={form.layer.name: form.answers() for form in layers},
                )
            except Invalid as error:
                for text in error.messages:
                    voxel_size.add_error(None, text)
            else:
                messages.success(request, f"'{dataset}' was imported.")
                return redirect("datasets:status", dataset)
    context = {
        "dataset": dataset,
        "questions": questions,
        "voxel_size": voxel_size,
        "layers": layers,
    }
    return render(request, "datasets/import.html", context, status=status)


def _forms(questions: Questions, data: Any) -> tuple[VoxelSizeForm, list[LayerForm]]:
    inferred = questions.voxel_size
    initial: dict[str, Any] = {}
    if inferred is not None:
        initial = dict(zip("xyz", inferred.factor, strict=True)) | {"unit": inferred.unit}
    layers = [
        LayerForm(layer, data, prefix=f"layer{place}")
        for place, layer in enumerate(questions.layers)
    ]
    return VoxelSizeForm(data, initial=initial), layers
