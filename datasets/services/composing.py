"""Datasets composed of other datasets' layers, mags and attachments, without copying any data.

What is referred to is taken as it is now: later changes of the source's properties don't follow.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from datasets.access import Action, not_found, require, require_creation
from datasets.models import Dataset
from datasets.properties import (
    BoundingBox,
    CoordinateTransformation,
    DataSource,
    Layer,
    Mag,
    VoxelSize,
)
from datasets.properties.files import LAYER_LIMIT
from sharing.access import Actor
from sharing.errors import Invalid

from .composing_scale import common_voxel_size, in_voxel_size
from .creation import create_dataset
from .data_source import load, problems, store
from .data_source_parts import layer_named, with_attachment, with_layer, with_mag
from .references import Source, look_at_places, require_one_store, source_for, write_down
from .settings_file import noticing_changes, publish, require_unchanged

Link = tuple[str, str, str]
"""The id of a dataset, the name of a layer of it, and the name that the layer gets."""


@dataclass(frozen=True)
class ComposedLayer:
    """A layer of a dataset to be composed. Without `transformations` the layer keeps its own."""

    dataset_id: str
    source_name: str
    new_name: str
    transformations: tuple[CoordinateTransformation, ...] = ()


def compose(
    *,
    actor: Actor,
    organization_id: str,
    name: str,
    layers: Sequence[ComposedLayer],
    folder_id: str | None = None,
    voxel_size: VoxelSize | None = None,
) -> Dataset:
    """A new virtual dataset of these layers.

    Raises NotFound for sources that `actor` may not view, NotAllowed for those that they may not
    refer to, Conflict for those that can't be used, Invalid for layers that do not go together
    (composing_scale) and as create_dataset does.
    """
    require_creation(actor, organization_id)
    _require_few(layers)
    sources = {
        dataset_id: source_for(actor, dataset_id)
        for dataset_id in dict.fromkeys(layer.dataset_id for layer in layers)
    }
    data_source = _composed(sources, layers, voxel_size)
    if found := problems(data_source):
        raise Invalid(*found)
    with transaction.atomic():
        dataset = create_dataset(
            actor=actor,
            organization_id=organization_id,
            name=name,
            folder_id=folder_id,
            creation_type=Dataset.CreationType.COMPOSE,
            is_virtual=True,
        )
        require_one_store([dataset, *(source.dataset for source in sources.values())])
        write_down(dataset, sources.values())
        store(dataset, data_source)
    look_at_places(dataset)
    return dataset


def link_layers(actor: Actor, dataset: Dataset, links: Sequence[Link]) -> None:
    """Add layers of other datasets to the dataset, whose own layers are stored already.

    Raises as `check_links` does, and Conflict for a name that is taken.
    """
    sources = check_links(actor, links)
    layers = [sources[dataset_id].layer(name, new) for dataset_id, name, new in links]

    def with_links(data_source: DataSource) -> DataSource:
        for layer in layers:
            data_source = with_layer(data_source, layer)
        return data_source

    change_data_source(actor, dataset, with_links, sources.values())


def check_links(actor: Actor, links: Sequence[Link]) -> dict[str, Source]:
    """The sources of these links, by id; to ask early for what `link_layers` will ask again.

    Raises NotFound for what is missing or hidden, NotAllowed for a source that `actor` may only
    view, Conflict for one that can't be used, Invalid for too many and for sources on several data
    stores.
    """
    _require_few(links)
    sources = {
        dataset_id: source_for(actor, dataset_id)
        for dataset_id in dict.fromkeys(dataset_id for dataset_id, _, _ in links)
    }
    require_one_store(source.dataset for source in sources.values())
    for dataset_id, name, _ in links:
        layer_named(sources[dataset_id].data_source, name)
    return sources


def add_layer(
    *, actor: Actor, dataset: Dataset, source_id: str, source_layer: str, new_name: str
) -> None:
    """Add a layer of another dataset, with its mags, attachments and transformations."""
    require(actor, Action.EDIT, dataset)
    link_layers(actor, dataset, [(source_id, source_layer, new_name)])


def add_mag(
    *,
    actor: Actor,
    dataset: Dataset,
    layer_name: str,
    mag: Mag,
    source_id: str,
    source_layer: str,
    source_mag: Mag,
) -> None:
    """Add another dataset's mag to a layer, as `mag`. Both layers must store voxels alike.

    A layer without a bounding box gets that of the source; otherwise it keeps its own.
    """
    require(actor, Action.EDIT, dataset)
    source = source_for(actor, source_id)
    origin, found = source.mag(source_layer, source_mag.literal)
    box = origin.bounding_box.in_mag(source_mag).from_mag(mag)

    def with_it(data_source: DataSource) -> DataSource:
        layer = layer_named(data_source, layer_name)
        _require_alike(layer, origin)
        if layer.bounding_box.is_empty:
            boxed = layer.model_copy(update={"bounding_box": box})
            layers = tuple(boxed if each is layer else each for each in data_source.layers)
            data_source = data_source.model_copy(update={"layers": layers})
        return with_mag(data_source, layer_name, found.model_copy(update={"mag": mag}))

    change_data_source(actor, dataset, with_it, [source])


def add_attachment(
    *,
    actor: Actor,
    dataset: Dataset,
    layer_name: str,
    kind: str,
    name: str,
    source_id: str,
    source_layer: str,
    source_name: str,
) -> None:
    """Add another dataset's attachment to a layer, under `name`."""
    require(actor, Action.EDIT, dataset)
    source = source_for(actor, source_id)
    found = source.attachment(source_layer, kind, source_name)
    attachment = found.model_copy(update={"name": name})
    change_data_source(
        actor,
        dataset,
        lambda stored: with_attachment(stored, layer_name, kind, attachment),
        [source],
    )


def change_data_source(
    actor: Actor,
    dataset: Dataset,
    edit: Callable[[DataSource], DataSource],
    sources: Iterable[Source] = (),
) -> None:
    """Store what `edit` makes of the dataset's data source, with references to `sources`.

    Two changes at once take turns. Raises Invalid with every problem, and as settings_file does.
    """
    sources = list(sources)
    require_one_store([dataset, *(source.dataset for source in sources)])
    with noticing_changes(dataset), transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk).first()
        if locked is None:
            raise not_found(actor)
        require(actor, Action.EDIT, locked)
        require_unchanged(locked)
        stored = load(locked)
        data_source = edit(stored)
        if found := problems(_boxed_for_now(stored, data_source)):
            raise Invalid(*found)
        write_down(locked, sources)
        store(locked, data_source)
        publish(locked, data_source)
    dataset.refresh_from_db()
    look_at_places(dataset)


def _composed(
    sources: dict[str, Source], layers: Sequence[ComposedLayer], voxel_size: VoxelSize | None
) -> DataSource:
    if not layers:
        raise Invalid("Name at least one layer to compose a dataset of.")
    found: list[tuple[Layer, VoxelSize]] = []
    for composed in layers:
        source = sources[composed.dataset_id]
        layer = source.layer(composed.source_name, composed.new_name)
        found.append((layer, source.data_source.voxel_size))
    # Whoever names transformations has worked them out for the dataset to be.
    moving = [size for layer, size in zip(layers, found, strict=True) if not layer.transformations]
    target = voxel_size or common_voxel_size(moving or found[:1])
    placed = [
        (
            (layer.model_copy(update={"coordinate_transformations": given}), target)
            if (given := composed.transformations)
            else (layer, size)
        )
        for composed, (layer, size) in zip(layers, found, strict=True)
    ]
    rescaled = in_voxel_size(placed, target, is_chosen=voxel_size is not None)
    return DataSource(voxel_size=target, layers=rescaled)


def _require_few(layers: Sequence[object]) -> None:
    """Raise Invalid for more layers than a dataset can have, before any is looked for."""
    if len(layers) > LAYER_LIMIT:
        raise Invalid(
            f"{len(layers):,} layers can't go into one dataset, which has at most "
            f"{LAYER_LIMIT:,}. Make several datasets of them."
        )


def _boxed_for_now(stored: DataSource, data_source: DataSource) -> DataSource:
    """The data source as it is judged: a layer that came without a box, as the public library
    announces one, gets its first mag before its box.
    """
    boxless = {layer.name for layer in stored.layers if layer.bounding_box.is_empty}
    one_voxel = {"bounding_box": BoundingBox.of((0, 0, 0), (1, 1, 1))}
    layers = tuple(
        layer.model_copy(update=one_voxel)
        if layer.name in boxless and layer.bounding_box.is_empty
        else layer
        for layer in data_source.layers
    )
    return data_source.model_copy(update={"layers": layers})


def _require_alike(layer: Layer, source: Layer) -> None:
    def form(of: Layer) -> tuple[object, ...]:
        axes = tuple(axis.name for axis in of.additional_axes)
        return of.data_format, of.element_class, of.channels, axes

    if form(layer) != form(source):
        raise Invalid(
            f"Layer '{layer.name}' stores {layer.channels} x {layer.element_class} as "
            f"{layer.data_format}, but '{source.name}' stores {source.channels} x "
            f"{source.element_class} as {source.data_format}. Mags of one layer are stored alike."
        )
