"""The Import page: asks for what could not be inferred of data that was found on disk."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from datasets.access import Action, dataset_for
from datasets.properties import (
    BoundingBox,
    Category,
    DataFormat,
    Layer,
    LengthUnit,
    VoxelSize,
    is_voxel_length,
)
from datasets.services import importing
from datasets.services.importing import LayerAnswers, Questions
from sharing.errors import Conflict, Invalid

from .actor import actor_of

_USUAL_UNITS = (
    LengthUnit.NANOMETER,
    LengthUnit.MICROMETER,
    LengthUnit.MILLIMETER,
    LengthUnit.ANGSTROM,
)
# Keeps sums and products of coordinates inside 64 bits.
_FARTHEST = 2**40
_CORNER = ("min_x", "min_y", "min_z")
_SIZE = ("width", "height", "depth")


def _unit_choices() -> list[Any]:
    named = {unit: (unit.value, f"{unit.value} ({unit.symbol})") for unit in LengthUnit}
    others = [choice for unit, choice in named.items() if unit not in _USUAL_UNITS]
    return [*(named[unit] for unit in _USUAL_UNITS), ("Other units", others)]


class LengthField(forms.FloatField):
    """A length: a finite number above 0, of any precision."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.NumberInput(attrs={"min": 0, "step": "any"}), **kwargs)

    def validate(self, value: float) -> None:
        super().validate(value)
        if value is not None and value <= 0:
            raise forms.ValidationError("Give a number above 0.")
        if value is not None and not is_voxel_length(value):
            raise forms.ValidationError("Choose a unit in which this is a usual number.")


class WholeNumberField(forms.IntegerField):
    """A whole number between two; one sentence says so, whatever is wrong."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        sentence = f"Give a whole number from {low} to {high}."
        wrong = dict.fromkeys(("invalid", "min_value", "max_value"), sentence)
        super().__init__(min_value=low, max_value=high, error_messages=wrong, **kwargs)


class VoxelSizeForm(forms.Form):
    """The size of a voxel of the finest mag."""

    x = LengthField(label="x")
    y = LengthField(label="y")
    z = LengthField(label="z")
    unit = forms.ChoiceField(choices=_unit_choices, initial=LengthUnit.NANOMETER)

    def voxel_size(self) -> VoxelSize:
        """What the person said, once the form is valid."""
        said = self.cleaned_data
        return VoxelSize(factor=(said["x"], said["y"], said["z"]), unit=LengthUnit(said["unit"]))


class LayerForm(forms.Form):
    """What a person may correct or add about one inferred layer."""

    def __init__(self, layer: Layer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.layer = layer
        is_integer = layer.element_class.is_integer
        categories = list(Category) if is_integer else [Category.COLOR]
        self.fields["category"] = forms.ChoiceField(
            choices=[(entry.value, entry.value) for entry in categories]
        )
        if is_integer:
            self.fields["largest_segment_id"] = WholeNumberField(
                0,
                layer.element_class.largest_segment_id,
                required=False,
                label="Largest segment id",
            )
        for name, axis in zip(_CORNER, "xyz", strict=True):
            self.fields[name] = WholeNumberField(-_FARTHEST, _FARTHEST, label=f"Corner {axis}")
        for name in _SIZE:
            self.fields[name] = WholeNumberField(1, _FARTHEST, label=name.capitalize())
        box = layer.bounding_box
        self.initial = {
            "category": layer.category,
            "largest_segment_id": layer.largest_segment_id,
            **dict(zip(_CORNER, box.top_left, strict=True)),
            **{name: n or None for name, n in zip(_SIZE, box.size, strict=True)},
        }

    @property
    def box_rows(self) -> list[list[forms.BoundField]]:
        """The fields of the bounding box: of its corner, and of its size."""
        return [[self[name] for name in names] for names in (_CORNER, _SIZE)]

    @property
    def asks_for_box(self) -> bool:
        """Whether the box is unknown, known in whole files only, or was said wrongly."""
        is_coarse = self.layer.data_format is DataFormat.WKW
        is_wrong = any(field.errors for row in self.box_rows for field in row)
        return is_coarse or is_wrong or bool(self.non_field_errors())

    @property
    def is_segmentation(self) -> bool:
        """Whether the category that is shown is segmentation."""
        return bool(self["category"].value() == Category.SEGMENTATION)

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if said.get("category") == Category.COLOR:
            # The field is not shown then, and neither would be what is wrong with it.
            self.errors.pop("largest_segment_id", None)
        box = self._box()
        if box is not None and (problem := importing.box_problem(self.layer, box)):
            self.add_error(None, problem)
        return said

    def answers(self) -> LayerAnswers:
        """What the person said, once the form is valid."""
        category = Category(self.cleaned_data["category"])
        largest = self.cleaned_data.get("largest_segment_id")
        return LayerAnswers(
            category=category,
            bounding_box=self._box(),
            largest_segment_id=largest if category is Category.SEGMENTATION else None,
        )

    def _box(self) -> BoundingBox | None:
        said = self.cleaned_data
        if not {*_CORNER, *_SIZE} <= said.keys():
            return None
        x, y, z, width, height, depth = (said[name] for name in (*_CORNER, *_SIZE))
        return BoundingBox.of((x, y, z), (width, height, depth))


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
        if all([voxel_size.is_valid(), *(form.is_valid() for form in layers)]):
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
