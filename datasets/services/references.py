"""References to the data of other datasets: where a source's data really lies, written down so
that the dataset that refers to it may read it there (datasets.storage.given).
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from datasets.access import dataset_for, may_refer_to
from datasets.disk.places import find_places, record_places
from datasets.models import DataReference, Dataset
from datasets.properties import Attachment, DataSource, Layer, MagProperties
from datasets.storage import local
from sharing.access import Actor
from sharing.errors import Conflict, Invalid, NotAllowed, NotFound, ServiceError

from .data_source import load
from .data_source_parts import layer_named

_URI = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass
class Source:
    """A dataset that somebody refers to; `paths` is where what was referred to lies."""

    dataset: Dataset
    data_source: DataSource
    paths: set[str] = field(default_factory=set)

    def layer(self, name: str, new_name: str) -> Layer:
        """The whole layer, under a new name, with the places where its parts really lie."""
        layer = layer_named(self.data_source, name)
        return layer.model_copy(
            update={
                "name": new_name,
                "mags": tuple(self._mag(layer, mag) for mag in layer.mags),
                "attachments": layer.attachments.replaced(
                    lambda _, attachment: self._attachment(layer, attachment)
                ),
            }
        )

    def mag(self, layer_name: str, literal: str) -> tuple[Layer, MagProperties]:
        """The mag with its real place, and its layer. Raises NotFound, Conflict."""
        layer = layer_named(self.data_source, layer_name)
        for mag in layer.mags:
            if mag.mag.literal == literal:
                return layer, self._mag(layer, mag)
        raise NotFound(f"Layer '{layer_name}' of '{self.dataset}' has no mag {literal}.")

    def attachment(self, layer_name: str, kind: str, name: str) -> Attachment:
        """The attachment with its real place. Raises NotFound, Conflict."""
        layer = layer_named(self.data_source, layer_name)
        for attachment in layer.attachments.by_kind().get(kind, ()):
            if attachment.name == name:
                return self._attachment(layer, attachment)
        raise NotFound(f"Layer '{layer_name}' of '{self.dataset}' has no {kind} '{name}'.")

    def _mag(self, layer: Layer, mag: MagProperties) -> MagProperties:
        what = f"Mag {mag.mag.literal} of layer '{layer.name}' of '{self.dataset}'"
        if mag.path and _URI.match(mag.path):
            return mag
        try:
            place = local.resolve_mag_path(self._directory, layer, mag)
        except ServiceError as error:
            raise Conflict(f"{what} can't be referred to: {error}") from error
        return mag.model_copy(update={"path": self._real(place, what)})

    def _attachment(self, layer: Layer, attachment: Attachment) -> Attachment:
        what = f"The attachment '{attachment.name}' of layer '{layer.name}' of '{self.dataset}'"
        if _URI.match(attachment.path):
            return attachment
        try:
            place = local.resolve(self._directory, attachment.path)
        except ServiceError as error:
            raise Conflict(f"{what} can't be referred to: {error}") from error
        return attachment.model_copy(update={"path": self._real(place, what)})

    def _real(self, place: Path, what: str) -> str:
        real = os.path.realpath(place)
        limit = DataReference._meta.get_field("path").max_length or 0
        if not os.path.exists(real):  # noqa: PTH110 (never raises)
            raise Conflict(f"{what} can't be referred to: its data is gone. Restore it.")
        if len(real) > limit or any("\ud800" <= character <= "\udfff" for character in real):
            raise Conflict(
                f"{what} can't be referred to: its path is too long or not UTF-8. Rename it."
            )
        self.paths.add(real)
        return real

    @property
    def _directory(self) -> Path:
        return local.dataset_directory(self.dataset)


def source_for(actor: Actor, dataset_id: str) -> Source:
    """A dataset to refer to. Raises NotFound for one that `actor` may not view, NotAllowed for one
    that they may only view, Conflict for one that can't be used.
    """
    dataset = dataset_for(actor, dataset_id)
    if not may_refer_to(actor, dataset):
        raise NotAllowed(
            f"'{dataset}' can't be referred to: you may view it, but only people of its "
            "organization whose role or team gives them access may let other datasets read its "
            "data. Ask them for it, or download the data."
        )
    if not dataset.is_active:
        raise Conflict(f"'{dataset}' can't be referred to: {dataset.status}")
    return Source(dataset, load(dataset))


def require_one_store(datasets: Iterable[Dataset]) -> None:
    """Raise Invalid for datasets on different data stores: no store reads another's disk."""
    stores = sorted({dataset.data_store_id for dataset in datasets})
    if len(stores) > 1:
        raise Invalid(
            f"The layers lie on different data stores ({', '.join(stores)}). Use layers of one."
        )


def write_down(dataset: Dataset, sources: Iterable[Source]) -> None:
    """Let the dataset read what was referred to; the caller's transaction stores the paths, too."""
    DataReference.objects.bulk_create(
        [
            DataReference(dataset=dataset, path=path, source=source.dataset)
            for source in sources
            for path in sorted(source.paths)
        ],
        ignore_conflicts=True,
    )


def look_at_places(dataset: Dataset) -> None:
    """Write down where the dataset's mags really lie, and which of them can't be read."""
    record_places(dataset, find_places(local.dataset_directory(dataset), load(dataset)))
