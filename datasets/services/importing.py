"""Imports a dataset of which not everything could be inferred, once a person has said the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datasets.access import Action, require
from datasets.models import Dataset
from datasets.properties import BoundingBox, Category, DataSource, Layer, VoxelSize
from sharing.access import Actor
from sharing.errors import Conflict, Invalid

from .settings_file import save_data_source
from .stored_json import restored


@dataclass(frozen=True)
class LayerAnswers:
    """What a person says of an inferred layer; None keeps what was inferred."""

    name: str | None = None
    category: Category | None = None
    bounding_box: BoundingBox | None = None
    largest_segment_id: int | None = None


@dataclass(frozen=True)
class Questions:
    """What the Import page is prefilled with.

    `missing` names what has to be said, `problems` are sentences on what is in doubt or left out.
    """

    voxel_size: VoxelSize | None
    layers: tuple[Layer, ...]
    missing: tuple[str, ...]
    problems: tuple[str, ...]


def questions_of(dataset: Dataset) -> Questions:
    """What was inferred of the dataset. Raises Conflict for one that is imported already."""
    document = _inferred(dataset)
    scale = document["scale"]
    return Questions(
        voxel_size=VoxelSize.model_validate(scale) if scale else None,
        layers=tuple(Layer.model_validate(layer) for layer in document["dataLayers"]),
        missing=tuple(document["missing"]),
        problems=tuple(document["problems"]),
    )


def import_dataset(
    *,
    actor: Actor,
    dataset: Dataset,
    voxel_size: VoxelSize,
    layers: Mapping[str, LayerAnswers] | None = None,
) -> bool:
    """Import the dataset with what was inferred and the answers, by inferred layer name; whether
    its properties file could be written.

    Raises Invalid with every problem, Conflict for a dataset that is imported already.
    """
    require(actor, Action.EDIT, dataset)
    questions = questions_of(dataset)
    answers = dict(layers or {})
    if unknown := answers.keys() - {layer.name for layer in questions.layers}:
        raise Invalid(f"'{dataset}' has no layer '{min(unknown)}'; reload the page.")
    boxes = [
        box_problem(layer, said.bounding_box)
        for layer in questions.layers
        if (said := answers.get(layer.name)) and said.bounding_box
    ]
    if wrong := [problem for problem in boxes if problem]:
        raise Invalid(*wrong)
    answered = [_answered(layer, answers.get(layer.name)) for layer in questions.layers]
    data_source = DataSource(
        id=_inferred(dataset)["id"], voxel_size=voxel_size, layers=tuple(answered)
    )
    return save_data_source(actor=actor, dataset=dataset, data_source=data_source)


def box_problem(layer: Layer, box: BoundingBox) -> str:
    """Why the inferred layer can't have this box, as a sentence; empty where it can.

    Metadata and the files of a mag say where voxels can be at most; WKW in whole files only.
    """
    if box.is_empty:
        return f"The bounding box of layer '{layer.name}' is empty; give sizes of at least 1."
    found = layer.bounding_box
    if found.is_empty or found.intersection(box) == box:
        return ""
    size, corner = (
        _listed(found.size, " \N{MULTIPLICATION SIGN} "),
        _listed(found.top_left, ", "),
    )
    return (
        f"The bounding box of layer '{layer.name}' reaches beyond its data, which lies in "
        f"{size} voxels from {corner}; keep it within."
    )


def _listed(numbers: Iterable[int], separator: str) -> str:
    return separator.join(map(str, numbers))


def _inferred(dataset: Dataset) -> dict[str, Any]:
    if dataset.status != Dataset.Status.NOT_IMPORTED or dataset.inferred_properties is None:
        raise Conflict(f"'{dataset}' is not waiting to be imported.")
    return dict(restored(dataset.inferred_properties))


def _answered(layer: Layer, answers: LayerAnswers | None) -> Layer:
    if answers is None:
        return layer
    named = {
        "category": answers.category,
        "bounding_box": answers.bounding_box,
        "largest_segment_id": answers.largest_segment_id,
    }
    said = {field: value for field, value in named.items() if value is not None}
    return layer.renamed(answers.name or layer.name).model_copy(update=said)
