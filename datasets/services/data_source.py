"""Stores a data source in the tables and loads it from there, without loss.

The only writer of layers, mags and attachments. What may be stored is judged by `problems`; where
the mags really lie is for datasets.disk.places.
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, prefetch_related_objects

from datasets import properties
from datasets.models import Attachment, Dataset, Layer, Mag, StorageCredential
from datasets.properties import DataSource, validation
from datasets.properties.files import check_readable
from sharing import generation
from sharing.errors import Conflict

from .rows import JsonObject, LayerRows, layer_document, scale_of
from .stored_json import restored


def change(dataset: Dataset, **values: Any) -> None:
    """Write those of these columns that differ; they must not be about who may see the dataset.

    Unlike `save()` it leaves the derived permissions alone, which makes it cheap in a scan. The
    caller holds the dataset's lock.
    """
    _write(dataset, {k: value for k, value in values.items() if getattr(dataset, k) != value})


def _write(dataset: Dataset, values: JsonObject) -> None:
    if not values:
        return
    for name, value in values.items():
        setattr(dataset, name, value)
    Dataset.objects.filter(pk=dataset.pk).update(**values)
    generation.bump_on_commit()


def load(dataset: Dataset) -> DataSource:
    """The dataset's data source; three queries, none where layers, mags and attachments are
    prefetched.

    Raises Conflict for a dataset of which nothing is known yet.
    """
    if dataset.voxel_size is None:
        raise Conflict(f"'{dataset}' has no layers: {dataset.status or 'it is empty.'}")
    layers = sorted(dataset.layers.all(), key=lambda layer: layer.position)
    prefetch_related_objects(layers, "mags", "attachments")
    extra = dataset.extra_properties
    document = {
        **extra,
        "scale": {**extra.get("scale", {}), **scale_of(dataset)},
        "dataLayers": [
            layer_document(layer, _as_stored(layer.mags.all()), _as_stored(layer.attachments.all()))
            for layer in layers
        ],
        "defaultViewConfiguration": dataset.default_view_configuration,
    }
    return DataSource.model_validate(restored(document))


def load_with_id(dataset: Dataset) -> DataSource:
    """The data source as clients get it: with the `id` that the public library demands, whatever
    the file on disk calls itself.
    """
    identity = {"name": dataset.directory_name, "team": dataset.organization_id}
    return load(dataset).model_copy(update={"id": identity})


def problems(data_source: DataSource) -> list[str]:
    """Why the data source can't be stored and used, each as a sentence; empty where it can."""
    try:
        check_readable(data_source.to_json())  # else it could be stored, but not loaded again
    except ValueError as error:
        return [f"The properties can't be stored: {error}."]
    return validation.problems(data_source) or _column_problems(data_source)


@transaction.atomic
def store(dataset: Dataset, data_source: DataSource) -> None:
    """Make the dataset's rows say what the valid `data_source` says.

    A layer for which the data source does not mention an `adminViewConfiguration` keeps the one it
    has. The dataset's version grows if anything but view configurations changed.
    """
    locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    stored = load(locked) if locked.voxel_size is not None else None
    if stored is not None:
        data_source = _with_kept_admin_views(stored, data_source)
        if stored == data_source:
            return
        locked.layers.all().delete()
    _insert_layers(dataset, data_source)
    document = data_source.to_json()
    scale = document.pop("scale")
    x, y, z = scale.pop("factor")
    unit = scale.pop("unit", properties.LengthUnit.NANOMETER.value)
    del document["dataLayers"]
    default_view_configuration = document.pop("defaultViewConfiguration", None)
    grows = stored is not None and _without_views(stored) != _without_views(data_source)
    values = {
        "voxel_size_x": x,
        "voxel_size_y": y,
        "voxel_size_z": z,
        "voxel_size_unit": unit,
        "default_view_configuration": default_view_configuration,
        "extra_properties": {**document, **({"scale": scale} if scale else {})},
        "version": locked.version + (1 if grows else 0),
    }
    _write(dataset, values)
    dataset.refresh_from_db(fields=["layers"])  # forgets the layers that were prefetched


@transaction.atomic
def clear(dataset: Dataset) -> None:
    """Remove layers and voxel size of a dataset whose data is gone.

    The default views that were saved for its layers move to the dataset's, where they count the
    same, so that they are still there when the data comes back.
    """
    views = dict(dataset.admin_view_configuration or {})
    layer_views: JsonObject = dict(views.get("layers", {}))
    for layer in dataset.layers.exclude(admin_view_configuration=None):
        saved = layer.admin_view_configuration or {}
        layer_views[layer.name] = {**saved, **layer_views.get(layer.name, {})}
    if layer_views:
        views["layers"] = layer_views
    dataset.layers.all().delete()
    change(
        dataset,
        voxel_size_x=None,
        voxel_size_y=None,
        voxel_size_z=None,
        voxel_size_unit="",
        admin_view_configuration=views or None,
        version=dataset.version + 1,
    )


def _insert_layers(dataset: Dataset, data_source: DataSource) -> None:
    named = {
        mag.credential_id for layer in data_source.layers for mag in layer.mags if mag.credential_id
    }
    credential_ids = set(
        StorageCredential.objects.filter(
            organization=dataset.organization_id, pk__in=named
        ).values_list("pk", flat=True)
        if named
        else ()
    )
    rows = [
        LayerRows(dataset, position, layer, credential_ids)
        for position, layer in enumerate(data_source.layers)
    ]
    Layer.objects.bulk_create([row.layer for row in rows])
    Mag.objects.bulk_create([mag for row in rows for mag in row.mags])
    Attachment.objects.bulk_create([file for row in rows for file in row.attachments])


def _with_kept_admin_views(stored: DataSource, data_source: DataSource) -> DataSource:
    layers = []
    for layer in data_source.layers:
        before = stored.layer(layer.name)
        if before and "admin_view_configuration" not in layer.model_fields_set:
            kept = before.admin_view_configuration
            layer = layer.model_copy(update={"admin_view_configuration": kept})
        layers.append(layer)
    return data_source.model_copy(update={"layers": tuple(layers)})


def _without_views(data_source: DataSource) -> DataSource:
    nothing: JsonObject = {"default_view_configuration": {}, "admin_view_configuration": {}}
    layers = tuple(layer.model_copy(update=nothing) for layer in data_source.layers)
    return data_source.model_copy(update={"default_view_configuration": {}, "layers": layers})


def _column_problems(data_source: DataSource) -> list[str]:
    """What no column can hold: numbers beyond 64 bits, names beyond some hundred characters."""
    found = []
    for position, layer in enumerate(data_source.layers):
        rows = LayerRows(Dataset(), position, layer, ())
        for row in (rows.layer, *rows.mags, *rows.attachments):
            found += [f"Layer '{layer.name[:64]}': {text}" for text in _column_problems_of(row)]
    return found


def _column_problems_of(row: Model) -> Iterable[str]:
    try:
        row.clean_fields(exclude={"dataset", "layer", "credential"})
    except ValidationError as error:
        for field, messages in error.message_dict.items():
            for message in messages:
                yield f"{row._meta.verbose_name} {field.replace('_', ' ')}: {message}"


def _as_stored(rows: Iterable[Any]) -> list[Any]:
    """In the order of the properties file, in which they were inserted."""
    return sorted(rows, key=lambda row: row.pk)
